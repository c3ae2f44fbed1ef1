"""A Parquet file with the data of its forerunner still in its old place, for readers who open it more than once.

pandas, Polars, DuckDB and ``pyarrow.parquet.read_table`` open a path two to four times: first for the footer, then for
the pages that it names. Replaced in between, by rename as well as on S3, the file gives them an error or, where pages
happen to be alike, rows of two versions (measured: one replacement in ten hits a reader that reads all the time). So
the new file keeps the bytes that the old footer points at where they were, in a gap that its own footer does not name:
such a reader gets the older version whole. The file takes up to three times its data.
"""

import io
import os
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

MAGIC = b"PAR1"
MOST_BYTES = 64_000_000  # larger files are not made larger still
_CHUNK = 2**20
_SLACK = 4  # a quarter of room is left, so that the next, slightly larger version fits in before this one

# Where a Parquet footer (Thrift's compact protocol, parquet.thrift) holds positions, by field number.
_SHIFT = "shift"
_COLUMN_META = {9: _SHIFT, 10: _SHIFT, 11: _SHIFT, 14: _SHIFT}  # data, index, dictionary page; bloom filter
_COLUMN = {2: _SHIFT, 3: _COLUMN_META, 4: _SHIFT, 6: _SHIFT}  # the chunk; its metadata; offset and column index
_FILE = {4: {1: _COLUMN, 5: _SHIFT}}  # row groups: their columns, and their own position


@dataclass(slots=True)
class Data:
    """The data of a file without its footer, and where in the file it lies. ``chunks`` go as they are used."""

    start: int
    end: int
    chunks: deque[bytes]


def data_of(file: bytes, *, most_bytes: int = MOST_BYTES) -> Data | None:
    """What a reader who has the footer of ``file`` may still come for; a copy, so that the file itself can go.

    None if the file is too large to be kept.
    """
    if len(file) > most_bytes:
        return None
    start, end = _span(file)
    return Data(start, end, deque(file[at : min(at + _CHUNK, end)] for at in range(start, end, _CHUNK)))


def beside(kept: Data | None, body: BinaryIO, *, most_bytes: int = MOST_BYTES) -> Iterator[bytes]:
    """The file ``body`` with ``kept`` at the offset that it had: the pieces to write one after the other."""
    size = body.seek(0, os.SEEK_END)
    if kept is None or size > most_bytes:
        yield from _chunks(body, 0, size)
        return
    footer_at = size - _footer_size(_read(body, size - 8, 8))
    footer, data_size = _read(body, footer_at, size - 8 - footer_at), footer_at - len(MAGIC)
    yield MAGIC
    if data_size <= kept.start - len(MAGIC):
        yield from _chunks(body, len(MAGIC), footer_at)
        yield bytes(kept.start - footer_at)
        yield from _taken(kept)
        yield _sealed(footer)
        return
    base = kept.end + (kept.end - kept.start) // _SLACK
    yield bytes(kept.start - len(MAGIC))
    yield from _taken(kept)
    yield bytes(base - kept.end)
    yield from _chunks(body, len(MAGIC), footer_at)
    yield _sealed(shifted(footer, base - len(MAGIC)))


def joined(pieces: Iterable[bytes]) -> bytes:
    """The whole file, without a second copy of it in memory."""
    file = io.BytesIO()
    for piece in pieces:
        file.write(piece)
    return file.getvalue()


def _taken(kept: Data) -> Iterator[bytes]:
    while kept.chunks:
        yield kept.chunks.popleft()


def _chunks(body: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _CHUNK):
        yield _read(body, at, min(_CHUNK, end - at))


def _read(body: BinaryIO, at: int, size: int) -> bytes:
    body.seek(at)
    return body.read(size)


def _footer_size(body: bytes) -> int:
    """Of the footer with its length and the closing magic, which are the last eight bytes."""
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
