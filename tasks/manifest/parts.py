"""Immutable parts: the rows of one partition as Parquet bytes. The same fold gives the same bytes."""

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.journal.fold import Fold
from tasks.manifest.calls import call_rows
from tasks.manifest.commits import PartEntry, PartFile, Tally
from tasks.manifest.rows import RowDict, manifest_rows
from tasks.manifest.schema import CALL_SCHEMA, DAY, PART_SCHEMA, SCHEMA_VERSION, USD, UTC

GROUP_ROWS = 4_096  # some 5 MB while they are written; eight times as many take 60 MB more
_CHUNK_ROWS = 1024  # as dicts: more of them fall out of the processor's cache and cost twice the time

# A dictionary page for texts that hardly repeat costs time and saves nothing.
_REPEATED = (
    "catalog", "take", "sample_index", "run_id", "catalog_sha256", "operation", "provider", "model", "endpoint",
    "params", "mask_sha256", "requested_size", "outcome", "outcome_reason", "refusal_stage", "http_status", "attempts",
    "format", "width_px", "height_px", "ocr_model", "ocr_status", "cost_usd", "ocr_cost_usd", "cost_at_risk_usd",
    "price_rule", "price_as_of", "billed", "input_tokens", "output_tokens", "queue_ms", "download_ms", "store_ms",
    "schema_version", "samples", "purpose", "attempt", "error_class", "manifest_commit", "call_outcome",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A partition's rows as they stood after ``through`` segments, in memory and no longer tied to the live fold."""

    partition: int
    through: int
    rows: list[pa.RecordBatch]
    calls: list[pa.RecordBatch]
    tally: Tally


@dataclass(frozen=True, slots=True)
class Part:
    """A commit's entry for a partition and the two objects it names."""

    entry: PartEntry
    rows: bytes
    calls: bytes


def snapshot(fold: Fold, partition: int) -> Snapshot:
    """The rows of a fold that goes on changing: call it where nothing else can touch the fold meanwhile."""
    count = _Counter()
    rows = list(_batches(count.seen(manifest_rows(fold)), PART_SCHEMA))
    return Snapshot(partition, fold.through, rows, list(_batches(call_rows(fold), CALL_SCHEMA)), count.tally())


def encode(taken: Snapshot) -> Part:
    """Parquet bytes of a snapshot, and their names by content. Fit for another thread."""
    stem = f"{taken.partition:02d}-{taken.through:010d}"
    rows, calls = to_parquet(taken.rows, PART_SCHEMA), to_parquet(taken.calls, CALL_SCHEMA)
    entry = PartEntry(
        partition=taken.partition,
        through=taken.through,
        rows=_file("manifest/parts", stem, rows, sum(batch.num_rows for batch in taken.rows)),
        calls=_file("manifest/calls", stem, calls, sum(batch.num_rows for batch in taken.calls)),
        tally=taken.tally,
    )
    return Part(entry, rows, calls)


def _file(folder: str, stem: str, body: bytes, rows: int) -> PartFile:
    digest = hashlib.sha256(body).hexdigest()
    return PartFile(key=f"{folder}/{stem}-{digest[:16]}.parquet", sha256=digest, rows=rows, size_bytes=len(body))


class _Counter:
    """Counts rows as they pass, so that a commit can give totals without anybody reading the parts."""

    def __init__(self) -> None:
        self._rows = self._extra = self._known = self._reading = self._at_risk = 0
        self._outcomes: Counter[str] = Counter()

    def seen(self, rows: Iterable[RowDict]) -> Iterator[RowDict]:
        for row in rows:
            self._rows += 1
            if row["sample_index"] >= row["samples"]:
                self._extra += 1
            elif row["current"]:
                self._outcomes[row["outcome"]] += 1
            self._known += row["cost_usd"] or 0
            self._reading += row["ocr_cost_usd"] or 0
            self._at_risk += row["cost_at_risk_usd"]
            yield row

    def tally(self) -> Tally:
        return Tally(
            rows=self._rows,
            extra=self._extra,
            outcomes=dict(sorted(self._outcomes.items())),
            cost_micros=self._known,
            ocr_cost_micros=self._reading,
            cost_at_risk_micros=self._at_risk,
        )


def _batches(rows: Iterable[RowDict], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    stream = iter(rows)
    while chunk := list(islice(stream, _CHUNK_ROWS)):
        yield to_batch(chunk, schema)


def to_batch(rows: list[RowDict], schema: pa.Schema) -> pa.RecordBatch:
    """Rows (at least one) as Arrow columns: money from micro-dollars, times from ISO 8601 text."""
    columns = zip(*map(itemgetter(*schema.names), rows), strict=True)
    arrays = [_array(list(column), field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    return _SPECIAL.get(kind, pa.array)(values, kind)


def _cast(values: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.string()).cast(kind)


def _money(values: list[int | None], kind: pa.DataType) -> pa.Array:
    # Decimal objects cost 1 µs each; the bytes of a decimal128 are the integer itself, sign-extended.
    known = pa.array(values, pa.int64())
    low = np.asarray(known.fill_null(0))
    wide = np.stack([low, low >> 63], axis=1)
    return pa.Array.from_buffers(kind, len(values), [known.buffers()[0], pa.py_buffer(np.ascontiguousarray(wide))])


_SPECIAL: dict[pa.DataType, Callable[[list[Any], pa.DataType], pa.Array]] = {USD: _money, UTC: _cast, DAY: _cast}


class GroupedWriter:
    """Writes batches of any size as one file, in row groups of at least ``GROUP_ROWS``; it is left at its end, open.

    The settings of all our files: zstd, dictionaries only where values repeat, ``notes`` in the footer.
    """

    def __init__(self, sink: BinaryIO, schema: pa.Schema, **notes: str) -> None:
        notes = {"schema_version": str(SCHEMA_VERSION)} | notes
        footer = {f"printroom.{name}": value for name, value in notes.items()}
        repeated = [name for name in schema.names if name in _REPEATED]
        self._writer = pq.ParquetWriter(sink, schema.with_metadata(footer), compression="zstd", use_dictionary=repeated)
        self._held: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add rows; what does not fill a row group is held back."""
        for batch in batches:
            self._held.append(batch)
            self._rows += batch.num_rows
            if self._rows >= GROUP_ROWS:
                self._flush()

    def finish(self) -> None:
        """Write what is held back, and the footer. Without a row the file still has its columns."""
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        group = pa.Table.from_batches(self._held)
        self._writer.write_table(group, row_group_size=group.num_rows)
        self._held, self._rows = [], 0


def to_parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> bytes:
    """All batches as one file."""
    sink = io.BytesIO()
    writer = GroupedWriter(sink, schema)
    writer.write(batches)
    writer.finish()
    return sink.getvalue()
