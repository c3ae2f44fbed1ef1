"""Export: training-ready copies of a dataset's pictures, for Hugging Face, WebDataset or a spreadsheet.

Streams one manifest part at a time and a few pictures at once. The folder says in ``export.json`` what it is being
filled with; every file gets its name in one rename and is the same whenever it is made again, so a run that was killed
is simply run again: what is there and whole stays. An export of a newer commit replaces the older one in place.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from catalogs.rules import Rule
from tasks.engine.analysis.accepting import judge
from tasks.engine.exporting.folder import Files, Metadata, Spreadsheet
from tasks.engine.exporting.layout import Layout, Writer
from tasks.engine.exporting.rows import COLUMNS, Item, item_of
from tasks.engine.exporting.shards import Shards
from tasks.journal.dataset import find_dataset
from tasks.manifest.commits import Commit, newest_commit
from tasks.storage.store import Store

Format = Literal["imagefolder", "webdataset", "csv"]
RECORD = "export.json"
_AT_ONCE = 32
_BATCH_ROWS = 2_048


class NotOurs(Exception):
    """The folder holds something else than an earlier export of this kind; nothing in it was touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be exported. ``catalogs`` empty = all; only current rows ever are."""

    dataset: str
    format: Format
    outcomes: tuple[str, ...] = ("succeeded",)
    accept: Rule | None = None
    catalogs: tuple[str, ...] = ()
    per_shard: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What the folder holds now. ``damaged`` lists pictures that are not what the manifest says: they are left out."""

    commit: int
    rows: int
    images: int
    copied: int
    left_out: int
    damaged: tuple[str, ...] = ()


async def export(store: Store, asked: Asked, to: Path) -> Exported:
    """Fill ``to``. ``FileNotFoundError`` without a manifest or a catalog of that name, ``NotOurs`` for a wrong folder.

    ``DatasetProblem`` if the dataset is of another layout.
    """
    await find_dataset(store)
    commit = await newest_commit(store)
    if commit is None:
        raise FileNotFoundError(f"no manifest in {store.uri!r}: nothing has been committed yet")
    await _find_catalogs(store, asked, commit)
    record = _record(asked, commit)
    known = _claim(to, record)
    if "exported" in known and known == record | {"complete": True, "exported": known["exported"]}:
        return Exported(**known["exported"])  # a damaged one is never complete
    resumed = {**known, "complete": False} == record
    writer = _writer(Layout(to, asked.format, asked.per_shard, commit.n, resumed=resumed))
    try:
        exported = await _copy(store, asked, commit, writer)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    done = {name: value for name, value in asdict(exported).items() if name != "damaged"}
    _write_record(
        to, record | ({"damaged": exported.damaged} if exported.damaged else {"complete": True, "exported": done})
    )
    return exported


async def _find_catalogs(store: Store, asked: Asked, commit: Commit) -> None:
    """``FileNotFoundError`` for a catalog that the dataset never had: a slip must not empty an earlier export."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    missing, there = set(asked.catalogs), set[str]()
    for file in commit.files if missing else ():
        table = pq.read_table(pa.BufferReader(await store.get(file.key)), columns=["catalog"])
        there |= set(table["catalog"].unique().to_pylist())
    if missing - there:
        names = ", ".join(sorted(missing - there))
        raise FileNotFoundError(f"no catalog {names} in {asked.dataset}: it has {', '.join(sorted(there)) or 'none'}")


def _writer(layout: Layout) -> Writer:
    if layout.format == "webdataset":
        return Shards(layout)
    return Files(layout, Metadata(layout.to) if layout.format == "imagefolder" else Spreadsheet(layout.to))


async def _copy(store: Store, asked: Asked, commit: Commit, writer: Writer) -> Exported:
    done = Exported(commit=commit.n, rows=0, images=0, copied=0, left_out=0)
    damaged: list[str] = []
    window: list[Item] = []
    async for item in _items(store, asked, commit):
        if item is None:
            done = replace(done, left_out=done.left_out + 1)
            continue
        window.append(item)
        if len(window) == _AT_ONCE:
            done = await _put(store, writer, window, done, damaged)
            window = []
    done = await _put(store, writer, window, done, damaged)
    return replace(done, damaged=tuple(damaged))


async def _put(store: Store, writer: Writer, items: list[Item], done: Exported, damaged: list[str]) -> Exported:
    """Add some rows in their order; their pictures are read side by side unless the folder has them."""
    bodies = await asyncio.gather(*(_body(store, writer, item) for item in items))
    good = [(item, body) for item, body in zip(items, bodies, strict=True) if not isinstance(body, str)]
    damaged += [body for body in bodies if isinstance(body, str)]
    await asyncio.to_thread(writer.add, good)
    return replace(
        done, rows=done.rows + len(good), images=done.images + sum(item.image_key is not None for item, _ in good),
        copied=done.copied + sum(body is not None for _, body in good),
    )  # fmt: skip


async def _body(store: Store, writer: Writer, item: Item) -> bytes | str | None:
    """The picture's bytes, None if there is none to write, or what is wrong with it."""
    if item.image_key is None or await asyncio.to_thread(writer.has, item):
        return None
    try:
        body = await store.get(item.image_key)
    except FileNotFoundError:
        return f"{item.image_key}: missing"
    if hashlib.sha256(body).hexdigest() != item.sha256:
        return f"{item.image_key}: its bytes are not those of the manifest"
    return body


async def _items(store: Store, asked: Asked, commit: Commit) -> AsyncIterator[Item | None]:
    """The rows of the commit in its order: what is asked for, and None for each current row that is not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    position = 0
    columns = sorted(COLUMNS | (asked.accept.columns if asked.accept else frozenset()))
    for file in commit.files:
        part = pq.ParquetFile(pa.BufferReader(await store.get(file.key)))
        for batch in part.iter_batches(_BATCH_ROWS, columns=columns):
            for row in batch.to_pylist():
                if not row["current"] or (asked.catalogs and row["catalog"] not in asked.catalogs):
                    continue
                if _is_asked(asked, row):
                    yield item_of(row, position)
                    position += 1
                else:
                    yield None


def _is_asked(asked: Asked, row: dict[str, Any]) -> bool:
    if row["outcome"] not in asked.outcomes or (asked.format != "csv" and row["image_uri"] is None):
        return False
    return asked.accept is None or bool(judge(asked.accept, row))


def _record(asked: Asked, commit: Commit) -> dict[str, Any]:
    return {
        "printroom_export": 1, "dataset": asked.dataset, "commit": commit.n, "commit_nonce": commit.nonce,
        "format": asked.format, "outcomes": list(asked.outcomes), "accept": asked.accept and asked.accept.text,
        "catalogs": list(asked.catalogs), "per_shard": asked.per_shard, "complete": False,
    }  # fmt: skip


def _claim(to: Path, record: dict[str, Any]) -> dict[str, Any]:
    """The folder's earlier record (empty if there is none); the folder is ours afterwards, or ``NotOurs``."""
    to.mkdir(parents=True, exist_ok=True)
    path = to / RECORD
    known: dict[str, Any] = {}
    if path.exists():
        try:
            known = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError:
            known = {}
        if not isinstance(known, dict) or known.get("format") != record["format"]:
            raise NotOurs(f"{to} holds another export; choose an empty folder")
    elif any(to.iterdir()):
        raise NotOurs(f"{to} is not empty and holds no export; choose an empty folder")
    if not known.get("complete") or known != record | {"complete": True, "exported": known.get("exported")}:
        _write_record(to, record)
    return known


def _write_record(to: Path, record: dict[str, Any]) -> None:
    made = to / f".{RECORD}.new"
    made.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    made.replace(to / RECORD)
