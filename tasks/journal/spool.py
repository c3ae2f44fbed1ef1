"""The local spool: raw answers, safe on this host's disk on arrival, until the journal has them.

One directory per dataset below the root, shared by all processes of the host; ``spool_log.py`` says what is in it.
It has its name from the dataset's id: a dataset may be moved, and another one may come to its address.
"""

import asyncio
import hashlib
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from tasks.journal.driver import patient
from tasks.journal.files import Files, SystemFiles
from tasks.journal.late import drain
from tasks.journal.names import AnswerId
from tasks.journal.ports import Store
from tasks.journal.spool_log import SUFFIX, SpoolLog, live_answers

P = ParamSpec("P")
R = TypeVar("R")

REMOVE_WITHIN_S = 0.1


def default_spool_root() -> Path:
    """Where the spool lives unless said otherwise: below the user's state directory, which survives a reboot."""
    return Path.home() / ".local" / "state" / "printroom" / "spool"


class LocalSpool:
    """``ports.Spool`` in a directory, for one event loop. Blocking work runs in a thread, in groups."""

    def __init__(self, dataset_id: str, root: Path | None = None, *, files: Files | None = None) -> None:
        self.directory = (root or default_spool_root()) / _folder(dataset_id)
        self._log = SpoolLog(self.directory, files or SystemFiles())
        self._puts: list[tuple[AnswerId, bytes, asyncio.Future[None]]] = []
        self._removed: list[AnswerId] = []
        # a thread of its own: an answer in hand must not wait behind pictures that are being decoded
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="printroom-spool")
        self._unreferenced = weakref.finalize(self, _let_go, self._thread, self._log, self._removed)
        self._flushing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def put(self, answer: AnswerId, blob: bytes) -> None:
        """Keep a raw answer; durable on return. Raises ``OSError`` (a full disk)."""
        kept = asyncio.get_running_loop().create_future()
        self._puts.append((answer, blob, kept))
        self._flush_soon()
        await kept

    async def get(self, answer: AnswerId) -> bytes:
        """A raw answer; ``FileNotFoundError`` if it was removed."""
        if answer in self._removed:
            raise FileNotFoundError(answer)
        return await self._run(self._log.read, answer)

    async def remove(self, answer: AnswerId) -> None:
        """Forget an answer. It is told to the disk a little later: one that comes back is handed in once more."""
        self._removed.append(answer)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REMOVE_WITHIN_S, self._flush_soon)

    async def answers(self) -> Sequence[AnswerId]:
        """Everything kept for this dataset, whichever process put it there."""
        await self._run(self._log.write, (), self._taken())
        return await self._run(self._log.answers)

    def close(self) -> None:
        """Let go of the directory; nothing of what was put is lost. Otherwise done when nobody refers to the spool."""
        if self._timer is not None:
            self._timer.cancel()
        if self._unreferenced.detach():
            self._thread.shutdown()
            self._log.close(self._removed)

    async def _run(self, work: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args, **options))

    def _taken(self) -> list[AnswerId]:
        removed = self._removed[:]
        self._removed.clear()
        return removed

    def _flush_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None:
            self._flushing = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        try:
            while self._puts or self._removed:
                puts, self._puts = self._puts, []
                try:
                    await self._run(self._log.write, [put[:2] for put in puts], self._taken())
                except OSError as error:
                    _settle(puts, error)
                else:
                    _settle(puts, None)
        finally:
            self._flushing = None


def _folder(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _let_go(thread: ThreadPoolExecutor, log: SpoolLog, removed: list[AnswerId]) -> None:
    """For the garbage collector: it calls in any thread, whatever locks that holds, so nothing here may wait.

    Waiting for the thread was a deadlock where a thread that was just starting did the collecting.
    """
    thread.shutdown(wait=False)
    log.close(removed, wait=False)


def _settle(puts: list[tuple[AnswerId, bytes, asyncio.Future[None]]], error: OSError | None) -> None:
    for _, _, kept in puts:
        if kept.done():
            continue  # whoever waited was cancelled
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)


def answers_at_rest(root: Path, *names: str) -> set[AnswerId]:
    """What the folders of a dataset hold, by its id and its address. Only a look: nothing is made or locked."""
    found: set[AnswerId] = set()
    for path in (path for name in names for path in (root / _folder(name)).glob(f"*{SUFFIX}")):
        with suppress(FileNotFoundError):  # its owner has just removed it
            found |= live_answers(path.read_bytes()).keys()
    return found


async def drain_spool(store: Store, spool: LocalSpool) -> int:
    """At start-up: hand in everything this host's spool holds for the dataset in ``store``; how many answers."""
    return await drain(patient(store), spool)


async def drain_former_spool(store: Store, uri: str, root: Path) -> int:
    """The same for a folder named after the dataset's address, as it once was."""
    if not (root / _folder(uri)).exists():
        return 0
    spool = LocalSpool(uri, root)
    try:
        return await drain_spool(store, spool)
    finally:
        spool.close()
