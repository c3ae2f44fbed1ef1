"""What a dataset holds, small enough to keep for a million rows (some 130 bytes each): the newest commit, indexed.

Made from the identity columns of the parts alone. It is as old as its commit: where a partition's journal has gone
past ``through``, the partition's fold must be asked instead.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from catalogs.keys import waiting_key
from tasks.manifest.commits import newest_commit
from tasks.manifest.objects import Objects
from tasks.manifest.schema import PART_SCHEMA, conform

OUTCOMES = ("succeeded", "refused", "failed", "unknown", "held", "pending")
_COLUMNS = (
    "catalog", "row_id", "take", "sample_index", "samples", "call_key", "request_digest", "current", "outcome",
    "outcome_reason", "billed", "attempts", "ocr_wanted", "ocr_status",
)  # fmt: skip
_SCHEMA = pa.schema([PART_SCHEMA.field(name) for name in _COLUMNS])
_PER_SAMPLE = ["sample_index", "samples", "call_key", "outcome"]

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]  # one row of four per key: its 256 bits
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a catalog as the newest commit knows it. ``outcomes`` has one word per requested result."""

    catalog: str
    row_id: str
    take: int
    key: str | None
    digest: str
    current: bool
    outcomes: tuple[str, ...]
    reason: str | None  # of the first result, like all that follows
    billed: str
    attempts: int
    reading_missing: bool


@dataclass(frozen=True, slots=True)
class _Slice:
    """One part's share: a row per wanted row, its key's bits, and an outcome code per requested result."""

    rows: pa.Table
    words: Words
    waiting: Flags
    outcomes: Codes
    samples: Ints


class Index:
    """Rows by identity and by key: ``find`` for one row, ``match`` and arrays of positions for many."""

    def __init__(self, commit: int, through: Mapping[int, int], parts: Sequence[_Slice]) -> None:
        self.commit = commit
        self.through = dict(through)
        self._rows = pa.concat_tables([part.rows for part in parts]).combine_chunks()
        self._takes = _ints(self._rows["take"])
        self._waiting = np.concatenate([part.waiting for part in parts])
        self._outcomes = np.concatenate([part.outcomes for part in parts])
        self._ends: Ints = np.cumsum(np.concatenate([part.samples for part in parts]))
        self._words = np.concatenate([part.words for part in parts])
        self._order = np.argsort(self._words[:, 0], kind="stable")
        self._sorted = self._words[self._order, 0]

    def __len__(self) -> int:
        return len(self._words)

    def find(self, catalog: str, row_id: str, take: int, key: str | None) -> Entry | None:
        """The row with this identity, or None."""
        at = int(self.match(catalog, [row_id], [take], [key])[0])
        return self.entry(at) if at >= 0 else None

    def match(self, catalog: str, row_ids: Sequence[str], takes: Sequence[int], keys: Sequence[str | None]) -> Ints:
        """Positions of many rows of one catalog, -1 where there is none. Cheapest with thousands at once."""
        ids = [key or waiting_key(catalog, row, take) for row, take, key in zip(row_ids, takes, keys, strict=True)]
        words, waiting = _words(ids), np.array([key is None for key in keys])
        found = np.full(len(ids), -1, dtype=np.int64)
        for asked, at in self._candidates(words):
            same = (self._words[at] == words[asked]).all(axis=1) & (self._waiting[at] == waiting[asked])
            same &= self._takes[at] == np.asarray(takes)[asked]
            named = zip(self._texts("catalog", at), self._texts("row_id", at), asked, strict=True)
            same &= np.fromiter((c == catalog and r == row_ids[i] for c, r, i in named), dtype=bool, count=len(at))
            found[asked[same]] = at[same]
        return found

    def with_key(self, key: str) -> list[Entry]:
        """Every row, of any catalog, whose call is ``key``: what one bought, the others reuse."""
        words = _words([key])
        return [self.entry(int(at[0])) for _, at in self._candidates(words) if (self._words[at] == words).all()]

    def entry(self, position: int) -> Entry:
        """The row at a position."""
        row = self._rows.slice(position, 1).to_pylist()[0]
        start = self._ends[position - 1] if position else 0
        words = tuple(OUTCOMES[code] for code in self._outcomes[start : self._ends[position]])
        return Entry(
            catalog=row["catalog"], row_id=row["row_id"], take=row["take"],
            key=None if self._waiting[position] else self._words[position].astype(">u8").tobytes().hex(),
            digest=row["request_digest"], current=row["current"], outcomes=words, reason=row["outcome_reason"],
            billed=row["billed"], attempts=row["attempts"],
            reading_missing=words[0] == "succeeded" and row["ocr_wanted"] and row["ocr_status"] is None,
        )  # fmt: skip

    def current_in(self, catalog: str) -> Ints:
        """Positions of the rows that ``catalog`` asked for when it last ran: those it no longer has are unwanted."""
        named = _codes(self._rows["catalog"], [catalog]) == 0
        return np.flatnonzero(named & (_ints(self._rows["current"]) == 1))

    def counts(self, positions: Ints) -> dict[str, int]:
        """How many requested results of these (distinct) rows have each outcome."""
        chosen = np.zeros(len(self._ends), dtype=bool)
        chosen[positions] = True
        codes = self._outcomes[np.repeat(chosen, np.diff(self._ends, prepend=0))]
        return dict(zip(OUTCOMES, np.bincount(codes, minlength=len(OUTCOMES)).tolist(), strict=True))

    def _candidates(self, words: Words) -> Iterator[tuple[Ints, Ints]]:
        """(which of the words, a position whose leading 64 bits are the same), each round the next such position."""
        low = np.searchsorted(self._sorted, words[:, 0], "left")
        high = np.searchsorted(self._sorted, words[:, 0], "right")
        while (asked := np.flatnonzero(low < high)).size:
            yield asked, self._order[low[asked]]
            low[asked] += 1

    def _texts(self, column: str, positions: Ints) -> list[str]:
        wanted = pa.Array.from_buffers(pa.int64(), len(positions), [None, pa.py_buffer(positions)])
        taken: list[str] = self._rows[column].take(wanted).to_pylist()
        return taken


async def load_index(store: Objects) -> Index:
    """The index of the newest commit; of a dataset without one an empty index with commit 0."""
    commit = await newest_commit(store)
    files = commit.files if commit is not None else ()
    slices = [await asyncio.to_thread(_load, await store.get(file.key)) for file in files if file.rows]
    slices = slices or [_slice(_SCHEMA.empty_table())]
    return await asyncio.to_thread(Index, commit.n if commit else 0, commit.through if commit else {}, slices)


def _load(part: bytes) -> _Slice:
    file = pq.ParquetFile(pa.BufferReader(part))
    known = [name for name in _COLUMNS if name in file.schema_arrow.names]
    return _slice(conform(file.read(columns=known), _SCHEMA))


def _slice(results: pa.Table) -> _Slice:
    position, samples = _ints(results["sample_index"]), _ints(results["samples"])
    asked, first = position < samples, position == 0  # the others are extra pictures
    rows = results.filter(_mask(first)).combine_chunks()
    keys = rows["call_key"].to_pylist()
    waiting = np.array([key is None for key in keys], dtype=bool)
    words = np.empty((len(keys), 4), dtype=np.uint64)
    words[~waiting] = _words([key for key in keys if key is not None])
    named = rows.filter(_mask(waiting)).select(["catalog", "row_id", "take"]).to_pylist()
    words[waiting] = _words([waiting_key(**row) for row in named])
    return _Slice(
        rows=rows.drop_columns(_PER_SAMPLE),
        words=words,
        waiting=waiting,
        outcomes=_codes(results["outcome"], OUTCOMES)[asked],
        samples=samples[first],
    )


def _codes(column: pa.ChunkedArray, words: Sequence[str]) -> Codes:
    """The place of each value among ``words``, 255 for any other."""
    encoded = column.combine_chunks().dictionary_encode()
    places = [words.index(word) if word in words else 255 for word in encoded.dictionary.to_pylist()]
    return np.array(places, dtype=np.uint8)[_ints(encoded.indices)]


# To and from numpy by hand: pyarrow imports pandas (1 s) the first time it is asked to do it.
def _ints(column: pa.Array | pa.ChunkedArray) -> Ints:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    numbers: Ints = np.from_dlpack(array).astype(np.int64)
    return numbers


def _mask(flags: Flags) -> pa.Array:
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, pa.py_buffer(np.packbits(flags, bitorder="little"))])


def _words(keys: Sequence[str]) -> Words:
    """Keys of 64 hex digits as four 64-bit numbers each; ``ValueError`` for any other key."""
    return np.frombuffer(bytes.fromhex("".join(keys)), dtype=">u8").astype(np.uint64).reshape(len(keys), 4)
