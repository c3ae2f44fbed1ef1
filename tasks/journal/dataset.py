"""``dataset.json``: what is fixed when a dataset is created. Create-only, read before anything else."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from tasks.journal.codec import LAYOUT
from tasks.journal.driver import patient
from tasks.journal.errors import DatasetProblem
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Listed, Store

DATASET_NAME = "dataset.json"
JOURNAL = "journal/"
DEFAULT_PARTITIONS = 16
MAX_PARTITIONS = 4096


@dataclass(frozen=True, slots=True)
class Dataset:
    """An open dataset: ``partitions`` and ``layout`` never change, ``id`` is drawn when it is created."""

    id: str
    partitions: int
    layout: int
    created_at: str

    @property
    def partition_names(self) -> list[str]:
        """The names of all partitions, in order."""
        return [partition_name(index, self.partitions) for index in range(self.partitions)]


def partition_of(key: str, partitions: int) -> int:
    """The partition of a call key (or of a key that begins with one): its leading 32 bits, in equal ranges."""
    return int(key[:8], 16) * partitions >> 32


def partition_name(index: int, partitions: int) -> str:
    """The name of a partition, "00" … "15": padded so that names sort as numbers do."""
    return f"{index:0{max(2, len(str(partitions - 1)))}d}"


async def open_dataset(store: Store, *, partitions: int | None = None, create: bool) -> Dataset:
    """The dataset in ``store``; with ``create`` it is made if it is not there.

    ``partitions`` is asked for when a dataset is created; None = whatever it has, or 16. Raises ``DatasetProblem``
    with one sentence for the user, ``StoreDown`` if the store does not answer.
    """
    if partitions is not None and not 1 <= partitions <= MAX_PARTITIONS:
        raise DatasetProblem(f"a dataset has between 1 and {MAX_PARTITIONS} partitions, not {partitions}")
    steady = patient(store)
    body = await steady.get(DATASET_NAME)
    if body is None:
        if not create:
            raise DatasetProblem("there is no dataset here yet (dataset.json is missing); `printroom run` creates one")
        body = await _create(steady, partitions or DEFAULT_PARTITIONS)
    return _read(body, partitions)


async def find_dataset(store: Store, *, partitions: int | None = None) -> Dataset | None:
    """The dataset in ``store``, or None if there is none yet; asked once, for nothing has begun.

    ``DatasetProblem`` if what is there is damaged, of another layout or of other ``partitions``. Raises what the store
    raises.
    """
    try:
        body = await store.get(DATASET_NAME)  # the 404 of a HEAD cannot tell a missing bucket from a missing object
    except FileNotFoundError:
        _refuse_leftovers(await store.list(JOURNAL))
        return None
    return _read(body, partitions)


async def _create(store: PatientStore, partitions: int) -> bytes:
    _refuse_leftovers(await store.list(JOURNAL))
    made = {
        "layout": LAYOUT,
        "partitions": partitions,
        "id": secrets.token_hex(16),
        "created_at": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    await store.keep(DATASET_NAME, orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    body = await store.get(DATASET_NAME)  # ours or another's: whoever came first
    if body is None:
        raise DatasetProblem("dataset.json was removed while the dataset was being created")
    return body


def _refuse_leftovers(listed: Sequence[Listed]) -> None:
    if any(each.key.removeprefix(JOURNAL)[:1].isdigit() for each in listed):  # not just a probe's
        raise DatasetProblem("there is a journal here but no dataset.json: it is damaged, or of an older layout")


def _read(body: bytes, partitions: int | None) -> Dataset:
    try:
        values: dict[str, Any] = orjson.loads(body)
        layout = int(values["layout"])
        if layout == LAYOUT:
            dataset = Dataset(values["id"], int(values["partitions"]), layout, values["created_at"])
    except (ValueError, TypeError, KeyError) as error:
        raise DatasetProblem(f"dataset.json cannot be read ({error}); restore it from a backup") from error
    if layout > LAYOUT:
        raise DatasetProblem(f"this dataset has layout {layout}, this Printroom knows up to {LAYOUT}: use a newer one")
    if layout < LAYOUT:
        raise DatasetProblem(f"this dataset has the older layout {layout}: open it with the Printroom that made it")
    if partitions is not None and partitions != dataset.partitions:
        raise DatasetProblem(
            f"this dataset has {dataset.partitions} partitions, fixed when it was created; {partitions} were asked for"
        )
    return dataset
