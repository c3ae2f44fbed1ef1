# ruff: noqa: PTH102, PTH105, PTH108, PTH112, PTH120 - each write makes about ten os calls, and a Path costs more than a call
"""Every durable write to a local folder, as sequences of a few primitive operations.

The order of these operations is what survives a power cut, so nothing else in this room writes files. Tests hand in a
``FileSystem`` that records the operations, and rebuild every state a power cut could have left behind.
"""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

ATTRIBUTE_PREFIX = "user.printroom."
_NO_ATTRIBUTES = {errno.ENOTSUP, errno.EPERM, errno.ENOSPC, errno.E2BIG, errno.ENODATA}


class FileSystem(Protocol):
    """The primitive operations. Paths are absolute; every one raises ``OSError``."""

    def write(self, path: str, body: bytes, attributes: Mapping[str, str]) -> int:
        """Make a new file that holds ``body`` and return its open descriptor; ``FileExistsError`` if it exists."""

    def fsync(self, descriptor: int) -> None:
        """Force the file's content to the disk."""

    def close(self, descriptor: int) -> None:
        """Let the descriptor go."""

    def link(self, source: str, target: str) -> None:
        """A second name for a file; ``FileExistsError`` if the name is taken."""

    def rename(self, source: str, target: str) -> None:
        """Another name for a file, taking the place of whatever had that name, in one step."""

    def fsync_dir(self, path: str) -> None:
        """Force the names in a folder to the disk."""

    def unlink(self, path: str) -> None:
        """Remove a name; ``FileNotFoundError`` if it is not there."""

    def mkdir(self, path: str) -> None:
        """Make one folder; ``FileExistsError`` if it exists."""


class OsFileSystem:
    """The operations on the real disk."""

    def write(self, path: str, body: bytes, attributes: Mapping[str, str]) -> int:
        """As the protocol says; the modification time is set to the nanosecond, so that it tells versions apart."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(descriptor, view) :]
            for name, value in attributes.items():
                _set_attribute(descriptor, name, value)
            now = time.time_ns()
            os.utime(descriptor, ns=(now, now))
        except BaseException:
            os.close(descriptor)
            os.unlink(path)
            raise
        return descriptor

    def fsync(self, descriptor: int) -> None:
        """As the protocol says."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """As the protocol says."""
        os.close(descriptor)

    def link(self, source: str, target: str) -> None:
        """As the protocol says."""
        os.link(source, target, follow_symlinks=False)

    def rename(self, source: str, target: str) -> None:
        """As the protocol says."""
        os.replace(source, target)

    def fsync_dir(self, path: str) -> None:
        """As the protocol says."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def unlink(self, path: str) -> None:
        """As the protocol says."""
        os.unlink(path)

    def mkdir(self, path: str) -> None:
        """As the protocol says."""
        os.mkdir(path)


def _set_attribute(descriptor: int, name: str, value: str) -> None:
    if not hasattr(os, "setxattr"):  # macOS
        return
    try:
        os.setxattr(descriptor, ATTRIBUTE_PREFIX + name, value.encode())
    except OSError as error:  # metadata is a help, never worth losing a picture for
        if error.errno not in _NO_ATTRIBUTES:
            raise


def read_attributes(path: str) -> dict[str, str]:
    """What ``FileSystem.write`` was given beside the body; empty where the file system keeps no attributes."""
    if not hasattr(os, "listxattr"):
        return {}
    names = [name for name in os.listxattr(path, follow_symlinks=False) if name.startswith(ATTRIBUTE_PREFIX)]
    return {
        name.removeprefix(ATTRIBUTE_PREFIX): os.getxattr(path, name, follow_symlinks=False).decode() for name in names
    }


class AfterTheFact(OSError):
    """The new name is visible, but the disk would not confirm it: the write may or may not survive."""


@dataclass(frozen=True, slots=True, eq=False)
class Put:
    """A body on its way to the name ``target``; ``spare`` is a free name on the same file system."""

    spare: str
    target: str
    body: bytes
    attributes: Mapping[str, str]


def write_synced(fs: FileSystem, path: str, body: bytes, attributes: Mapping[str, str]) -> None:
    """A new file whose content is on the disk when this returns; on an error nothing is left behind."""
    _sync(fs, path, fs.write(path, body, attributes))


def _sync(fs: FileSystem, path: str, descriptor: int) -> None:
    with _or_nothing(fs, path):
        try:
            fs.fsync(descriptor)
        finally:
            fs.close(descriptor)


@contextlib.contextmanager
def _or_nothing(fs: FileSystem, path: str) -> Iterator[None]:
    """Remove the file if the block fails."""
    try:
        yield
    except BaseException:
        fs.unlink(path)
        raise


def create(fs: FileSystem, spare: str, target: str, body: bytes) -> bool:
    """Give ``body`` the name ``target`` unless it is taken; ``spare`` is a free name on the same file system.

    Returns False if the name is taken, and then too its owner is on the disk. ``AfterTheFact``: see there.
    """
    write_synced(fs, spare, body, {})
    try:
        fs.link(spare, target)
    except FileExistsError:
        won = False
    else:
        won = True
    finally:
        fs.unlink(spare)
    _confirm(fs, os.path.dirname(target))
    return won


def publish(fs: FileSystem, put: Put, turn: AbstractContextManager[None], *, still_wanted: Callable[[], bool]) -> bool:
    """Put a body in the place of its target in one step, unless ``still_wanted``, asked during ``turn``, says no.

    The content is written and synced before the turn, so that a turn lasts microseconds.
    """
    write_synced(fs, put.spare, put.body, put.attributes)
    with _or_nothing(fs, put.spare), turn:
        renamed = still_wanted()
        if renamed:
            fs.rename(put.spare, put.target)
    if not renamed:
        fs.unlink(put.spare)
        return False
    _confirm(fs, os.path.dirname(put.target))
    return True


def publish_all(fs: FileSystem, puts: Sequence[Put], turn: AbstractContextManager[None]) -> list[BaseException | None]:
    """Put each body in the place of its target, whatever is there; gives what went wrong with each.

    Step by step for all of them: the first sync takes most of the work from the others, there is one turn, and a folder
    is synced once.
    """
    failed: dict[Put, BaseException] = {}
    files: dict[Put, int] = {}

    def each(step: Callable[[Put], None]) -> None:
        for put in puts:
            if put not in failed:
                try:
                    step(put)
                except BaseException as error:  # noqa: BLE001 - it is told to whoever wanted this put
                    failed[put] = error

    def write(put: Put) -> None:
        files[put] = fs.write(put.spare, put.body, put.attributes)

    def rename(put: Put) -> None:
        with _or_nothing(fs, put.spare):
            fs.rename(put.spare, put.target)

    each(write)
    each(lambda put: _sync(fs, put.spare, files[put]))
    try:
        with turn:
            each(rename)
    except OSError as error:  # there was no turn
        for put in (put for put in puts if put not in failed):
            fs.unlink(put.spare)
            failed[put] = error
    for folder in {os.path.dirname(put.target) for put in puts if put not in failed}:
        try:
            _confirm(fs, folder)
        except OSError as error:
            failed |= {put: error for put in puts if put not in failed and os.path.dirname(put.target) == folder}
    return [failed.get(put) for put in puts]


def remove(fs: FileSystem, target: str) -> None:
    """Remove a name for good; no error if it is already gone."""
    try:
        fs.unlink(target)
    except FileNotFoundError:
        return
    _confirm(fs, os.path.dirname(target))


def make_folders(fs: FileSystem, folder: str) -> None:
    """Make ``folder`` and what is missing above it, each one's name on the disk before the next.

    The last name is synced even if the folder was there: who made it may not have come to that yet.
    """
    parent = os.path.dirname(folder)
    if not os.path.isdir(parent):
        make_folders(fs, parent)
    with contextlib.suppress(FileExistsError):
        fs.mkdir(folder)
    fs.fsync_dir(parent)


def _confirm(fs: FileSystem, folder: str) -> None:
    try:
        fs.fsync_dir(folder)
    except OSError as error:
        raise AfterTheFact(error.errno, f"the disk did not confirm a new name: {error.strerror}", folder) from error
