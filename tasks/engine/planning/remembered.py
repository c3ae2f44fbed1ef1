"""Where a dataset keeps what it remembers of the user's words, and what it remembers: chosen models, raised takes."""

from dataclasses import dataclass

import orjson

from tasks.storage.keys import slug
from tasks.storage.store import Store


async def fixed_choice(store: Store, word: str) -> str | None:
    """The model an earlier run chose for a word, or None."""
    return (await _remembered(store, choice_key(word))).decode() or None


def choice_key(word: str) -> str:
    """Where a dataset keeps the model that an ``auto:`` word was first bought with (create-only)."""
    return f"choices/{slug(word)}"


async def bare_rows_model(store: Store, catalog: str) -> str | None:
    """The model that ``--model`` gave to the rows of a catalog that name none, or None."""
    return (await _remembered(store, bare_rows_key(catalog))).decode() or None


def bare_rows_key(catalog: str) -> str:
    """Where a dataset keeps the model of a catalog's rows that name none."""
    return f"choices/rows-of-{slug(catalog)}"


async def raised_takes(store: Store, catalog: str) -> dict[str, int]:
    """Takes that ``--again`` raised above the catalog's own, by row id."""
    found = orjson.loads(await _remembered(store, takes_key(catalog)) or b"{}")
    return {row_id: int(take) for row_id, take in found.items()}


async def raised_by(store: Store, catalog: str, run_id: str) -> dict[str, int]:
    """The same, as this very run raised them before it was retried or shared out: they are not raised once more."""
    found: dict[str, int] = orjson.loads(await _remembered(store, own_takes_key(catalog, run_id)) or b"{}")
    return found


@dataclass(frozen=True, slots=True)
class Retake:
    """A raised take on a model that is not the row's own."""

    model: str  # as Row.model
    take: int


async def retakes(store: Store, catalog: str) -> dict[str, dict[str, Retake]]:
    """By row id, and by the model that the row was read with: a row on which another is written is that one's."""
    found = orjson.loads(await _remembered(store, retakes_key(catalog)) or b"{}")
    return {row_id: {own: Retake(**entry) for own, entry in each.items()} for row_id, each in found.items()}


def retakes_key(catalog: str) -> str:
    """Where a dataset keeps the takes of a catalog that ``--model`` had made on other models than the catalog's."""
    return f"takes/{slug(catalog)}.models.json"


def own_takes_key(catalog: str, run_id: str) -> str:
    """Where a dataset keeps the takes of a catalog that one run raised (create-only)."""
    return f"takes/{slug(catalog)}.{run_id}.json"


def takes_key(catalog: str) -> str:
    """Where a dataset keeps the raised takes of a catalog."""
    return f"takes/{slug(catalog)}.json"


async def kept_takes(store: Store, catalog: str) -> dict[str, dict[str, str]]:
    """Earlier takes that a refill accepted and keeps current, by row id: take -> call key."""
    found: dict[str, dict[str, str]] = orjson.loads(await _remembered(store, kept_key(catalog)) or b"{}")
    return found


def kept_key(catalog: str) -> str:
    """Where a dataset keeps a catalog's accepted earlier takes."""
    return f"takes/{slug(catalog)}.kept.json"


async def _remembered(store: Store, key: str) -> bytes:
    """What lies there; nothing where nothing was ever kept."""
    try:
        return await store.get(key)
    except FileNotFoundError:
        return b""
