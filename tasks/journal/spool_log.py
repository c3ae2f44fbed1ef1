"""The spool on disk: append-only logs, one at a time per process, with what arrived and what the journal has.

A file per answer would cost three to ten times as much: two names and two fsyncs each, against one ``fdatasync`` for
all answers that arrived meanwhile (measured on ext4: 210-240 µs of CPU each, against 20-75).

A record is a line ``<crc32> <JSON>``, and for an answer its raw bytes and a line feed. Whatever was acknowledged lies
before anything that was not, so a reader stops at the first record that does not add up: the torn end of a dead
process.
"""

import secrets
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from tasks.journal.files import Files
from tasks.journal.names import AnswerId

NEW_FILE_FROM_BYTES = 64_000_000
SUFFIX = ".spool"
_CRC_CHARS = 9


@dataclass(slots=True)
class _Log:
    """One file: where its answers lie, as (offset, size), but for those that were removed."""

    path: Path
    handle: int | None  # held by us: our own file, or one whose process lives no more
    live: dict[AnswerId, tuple[int, int]] = field(default_factory=dict)
    size_bytes: int = 0
    torn: bool = False  # a write failed: what follows would not be read


def put_record(answer: AnswerId, blob: bytes) -> bytes:
    """The record of an answer that arrived."""
    head = orjson.dumps({"put": [answer.partition, answer.key, answer.attempt], "size": len(blob)})
    return b"%08x %b\n%b\n" % (zlib.crc32(blob, zlib.crc32(head)), head, blob)


def removal_record(answer: AnswerId) -> bytes:
    """The record of an answer that the journal has."""
    head = orjson.dumps({"removed": [answer.partition, answer.key, answer.attempt]})
    return b"%08x %b\n" % (zlib.crc32(head), head)


def records(body: bytes) -> Iterator[tuple[str, AnswerId, int, int]]:
    """(put or removed, answer, offset, size) of every whole record, in order."""
    position = 0
    while (end := body.find(b"\n", position)) > 0:
        head = body[position + _CRC_CHARS : end]
        try:
            crc, values = int(body[position : position + _CRC_CHARS], 16), orjson.loads(head)
            kind = "put" if "put" in values else "removed"
            answer, size = AnswerId(*values[kind]), values.get("size", 0)
        except (ValueError, TypeError, KeyError):
            return
        blob = body[end + 1 : end + 1 + size]
        if zlib.crc32(blob, zlib.crc32(head)) != crc or len(blob) < size:
            return
        yield kind, answer, end + 1, size
        position = end + 1 + (size + 1 if kind == "put" else 0)


def live_answers(body: bytes) -> dict[AnswerId, tuple[int, int]]:
    """(offset, size) of every answer of a log that was not removed again."""
    live: dict[AnswerId, tuple[int, int]] = {}
    for kind, answer, offset, size in records(body):
        if kind == "put":
            live[answer] = (offset, size)
        else:
            live.pop(answer, None)
    return live


class SpoolLog:
    """All logs of one directory: our own, which we append to, and those of others, which we read. Blocking."""

    def __init__(self, directory: Path, files: Files) -> None:
        self.directory, self._files = directory, files
        self._mine: list[_Log] = []  # the last one is appended to
        self._others: dict[str, _Log] = {}
        self._turn = threading.Lock()
        files.make_directory(directory)

    def write(self, puts: Sequence[tuple[AnswerId, bytes]], removed: Sequence[AnswerId]) -> None:
        """Keep answers, durable on return, and forget others, soon. Raises ``OSError`` if nothing was kept."""
        with self._turn:
            for answer in removed:
                self._remove(answer)
            if puts:
                self._put(puts)
            self._tidy()

    def read(self, answer: AnswerId) -> bytes:
        """A raw answer; ``FileNotFoundError`` if it was removed."""
        with self._turn:
            for log in (*self._mine, *self._others.values()):
                if answer in log.live:
                    return self._files.read(log.path, *log.live[answer])
        raise FileNotFoundError(answer)

    def answers(self) -> list[AnswerId]:
        """Everything that is kept here, whoever put it there."""
        with self._turn:
            self._look_at_others()
            self._tidy()
            return sorted({answer for log in (*self._mine, *self._others.values()) for answer in log.live})

    def close(self, removed: Sequence[AnswerId] = (), *, wait: bool = True) -> None:
        """Forget some last answers and let go of all files; those that hold nothing any more are removed.

        Without ``wait`` nothing is done while another call is at work: the end of the process lets go as well.
        """
        if not self._turn.acquire(blocking=wait):
            return
        try:
            for answer in removed:
                self._remove(answer)
            self._tidy(closing=True)
            for log in (*self._mine, *self._others.values()):
                if log.handle is not None:
                    self._files.close(log.handle)
            self._mine, self._others = [], {}
        finally:
            self._turn.release()

    def _put(self, puts: Sequence[tuple[AnswerId, bytes]]) -> None:
        log = self._current()
        assert log.handle is not None
        chunks, end, live = [], log.size_bytes, {}
        for answer, blob in puts:
            chunks.append(put_record(answer, blob))
            end += len(chunks[-1])
            live[answer] = (end - len(blob) - 1, len(blob))
        try:
            self._files.append(log.handle, b"".join(chunks))
            self._files.sync(log.handle)
        except OSError:
            log.torn = True
            raise
        log.live.update(live)
        log.size_bytes = end

    def _current(self) -> _Log:
        if not self._mine or self._mine[-1].torn or self._mine[-1].size_bytes > NEW_FILE_FROM_BYTES:
            path = self.directory / f"{secrets.token_hex(8)}{SUFFIX}"
            self._mine.append(_Log(path, self._files.open_new(path)))
            self._files.sync_directory(self.directory)
        return self._mine[-1]

    def _remove(self, answer: AnswerId) -> None:
        for log in self._others.values():
            log.live.pop(answer, None)
        for log in self._mine:
            if log.live.pop(answer, None) and log.handle is not None and not log.torn:
                record = removal_record(answer)
                try:
                    self._files.append(log.handle, record)
                    log.size_bytes += len(record)
                except OSError:
                    log.torn = True  # and the answer may come back, to be handed in once more

    def _tidy(self, *, closing: bool = False) -> None:
        """Remove the files of which nothing is left. Not made durable: one that comes back is handed in once more."""
        finished = self._mine if closing else self._mine[:-1]
        abandoned = [log for log in self._others.values() if log.handle is not None]
        for log in [log for log in (*finished, *abandoned) if not log.live]:
            self._files.unlink(log.path)
            self._files.close(log.handle or 0)
            self._others.pop(log.path.name, None)
            if log in finished:
                self._mine.remove(log)

    def _look_at_others(self) -> None:
        mine = {log.path.name for log in self._mine}
        sizes = self._files.sizes(self.directory)
        self._others = {name: log for name, log in self._others.items() if name in sizes}
        for name in sizes.keys() - mine:
            if name.endswith(SUFFIX):
                self._look_at(
                    self._others.setdefault(name, _Log(self.directory / name, None, size_bytes=-1)), sizes[name]
                )

    def _look_at(self, log: _Log, size_bytes: int) -> None:
        if log.handle is None:
            log.handle = self._files.lock_abandoned(log.path)
        if log.size_bytes != size_bytes:
            log.size_bytes = size_bytes
            log.live = self._live(log.path)

    def _live(self, path: Path) -> dict[AnswerId, tuple[int, int]]:
        try:
            return live_answers(self._files.read(path))
        except FileNotFoundError:  # its owner has just removed it
            return {}
