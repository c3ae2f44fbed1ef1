"""The aliases ``manifest.parquet`` and ``calls.parquet``: the newest commit as one plain file each, for any reader.

Each is replaced in one step, only if it is still the file that was looked at and only by a higher commit. A reader who
has just read the footer of the file before finds its rows where they were (``beside.py``); one who still mixes two
versions, across two replacements or in a very large file, can see it by the ``manifest_commit`` column.
"""

import asyncio
import errno
import io
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from tempfile import TemporaryFile
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.manifest.beside import Data, beside, data_of, joined
from tasks.manifest.commits import Commit, newest_commit
from tasks.manifest.objects import Objects
from tasks.manifest.parts import GROUP_ROWS, GroupedWriter
from tasks.manifest.schema import CALL_SCHEMA, MANIFEST_SCHEMA, with_commit

MANIFEST = "manifest.parquet"
CALLS = "calls.parquet"
_COMMIT_KEY = b"printroom.commit"
_FULL = {errno.ENOSPC, errno.EDQUOT}


class Cadence:
    """When something costly may be done again: every ``least_s``, or ten times what it took if that is longer."""

    def __init__(
        self, *, least_s: float = 30.0, ratio: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._least_s, self._ratio, self._clock = least_s, ratio, clock
        self._started: float | None = None
        self._next_at: float | None = None

    def due(self) -> bool:
        """Whether it is time; at first always."""
        return self._next_at is None or self._clock() >= self._next_at

    def __enter__(self) -> Self:
        self._started = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._started is not None
        now = self._clock()
        self._next_at = now + max(self._least_s, self._ratio * (now - self._started))


class AliasWriter:
    """Keeps both aliases of a dataset near its newest commit, at a bounded share of the time."""

    def __init__(
        self, store: Objects, *, cadence: Cadence | None = None, tidy: Callable[[], object] = lambda: None
    ) -> None:
        """``tidy`` is called when free memory, tens of megabytes of it, should go back to the system."""
        self._store = store
        self._cadence = cadence or Cadence()
        self._tidy = tidy

    async def offer(self, commit: Commit) -> bool:
        """Write the aliases if it is time. False = not now; a later ``offer`` or ``flush`` will do."""
        if not self._cadence.due():
            return False
        await self.flush(commit)
        return True

    async def flush(self, commit: Commit) -> None:
        """Write the aliases now, unless they already show ``commit`` or a higher one."""
        with self._cadence:
            for key in (MANIFEST, CALLS):
                await write_alias(self._store, key, commit, tidy=self._tidy)
                await asyncio.to_thread(self._tidy)


async def write_alias(store: Objects, key: str, commit: Commit, *, tidy: Callable[[], object] = lambda: None) -> bool:
    """Replace one alias by ``commit``. False = it showed this commit or a higher one already.

    ``FileNotFoundError`` if a part of the commit is gone and there is no newer commit to take instead.
    """
    while True:
        shown, etag, kept = await _shown(store, key)
        if shown >= commit.n:
            return False
        try:
            plain = await _rendered(store, key, commit)
        except FileNotFoundError:
            newest = await newest_commit(store)
            if newest is None or newest.n <= commit.n:
                raise
            commit = newest  # so old that its parts were collected
            continue
        with plain:
            await asyncio.to_thread(tidy)
            body = await asyncio.to_thread(joined, beside(kept, plain))
        try:
            if await store.replace(key, body, etag=etag):
                return True
        except TimeoutError:
            await asyncio.sleep(0.1)  # done or not: the next look tells


async def shown_by(store: Objects, key: str) -> tuple[int, str | None]:
    """The commit an alias shows (0 = none, or not one of our files) and its etag."""
    return (await _shown(store, key))[:2]


async def _shown(store: Objects, key: str) -> tuple[int, str | None, Data | None]:
    try:
        body, etag = await store.get_with_etag(key)
    except FileNotFoundError:
        return 0, None, None
    number, kept = await asyncio.to_thread(_looked_at, body)
    return number, etag, kept


def _looked_at(body: bytes) -> tuple[int, Data | None]:
    number = shown_commit(body)
    return number, data_of(body) if number else None


def shown_commit(body: bytes) -> int:
    """The commit number in the footer of an alias, 0 if there is none to be read."""
    try:
        metadata = pq.read_metadata(pa.BufferReader(body)).metadata or {}
    except pa.ArrowInvalid:
        return 0
    return int(metadata.get(_COMMIT_KEY, b"0"))


async def _rendered(store: Objects, key: str, commit: Commit) -> BinaryIO:
    """The whole file, on disk: it may be tens of megabytes. In memory where the disk has no room for it."""
    file: BinaryIO = TemporaryFile(prefix="printroom-")  # noqa: SIM115 - who asked for it closes it
    try:
        await _render(store, key, commit, file)
    except OSError as error:
        with suppress(OSError):  # it has no room for what is still to be written either
            file.close()
        if error.errno not in _FULL:
            raise
        file = io.BytesIO()
        await _render(store, key, commit, file)
    return file


async def _render(store: Objects, key: str, commit: Commit, sink: BinaryIO) -> None:
    """Write the whole file, made from one part after the other so that only one is in memory beside it."""
    schema, files = (MANIFEST_SCHEMA, commit.files) if key == MANIFEST else (CALL_SCHEMA, commit.call_files)
    writer = GroupedWriter(sink, schema, commit=str(commit.n))
    for file in files:
        body = await store.get(file.key)
        await asyncio.to_thread(writer.write, part_batches(body, schema, commit.n))
    await asyncio.to_thread(writer.finish)
    await asyncio.to_thread(sink.flush)


def part_batches(body: bytes, schema: pa.Schema, commit: int) -> Iterator[pa.RecordBatch]:
    """The rows of a part as a reader of ``commit`` is to see them."""
    file = pq.ParquetFile(pa.BufferReader(body))
    names = [name for name in schema.names if name in file.schema_arrow.names]
    for batch in file.iter_batches(GROUP_ROWS, columns=names):
        yield from with_commit(pa.Table.from_batches([batch]), schema, commit).to_batches()
