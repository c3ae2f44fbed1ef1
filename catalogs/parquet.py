"""Parquet catalogs as rows of text cells, a batch at a time. pyarrow is loaded only when such a file is read."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from catalogs.dialect import Malformed
from catalogs.problems import Complaint, escaped

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_BYTES = 8 << 20
_MOST_ROWS_PER_BATCH = 4_096
_LISTS = ("images", "mask")  # a typed list in these columns is the same as a ;-separated cell


def records(source: BinaryIO, max_rows: int) -> Iterator[Sequence[str] | Malformed]:
    """The column names, then each row as text: nulls and NaN are empty, dates ISO 8601, nested values JSON.

    A file that cannot be read (further) ends with one ``Malformed``.
    """
    import pyarrow as pa
    from pyarrow import parquet

    source.seek(0)
    try:
        file = parquet.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False)
        if file.metadata.num_rows > max_rows:
            found, allowed = f"{file.metadata.num_rows:,} rows", f"at most {max_rows:,} rows in one catalog"
            yield Malformed(Complaint(None, found, allowed, kind="too many rows"), lines=0)
            return
        names = file.schema_arrow.names
        yield names
        for batch in file.iter_batches(batch_size=_batch_rows(file.metadata), use_threads=False):
            yield from _rows(names, batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: a column's name in damaged metadata
        found = f"a Parquet file that cannot be read ({escaped(str(error))[:120]})"
        yield Malformed(Complaint(None, found, "a whole Parquet file", kind="broken Parquet"), lines=0)


def _batch_rows(metadata: Any) -> int:
    size: int = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    return max(1, min(_MOST_ROWS_PER_BATCH, _BATCH_BYTES * int(metadata.num_rows) // max(1, size)))


def _rows(names: Sequence[str], batch: "pa.RecordBatch") -> Iterator[Sequence[str] | Malformed]:
    columns = [_texts(name, column) for name, column in zip(names, batch.columns, strict=True)]
    for cells in zip(*columns, strict=True):
        if None in cells:
            column = names[cells.index(None)]
            yield Malformed(Complaint(column, "bytes that are not UTF-8", "text in UTF-8", kind="encoding"), lines=1)
        else:
            yield cells


def _texts(name: str, column: "pa.Array") -> list[str | None]:
    """The cells of a column; None for a cell that is not text at all."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _strings(column)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return [_decoded(value) for value in column.to_pylist()]
    if types.is_boolean(kind):
        return ["" if value is None else "true" if value else "false" for value in column.to_pylist()]
    if types.is_temporal(kind):
        return [_moment(value) for value in column.cast("string").to_pylist()]
    if types.is_nested(kind):
        return [_nested(name, value) for value in column.to_pylist()]
    # the only value that differs from itself is NaN, which pandas writes for a gap
    return ["" if value is None or value != value else str(value) for value in column.to_pylist()]  # noqa: PLR0124


def _strings(column: "pa.Array") -> list[str | None]:
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        return [_decoded(value) for value in column.cast("binary").to_pylist()]
    return ["" if value is None else value for value in values] if column.null_count else values


def _decoded(value: bytes | None) -> str | None:
    try:
        return "" if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _moment(text: str | None) -> str:
    """``2026-11-21T10:00:00`` of Arrow's ``2026-11-21 10:00:00.000000``."""
    if text is None:
        return ""
    moment, point, fraction = text.partition(".")
    digits = fraction.rstrip("Z").rstrip("0")
    return moment.replace(" ", "T") + point * bool(digits) + digits + "Z" * text.endswith("Z")


def _nested(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name.strip().lower() in _LISTS and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)
