"""An export as a folder: one file per picture, and beside them a table for loaders or for people."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tasks.engine.exporting.layout import Layout, Rows
from tasks.engine.exporting.rows import Item
from tasks.engine.exporting.table import PROVENANCE, Table, origin

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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
        self._provenance.add([origin(item, self._commit, f"{self._index.folder}/") for item, _ in rows])

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
