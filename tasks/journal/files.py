"""The few operations on files that the spool's durability rests on.

Tests hand in a recording ``Files`` and rebuild every state that a power cut could have left behind.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Raises ``OSError``. A handle is an open, locked file that only its opener appends to."""

    def make_directory(self, path: Path) -> None:
        """With its parents, all durable."""

    def open_new(self, path: Path) -> int:
        """Make an empty file and lock it; its name is not durable yet."""

    def append(self, handle: int, body: bytes) -> None:
        """At the end; not durable yet."""

    def sync(self, handle: int) -> None:
        """Make everything appended so far durable."""

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable."""

    def unlink(self, path: Path) -> None:
        """No error if it is gone."""

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """Of the file, from ``offset``; ``FileNotFoundError`` if it is gone."""

    def sizes(self, directory: Path) -> dict[str, int]:
        """The files in it, by name."""

    def lock_abandoned(self, path: Path) -> int | None:
        """A handle if whoever opened the file lives no more, else None."""

    def close(self, handle: int) -> None:
        """Let go of a handle and its lock."""


class SystemFiles:
    """``Files`` of the operating system. Only the user may read what is written: answers hold signed URLs."""

    def make_directory(self, path: Path) -> None:
        """As the protocol says."""
        if not path.is_dir():
            self.make_directory(path.parent)
            path.mkdir(mode=0o700, exist_ok=True)
            self.sync_directory(path.parent)

    def open_new(self, path: Path) -> int:
        """As the protocol says."""
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:
                return handle
            os.close(handle)  # somebody took it for abandoned before we had the lock

    def append(self, handle: int, body: bytes) -> None:
        """As the protocol says."""
        view = memoryview(body)
        while view:
            view = view[os.write(handle, view) :]

    def sync(self, handle: int) -> None:
        """As the protocol says. The size of the file counts as content."""
        getattr(os, "fdatasync", os.fsync)(handle)

    def sync_directory(self, path: Path) -> None:
        """As the protocol says."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def unlink(self, path: Path) -> None:
        """As the protocol says."""
        path.unlink(missing_ok=True)

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        """As the protocol says."""
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def sizes(self, directory: Path) -> dict[str, int]:
        """As the protocol says."""
        with os.scandir(directory) as entries:
            return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}

    def lock_abandoned(self, path: Path) -> int | None:
        """As the protocol says."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def close(self, handle: int) -> None:
        """As the protocol says."""
        os.close(handle)
