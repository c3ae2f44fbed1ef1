# ruff: noqa: PTH108, PTH118, PTH120, PTH123 - plain os calls, as in durable.py
"""The store in a local folder: every write durable when it returns, no key reaches outside the folder."""

import contextlib
import errno
import fcntl
import functools
import itertools
import os
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from tasks.storage import durable
from tasks.storage.crew import Crew, GroupCrew
from tasks.storage.keys import check_key
from tasks.storage.store import Denied, Full, NotFound, ObjectInfo, StoreError, Unavailable, Unclear

P = ParamSpec("P")
R = TypeVar("R")

SPARE_FOLDER = ".tmp"  # hidden names are never keys
TURN_FILE = "turn"
STALE_SPARE_S = 24 * 3600
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}

PUTS_AT_ONCE = 16

_DISK: Crew
_PUTS: "GroupCrew[_Put]"


def _start_threads() -> None:
    """Crews for the process: the threads mostly wait for the disk, which syncs many files as fast as one.

    Puts go in groups. A thread for each would be three times as busy with waking up and with the interpreter's lock.
    """
    global _DISK, _PUTS  # noqa: PLW0603 - threads do not survive a fork, so a child starts its own
    _DISK = Crew(16, "printroom-disk")
    _PUTS = GroupCrew(_put_together, 2, "printroom-puts", at_once=PUTS_AT_ONCE)


class LocalStore:
    """A folder as a store. Its work is done in a few threads of its own, so the event loop never waits for a disk."""

    def __init__(self, folder: str | Path, *, fs: durable.FileSystem | None = None) -> None:
        self._root = os.path.realpath(folder)
        self._spares = os.path.join(self._root, SPARE_FOLDER)
        self._fs = fs or durable.OsFileSystem()
        self._made: set[str] = set()
        self._preparing = threading.Lock()
        self._readers = (self._read, self._attributes)
        self.uri = self._root

    def __repr__(self) -> str:
        return f"LocalStore({self._root!r})"

    async def create(self, key: str, body: bytes) -> bool:
        """As the protocol says: a link decides who was first."""
        return await self._run(key, self._create, body)

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """As the protocol says; the key's extension stands for the content type."""
        del content_type
        await _PUTS.run(_Put(self, key, os.path.join(self._root, check_key(key)), body, metadata or {}))

    async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """As the protocol says, against every other writer on this host (and on NFS)."""
        if etag is None:
            return await self._run(key, self._create, body)
        return await self._run(key, self._replace, body, etag)

    async def get(self, key: str) -> bytes:
        """As the protocol says."""
        return (await self._run(key, self._read))[0]

    async def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """As the protocol says."""
        return await self._run(key, self._read)

    async def head(self, key: str) -> ObjectInfo | None:
        """As the protocol says."""
        return await self._run(key, self._head, key)

    async def metadata(self, key: str) -> Mapping[str, str]:
        """As the protocol says, from extended attributes."""
        return await self._run(key, self._attributes)

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        """As the protocol says."""
        return await _DISK.run(functools.partial(_walk, self._root, prefix, start_after))

    async def delete(self, key: str) -> None:
        """As the protocol says."""
        await self._run(key, self._delete)

    def path(self, key: str) -> Path:
        """Where the object of that key lies."""
        return Path(self._root, check_key(key))

    async def _run(self, key: str, work: Callable[..., R], *args: object) -> R:
        path = os.path.join(self._root, check_key(key))
        return await _DISK.run(functools.partial(self._translated, key, work, path, *args))

    def _translated(self, key: str, work: Callable[..., R], path: str, *args: object) -> R:
        try:
            return work(path, *args)
        except OSError as error:
            if error.errno in _NOT_THERE and work in self._readers:
                raise NotFound(f"no object {key!r} in {self._root}", key=key) from None
            raise self._write_error(key, error) from error

    def _write_error(self, key: str, error: OSError) -> StoreError:
        if isinstance(error, durable.AfterTheFact):
            return Unclear(str(error), key=key)
        self._made.clear()  # perhaps someone removed a folder: the next write makes it again
        kind = Denied if error.errno in _DENIED else Full if error.errno in _FULL else Unavailable
        return kind(f"{key!r} in {self._root}: {error.strerror}", key=key)

    def put_all(self, puts: "Sequence[_Put]") -> Sequence[BaseException | None]:
        """Blocking; what went wrong with each."""
        outcomes: dict[_Put, BaseException | None] = {}
        for put in puts:
            try:
                self._make_room(put.path)
            except OSError as error:
                outcomes[put] = error
        ready = [put for put in puts if put not in outcomes]
        writes = [durable.Put(self._spare(), put.path, put.body, put.metadata) for put in ready]
        outcomes |= zip(ready, durable.publish_all(self._fs, writes, self._turn()), strict=True) if ready else ()
        return [
            self._write_error(put.key, error) if isinstance(error, OSError) else error
            for put, error in ((put, outcomes[put]) for put in puts)
        ]

    def _create(self, path: str, body: bytes) -> bool:
        self._make_room(path)
        return durable.create(self._fs, self._spare(), path, body)

    def _replace(self, path: str, body: bytes, etag: str) -> bool:
        self._make_room(path)
        put = durable.Put(self._spare(), path, body, {})
        return durable.publish(self._fs, put, self._turn(), still_wanted=lambda: _etag_of(path) == etag)

    def _delete(self, path: str) -> None:
        if os.path.lexists(path):
            self._refuse_links(path)
            self._make_room(path)
            with self._turn():
                durable.remove(self._fs, path)

    def _read(self, path: str) -> tuple[bytes, str]:
        self._refuse_links(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            return file.readall(), _etag(status)

    def _head(self, path: str, key: str) -> ObjectInfo | None:
        try:
            self._refuse_links(path)
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _info(key, status) if stat.S_ISREG(status.st_mode) else None

    def _attributes(self, path: str) -> dict[str, str]:
        self._refuse_links(path)
        os.lstat(path)
        return durable.read_attributes(path)

    def _make_room(self, path: str) -> None:
        folder = os.path.dirname(path)
        if folder in self._made:
            return
        with self._preparing:
            if self._spares not in self._made:
                durable.make_folders(self._fs, self._spares)
                self._made.add(self._spares)
                self._sweep()
            durable.make_folders(self._fs, folder)
            self._refuse_links(path)
            self._made.add(folder)

    def _spare(self) -> str:
        return os.path.join(self._spares, secrets.token_hex(12))

    def _sweep(self) -> None:
        """Remove what killed processes left behind, once it is certain that nobody is still at it."""
        oldest = time.time() - STALE_SPARE_S
        for entry in os.scandir(self._spares):
            with contextlib.suppress(FileNotFoundError):
                if entry.name != TURN_FILE and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)

    def _refuse_links(self, path: str) -> None:
        """Raise ``OSError`` if a folder between the root and ``path`` is a link: it could lead anywhere."""
        end = path.find("/", len(self._root) + 1)
        while end > 0:
            if stat.S_ISLNK(os.lstat(path[:end]).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "a folder of the dataset is a symbolic link", path[:end])
            end = path.find("/", end + 1)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the store's lock, which orders all renames and removals of all processes."""
        descriptor = os.open(os.path.join(self._spares, TURN_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True, eq=False)
class _Put:
    """A body on its way into a store."""

    store: LocalStore
    key: str
    path: str
    body: bytes
    metadata: Mapping[str, str]


def _put_together(puts: Sequence[_Put]) -> list[BaseException | None]:
    """Some puts, store by store."""
    return [error for store, some in itertools.groupby(puts, lambda put: put.store) for error in store.put_all([*some])]


_start_threads()
os.register_at_fork(after_in_child=_start_threads)


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"


def _etag_of(path: str) -> str | None:
    try:
        return _etag(os.lstat(path))
    except FileNotFoundError:
        return None


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key=key, size_bytes=status.st_size, etag=_etag(status), modified_at=status.st_mtime)


def _walk(root: str, prefix: str, start_after: str) -> list[ObjectInfo]:
    found: list[ObjectInfo] = []
    folders = [prefix[: prefix.rfind("/") + 1]]
    while folders:
        folder = folders.pop()
        for entry in _visible(os.path.join(root, folder)):
            key = folder + entry.name
            if entry.is_dir(follow_symlinks=False):
                if (key + "/").startswith(prefix):
                    folders.append(key + "/")
            elif key.startswith(prefix) and key > start_after and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):  # removed since the folder was read
                    found.append(_info(key, entry.stat(follow_symlinks=False)))
    return sorted(found, key=lambda info: info.key)


def _visible(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return []
