"""The local spool: raw answers, fsynced on arrival, until the journal has them.

``<root>/<hash of the dataset's URI>/<partition>.<key>.<attempt>``; one directory per dataset, shared by all processes
of the host. A file is written under a temporary name, fsynced, renamed, and its directory fsynced: whoever reads an
entry reads all of it.
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote

from tasks.journal.driver import patient
from tasks.journal.late import drain
from tasks.journal.names import AnswerId
from tasks.journal.ports import Store

_TEMPORARY = ".tmp-"


class Files(Protocol):
    """The few operations on files that durability rests on."""

    def make_directory(self, path: Path) -> None:
        """With its parents, each durable."""

    def write(self, path: Path, body: bytes) -> None:
        """Create or overwrite; not durable yet."""

    def fsync(self, path: Path) -> None:
        """Make a file's content, or a directory's entries, durable."""

    def rename(self, old: Path, new: Path) -> None:
        """Atomic; not durable before the directory is fsynced."""

    def unlink(self, path: Path) -> None:
        """No error if it is gone."""

    def read(self, path: Path) -> bytes:
        """``FileNotFoundError`` if it is gone."""

    def names(self, directory: Path) -> list[str]:
        """Of the files in it; empty if it is not there."""


class SystemFiles:
    """``Files`` of the operating system. Only the user may read what is written: answers hold signed URLs."""

    def make_directory(self, path: Path) -> None:
        """With its parents, each durable."""
        if path.is_dir():
            return
        self.make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        self.fsync(path.parent)

    def write(self, path: Path, body: bytes) -> None:
        """Create or overwrite; not durable yet."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)

    def fsync(self, path: Path) -> None:
        """Make a file's content, or a directory's entries, durable."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Atomic; not durable before the directory is fsynced."""
        old.rename(new)

    def unlink(self, path: Path) -> None:
        """No error if it is gone."""
        path.unlink(missing_ok=True)

    def read(self, path: Path) -> bytes:
        """``FileNotFoundError`` if it is gone."""
        return path.read_bytes()

    def names(self, directory: Path) -> list[str]:
        """Of the files in it; empty if it is not there."""
        return [path.name for path in directory.iterdir()] if directory.is_dir() else []


def default_spool_root() -> Path:
    """Where the spool lives unless said otherwise: below the user's state directory, which survives a reboot."""
    return Path.home() / ".local" / "state" / "printroom" / "spool"


class LocalSpool:
    """``ports.Spool`` in a directory. Blocking work runs in a thread."""

    def __init__(self, uri: str, root: Path | None = None, *, files: Files | None = None) -> None:
        self.directory = (root or default_spool_root()) / hashlib.sha256(uri.encode()).hexdigest()[:16]
        self._files = files or SystemFiles()
        self._files.make_directory(self.directory)

    async def put(self, answer: AnswerId, blob: bytes) -> None:
        """Keep a raw answer; durable on return."""
        await asyncio.to_thread(self.put_now, answer, blob)

    def put_now(self, answer: AnswerId, blob: bytes) -> None:
        """Keep a raw answer; durable on return. Blocks for the fsyncs."""
        path = self._path(answer)
        temporary = self.directory / f"{_TEMPORARY}{os.getpid()}-{path.name}"
        self._files.write(temporary, blob)
        self._files.fsync(temporary)
        self._files.rename(temporary, path)
        self._files.fsync(self.directory)

    async def get(self, answer: AnswerId) -> bytes:
        """A raw answer; ``FileNotFoundError`` if it is gone."""
        return await asyncio.to_thread(self._files.read, self._path(answer))

    async def remove(self, answer: AnswerId) -> None:
        """Forget an answer. Not made durable: an entry that comes back is handed in once more, and known."""
        self._files.unlink(self._path(answer))

    async def answers(self) -> Sequence[AnswerId]:
        """Everything kept for this dataset, whichever process put it there."""
        names = self._files.names(self.directory)
        return sorted(_answer(name) for name in names if not name.startswith(_TEMPORARY))

    def _path(self, answer: AnswerId) -> Path:
        return self.directory / f"{answer.partition}.{quote(answer.key, safe='')}.{answer.attempt}"


def _answer(name: str) -> AnswerId:
    partition, _, rest = name.partition(".")
    key, _, attempt = rest.rpartition(".")
    return AnswerId(partition, unquote(key), attempt)


async def drain_spool(store: Store, spool: LocalSpool) -> int:
    """At start-up: hand in everything this host's spool holds for the dataset in ``store``; how many answers."""
    return await drain(patient(store), spool)


__all__ = ["Files", "LocalSpool", "SystemFiles", "default_spool_root", "drain_spool"]
