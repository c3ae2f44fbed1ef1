"""A Parquet file that grows row by row and gets its name when it is whole; the provenance of an export is one."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from tasks.engine.exporting.rows import Item

PROVENANCE = "provenance.parquet"
_ROWS_PER_GROUP = 8_192


class Table:
    """A Parquet file that grows by rows of plain values; its columns' types are what ``_type`` says."""

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
            settle(self._made, self._path)
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


def origin(item: Item, commit: int, folder: str) -> dict[str, Any]:
    """A row of the provenance sidecar."""
    file_name = None if item.file_name is None else f"{folder}{item.file_name}"
    return {"file_name": file_name, **item.provenance, "manifest_commit": commit}


def settle(made: Path, path: Path) -> None:
    """Give a finished file its name; a power cut leaves none of that name, or all of it."""
    with made.open("rb") as file:
        os.fsync(file.fileno())
    made.replace(path)
