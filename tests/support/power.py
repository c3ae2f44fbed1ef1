"""What a power cut may leave on a disk: a recorder of primitive operations, and every state they could end in.

The model is that of POSIX without promises: content not fsynced may be missing or torn, a name not confirmed by a sync
of its folder may be there or not, independently of every other one.
"""

import itertools
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tasks.storage.durable import OsFileSystem

SECTOR_BYTES = 512
DISK_S = 0.0003  # long enough for other writers to come in between


class RecordingFileSystem(OsFileSystem):
    """Does everything on the real disk and keeps the list; ``note`` adds what the program was told."""

    def __init__(self) -> None:
        self.log: list[tuple[str, object, object]] = []
        self._paths: dict[int, str] = {}
        self._lock = threading.RLock()

    def note(self, what: str, detail: object) -> None:
        self.log.append(("note", what, detail))

    def write(self, path: str, body: bytes, attributes: Mapping[str, str]) -> int:
        with self._lock:
            descriptor = super().write(path, body, attributes)
            self._paths[descriptor] = path
            self.log.append(("write", path, bytes(body)))
            return descriptor

    def append(self, descriptor: int, body: bytes) -> None:
        with self._lock:
            os.write(descriptor, body)
            self.log.append(("append", self._paths[descriptor], bytes(body)))

    def fsync(self, descriptor: int) -> None:
        time.sleep(DISK_S)
        with self._lock:
            self.log.append(("fsync", self._paths[descriptor], None))

    def link(self, source: str, target: str) -> None:
        with self._lock:
            super().link(source, target)
            self.log.append(("link", source, target))

    def rename(self, source: str, target: str) -> None:
        with self._lock:
            super().rename(source, target)
            self.log.append(("rename", source, target))

    def fsync_dir(self, path: str) -> None:
        began = len(self.log)  # names given while the disk is at it are not covered
        time.sleep(DISK_S)
        with self._lock:
            self.log.append(("fsync_dir", path, began))

    def unlink(self, path: str) -> None:
        with self._lock:
            super().unlink(path)
            self.log.append(("unlink", path, None))

    def mkdir(self, path: str) -> None:
        with self._lock:
            super().mkdir(path)
            self.log.append(("mkdir", path, None))


@dataclass
class _File:
    body: bytes
    synced_bytes: int = -1  # of an empty file not even that
    appended: bool = False

    def remains(self) -> list[bytes]:
        if self.synced_bytes == len(self.body):
            return [self.body]
        safe, size = max(0, self.synced_bytes), len(self.body)
        if not self.appended:
            return [b"", self.body[: size // 2], self.body]
        torn = [self.body[:end] for end in range(safe, size, SECTOR_BYTES)]
        zeros = [body + bytes(size - len(body)) for body in torn]  # the size was written, the sectors were not
        return [*torn, *zeros, self.body]


@dataclass(frozen=True)
class _Change:
    """One name that appears (``file``, or a folder) or disappears (None)."""

    path: str
    file: _File | None
    folder: bool = False


def states_after(
    log: Sequence[tuple[str, object, object]], root: str, *, most: int = 256
) -> Iterator[dict[str, bytes]]:
    """The files below ``root`` (path -> content) that a cut after the last operation may leave, at most so many."""
    files: dict[str, _File] = {}
    pending: list[tuple[int, _Change]] = []
    settled: list[_Change] = []
    for at, (kind, one, other) in enumerate(log):
        match kind, one, other:
            case "write", str(path), bytes(body):
                files[path] = _File(body)
                pending.append((at, _Change(path, files[path])))
            case "append", str(path), bytes(body):
                files[path].body += body
                files[path].appended = True
            case "fsync", str(path), _:
                files[path].synced_bytes = len(files[path].body)
            case "link", str(source), str(target):
                files[target] = files[source]
                pending.append((at, _Change(target, files[target])))
            case "rename", str(source), str(target):
                files[target] = files.pop(source)
                pending += [(at, _Change(target, files[target])), (at, _Change(source, None))]
            case "unlink", str(path), _:
                files.pop(path)
                pending.append((at, _Change(path, None)))
            case "mkdir", str(path), _:
                pending.append((at, _Change(path, None, folder=True)))
            case "fsync_dir", str(folder), int(began):
                covered = [(n, change) for n, change in pending if n < began and _folder(change.path) == folder]
                settled += [change for _, change in covered]
                pending = [entry for entry in pending if entry not in covered]
    visible = [change for _, change in pending if "/.tmp/" not in change.path]
    subsets = itertools.chain.from_iterable(itertools.combinations(visible, n) for n in range(len(visible), -1, -1))
    for kept in itertools.islice(subsets, most):
        yield from itertools.islice(_contents(_names([*settled, *kept], root)), most)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _names(changes: Sequence[_Change], root: str) -> dict[str, _File]:
    folders, names = {root}, {}
    for change in changes:
        if change.folder:
            folders.add(change.path)
        elif change.file is None:
            names.pop(change.path, None)
        else:
            names[change.path] = change.file
    return {
        path: file
        for path, file in names.items()
        if "/.tmp/" not in path and path.startswith(root + "/") and _reachable(path, root, folders)
    }


def _reachable(path: str, root: str, folders: set[str]) -> bool:
    folder = _folder(path)
    while folder != root:
        if folder not in folders:
            return False
        folder = _folder(folder)
    return True


def _contents(names: dict[str, _File]) -> Iterator[dict[str, bytes]]:
    choices = [[(path, body) for body in file.remains()] for path, file in names.items()]
    yield from (dict(choice) for choice in itertools.product(*choices))
