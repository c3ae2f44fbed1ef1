"""How an export lies in its folder: files and a metadata table, tar shards, or a table for people.

A writer makes the same bytes of the same rows, whenever and however often it is asked. What is not finished has a name
that begins with a dot.
"""

import csv
import hashlib
import io
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import orjson

from tasks.work.export_rows import Item

Rows = Sequence[tuple[Item, bytes | None]]
PROVENANCE = "provenance.parquet"
_ROWS_PER_GROUP = 8_192
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where and how; ``commit`` goes into the provenance. ``resumed``: what is there is of this very export."""

    to: Path
    format: str
    per_shard: int
    commit: int
    resumed: bool = False


class Writer(Protocol):
    """Takes rows in their order."""

    def has(self, item: Item) -> bool:
        """Whether the picture is already in its place, whole."""

    def add(self, rows: Rows) -> None:
        """Write some rows; of a picture that ``has`` found, the bytes are None."""

    def close(self) -> None:
        """Give everything its name, and remove what an earlier export left that this one does not hold."""

    def abandon(self) -> None:
        """Leave what is whole; the next run goes on."""


def open_writer(layout: Layout) -> Writer:
    """The writer of a layout's format."""
    if layout.format == "webdataset":
        return Shards(layout)
    return Files(layout, Metadata(layout.to) if layout.format == "imagefolder" else Spreadsheet(layout.to))


class Index(Protocol):
    """The table beside the pictures."""

    folder: str  # of the pictures, below the export
    path: Path

    def add(self, items: Sequence[Item]) -> None:
        """Append rows."""

    def close(self) -> None:
        """Give the table its name."""

    def abandon(self) -> None:
        """Remove what there is of it."""


class Files:
    """One file per picture, and a table that names them."""

    def __init__(self, layout: Layout, index: Index) -> None:
        self._to, self._index = layout.to, index
        self._provenance = Table(layout.to / PROVENANCE)
        self._commit = layout.commit
        self._written: set[str] = set()

    def has(self, item: Item) -> bool:
        """Whether the file has the bytes that the manifest says."""
        path = self._path(item)
        try:
            if path.stat().st_size != item.size_bytes:
                return False
        except FileNotFoundError:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == item.sha256

    def add(self, rows: Rows) -> None:
        """Write the pictures, then their lines."""
        for item, body in rows:
            if item.file_name is not None:
                self._written.add(f"{self._index.folder}/{item.file_name}")
            if body is not None:
                path = self._path(item)
                path.parent.mkdir(parents=True, exist_ok=True)
                made = path.with_name(f".{path.name}.new")
                made.write_bytes(body)
                made.replace(path)
        self._index.add([item for item, _ in rows])
        self._provenance.add([_origin(item, self._commit, f"{self._index.folder}/") for item, _ in rows])

    def close(self) -> None:
        """Name the tables; remove pictures that no line names."""
        self._index.close()
        self._provenance.close()
        for path in sorted((self._to / self._index.folder).rglob("*"), reverse=True):
            if path.is_file() and path != self._index.path and self._name(path) not in self._written:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def abandon(self) -> None:
        """Keep the pictures; tables begin anew."""
        self._index.abandon()
        self._provenance.abandon()

    def _path(self, item: Item) -> Path:
        return self._to / self._index.folder / str(item.file_name)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._to).as_posix()


class Metadata:
    """``metadata.parquet`` beside the pictures, as Hugging Face's imagefolder reads it."""

    folder = "train"

    def __init__(self, to: Path) -> None:
        (to / self.folder).mkdir(parents=True, exist_ok=True)
        self.path = to / self.folder / "metadata.parquet"
        self._table = Table(self.path)

    def add(self, items: Sequence[Item]) -> None:
        """Rows with ``file_name`` relative to the table's own folder."""
        self._table.add([{"file_name": item.file_name, **item.facts} for item in items])

    def close(self) -> None:
        """Name the table."""
        self._table.close()

    def abandon(self) -> None:
        """Remove what there is of it."""
        self._table.abandon()


class Spreadsheet:
    """``index.csv`` for people: UTF-8 with a mark for Excel, every cell quoted, no cell a formula (OWASP)."""

    folder = "images"

    def __init__(self, to: Path) -> None:
        self.path = to / "index.csv"
        self._made = to / ".index.csv.new"
        self._file = self._made.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, quoting=csv.QUOTE_ALL)
        self._headed = False

    def add(self, items: Sequence[Item]) -> None:
        """One line per row, with or without a picture."""
        for item in items:
            file_name = None if item.file_name is None else f"{self.folder}/{item.file_name}"
            line = {"file_name": file_name, **item.facts}
            self._head(list(line))
            self._writer.writerow([safe_cell(value) for value in line.values()])

    def _head(self, names: list[str]) -> None:
        if not self._headed:
            self._writer.writerow(names)
            self._headed = True

    def close(self) -> None:
        """Name the file."""
        self._head(["file_name"])
        self._file.close()
        self._made.replace(self.path)

    def abandon(self) -> None:
        """Remove what there is of it."""
        self._file.close()
        self._made.unlink(missing_ok=True)


def safe_cell(value: Any) -> str:
    """A value as text that no spreadsheet takes for a formula: ``'`` stands before what would be one. Null is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    text = value.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


class Shards:
    """``shard-00000.tar`` …: for each picture ``<key>.png``, ``<key>.txt`` (its prompt) and ``<key>.json``.

    Which shard a picture is in follows from its position alone, so the whole shards of a killed run need not be made
    again.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._provenance = Table(layout.to / PROVENANCE)
        self._made = layout.to / ".shard.new"
        self._tar: tarfile.TarFile | None = None
        self._open = -1  # the number of the shard in hand
        self._newest = -1
        there = layout.to.glob("shard-*.tar")
        self._whole = {path.name for path in there} if layout.resumed else set[str]()

    def has(self, item: Item) -> bool:
        """Whether the picture's shard was finished before."""
        return self._shard(item) in self._whole

    def add(self, rows: Rows) -> None:
        """Append samples, closing each shard that is full."""
        for item, body in rows:
            number = item.position // self._layout.per_shard
            if number != self._newest:
                self._close_shard()
                self._newest = number
            if body is not None:
                self._sample(item, body, number)
        self._provenance.add(
            [{**_origin(item, self._layout.commit, ""), "shard": self._shard(item)} for item, _ in rows]
        )

    def close(self) -> None:
        """Name the last shard; remove those that an earlier export had more."""
        self._close_shard()
        self._provenance.close()
        for path in self._layout.to.glob("shard-*.tar"):
            if int(path.stem.removeprefix("shard-")) > self._newest:
                path.unlink()

    def abandon(self) -> None:
        """Keep whole shards."""
        if self._tar is not None:
            self._tar.close()
        self._made.unlink(missing_ok=True)
        self._provenance.abandon()

    def _sample(self, item: Item, body: bytes, number: int) -> None:
        if self._tar is None:
            self._tar = tarfile.open(self._made, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed when it is full
            self._open = number
        facts = {**item.facts, "tags": orjson.loads(item.facts["tags"]), "provenance": item.provenance}
        self._file(f"{item.name}.{item.extension}", body)
        self._file(f"{item.name}.txt", str(item.facts["text"]).encode())
        self._file(f"{item.name}.json", orjson.dumps(facts, option=orjson.OPT_SORT_KEYS))

    def _file(self, name: str, body: bytes) -> None:
        assert self._tar is not None
        head = tarfile.TarInfo(name)  # owner, times and mode are the same everywhere
        head.size, head.mode = len(body), 0o644
        self._tar.addfile(head, io.BytesIO(body))

    def _close_shard(self) -> None:
        if self._tar is None:
            return
        self._tar.close()
        _settle(self._made, self._layout.to / f"shard-{self._open:05d}.tar")
        self._tar = None

    def _shard(self, item: Item) -> str:
        return f"shard-{item.position // self._layout.per_shard:05d}.tar"


def _settle(made: Path, path: Path) -> None:
    """Give a finished file its name; a power cut leaves none of that name, or all of it."""
    with made.open("rb") as file:
        os.fsync(file.fileno())
    made.replace(path)


class Table:
    """A Parquet file that grows by rows of plain values; its columns' types are those of ``_TYPES``."""

    def __init__(self, path: Path) -> None:
        self._path, self._made = path, path.with_name(f".{path.name}.new")
        self._rows: list[dict[str, Any]] = []
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows, which all have the same names."""
        self._rows += rows
        if len(self._rows) >= _ROWS_PER_GROUP:
            self._flush()

    def close(self) -> None:
        """Name the file; without rows there is none."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
            _settle(self._made, self._path)
        else:
            self._path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove what there is of it."""
        if self._writer is not None:
            self._writer.close()
        self._made.unlink(missing_ok=True)

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._rows:
            return
        schema = pa.schema([(name, _type(name)) for name in self._rows[0]])
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._made, schema, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=schema))
        self._rows = []


def _type(name: str) -> Any:
    import pyarrow as pa

    if name in ("take", "sample_index", "width_px", "height_px", "manifest_commit"):
        return pa.int64()
    if name == "cer":
        return pa.float64()
    if name == "has_c2pa":
        return pa.bool_()
    return pa.list_(pa.string()) if name == "input_sha256s" else pa.string()


def _origin(item: Item, commit: int, folder: str) -> dict[str, Any]:
    """A row of the provenance sidecar."""
    file_name = None if item.file_name is None else f"{folder}{item.file_name}"
    return {"file_name": file_name, **item.provenance, "manifest_commit": commit}
