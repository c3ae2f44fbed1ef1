"""A Parquet file with the data of its forerunner still in its old place, for readers who open it more than once.

pandas, Polars, DuckDB and ``pyarrow.parquet.read_table`` open a path two to four times: first for the footer, then for
the pages that it names. Replaced in between, by rename as well as on S3, the file gives them an error or, where pages
happen to be alike, rows of two versions (measured: one replacement in ten hits a reader that reads all the time). So
the new file keeps the bytes that the old footer points at where they were, in a gap that its own footer does not name:
such a reader gets the older version whole. The file takes up to three times its data.
"""

import struct
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MAGIC = b"PAR1"
MOST_BYTES = 64_000_000  # larger files are not made larger still
_SLACK = 4  # a quarter of room is left, so that the next, slightly larger version fits in before this one

# Where a Parquet footer (Thrift's compact protocol, parquet.thrift) holds positions, by field number.
_SHIFT = "shift"
_COLUMN_META = {9: _SHIFT, 10: _SHIFT, 11: _SHIFT, 14: _SHIFT}  # data, index, dictionary page; bloom filter
_COLUMN = {2: _SHIFT, 3: _COLUMN_META, 4: _SHIFT, 6: _SHIFT}  # the chunk; its metadata; offset and column index
_FILE = {4: {1: _COLUMN, 5: _SHIFT}}  # row groups: their columns, and their own position


def beside(before: bytes | None, body: bytes, *, most_bytes: int = MOST_BYTES) -> bytes:
    """The file ``body`` with the data of ``before`` at the offsets it has there. Both are whole Parquet files."""
    if before is None or max(len(before), len(body)) > most_bytes:
        return body
    start, end = _span(before)
    data, footer = body[len(MAGIC) : -_footer_size(body)], body[-_footer_size(body) : -8]
    kept = before[start:end]
    if len(data) <= start - len(MAGIC):
        return b"".join([MAGIC, data.ljust(start - len(MAGIC), b"\0"), kept, _sealed(footer)])
    base = end + (end - start) // _SLACK
    front = MAGIC.ljust(start, b"\0")
    return b"".join([front, kept, bytes(base - end), data, _sealed(shifted(footer, base - len(MAGIC)))])


def _footer_size(body: bytes) -> int:
    """Of the footer with its length and the closing magic."""
    (size,) = struct.unpack("<I", body[-8:-4])
    return int(size) + 8


def _sealed(footer: bytes) -> bytes:
    return footer + struct.pack("<I", len(footer)) + MAGIC


def _span(body: bytes) -> tuple[int, int]:
    """The bytes of a file that its footer points at: first and last + 1."""
    metadata = pq.read_metadata(pa.BufferReader(body))
    starts, ends = [], []
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    for group in (group for group in groups if group.num_rows):  # an empty one has no place
        for column in range(metadata.num_columns):
            chunk = group.column(column)
            start = chunk.data_page_offset
            if chunk.has_dictionary_page:
                start = min(start, chunk.dictionary_page_offset)
            starts.append(start)
            ends.append(start + chunk.total_compressed_size)
    return min(starts, default=len(MAGIC)), max(ends, default=len(MAGIC))


def shifted(footer: bytes, by: int) -> bytes:
    """The footer of a file whose data stands ``by`` bytes further on."""
    return _Footer(footer, by).rewritten()


class _Footer:
    """Copies Thrift's compact protocol field by field, adding to those that are positions."""

    def __init__(self, data: bytes, by: int) -> None:
        self._data, self._by = data, by
        self._at = self._copied = 0
        self._out = bytearray()

    def rewritten(self) -> bytes:
        self._struct(_FILE)
        return bytes(self._out + self._data[self._copied :])

    def _struct(self, shape: Any) -> None:
        field = 0
        while header := self._byte():
            step = header >> 4
            field = field + step if step else _unzigzag(self._varint())
            self._value(header & 15, shape.get(field) if isinstance(shape, dict) else None)

    def _value(self, kind: int, shape: Any) -> None:
        if kind in (1, 2):  # a boolean, told by its kind
            return
        if kind == 3:
            self._at += 1
        elif kind in (4, 5, 6):
            self._integer(shape)
        elif kind == 7:
            self._at += 8
        elif kind == 8:
            size = self._varint()
            self._at += size
        elif kind in (9, 10):
            self._list(shape)
        elif kind == 12:
            self._struct(shape)
        else:
            raise ValueError(f"a Parquet footer holds no field of kind {kind}")

    def _integer(self, shape: Any) -> None:
        before = self._at
        value = _unzigzag(self._varint())
        if shape is _SHIFT and value > 0:  # 0 stands for "not said"
            self._out += self._data[self._copied : before] + _varint_bytes((value + self._by) << 1)
            self._copied = self._at

    def _list(self, shape: Any) -> None:
        header = self._byte()
        size, kind = header >> 4, header & 15
        if size == 15:
            size = self._varint()
        for _ in range(size):
            if kind in (1, 2):
                self._at += 1
            else:
                self._value(kind, shape)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _varint_bytes(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
