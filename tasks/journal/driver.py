"""The protocol's ports in production: asyncio, the system's clocks, a real store."""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from tasks.journal.events import Owner
from tasks.journal.owner import provably_gone
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Store, Timing

T = TypeVar("T")

# Both count the time a machine sleeps, which ``time.monotonic`` does not: an owner that slept a week must notice.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None) or getattr(time, "CLOCK_MONOTONIC", None)


class AsyncioRuntime:
    """``ports.Runtime`` on the running event loop."""

    def __init__(self) -> None:
        self._nonce, self._nonces = secrets.token_hex(12), itertools.count()
        self._running: set[asyncio.Task[Any]] = set()
        self._finishing: set[asyncio.Task[Any]] = set()

    def now_s(self) -> float:
        """Seconds of a clock that never goes back, suspension included."""
        return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)

    def utc(self) -> str:
        """The wall clock, with microseconds."""
        return datetime.now(UTC).isoformat(timespec="microseconds")

    def jitter(self) -> float:
        """Between 0 and 1."""
        return random.random()

    def nonce(self) -> str:
        """96 random bits of this runtime, and a count."""
        return f"{self._nonce}.{next(self._nonces)}"

    async def sleep(self, seconds: float) -> None:
        """Let others run for that long."""
        await asyncio.sleep(seconds)

    def future(self) -> asyncio.Future[Any]:
        """A future of the running loop."""
        return asyncio.get_running_loop().create_future()

    def fail(self, future: Any, error: Exception) -> None:
        """Settle ``future`` with an error; the loop will not complain if nobody looks at it."""
        future.set_exception(error)
        future.exception()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` as a task that is kept alive until it ends."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end even if the caller is cancelled."""
        task = asyncio.ensure_future(work)
        self._finishing.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def finished(self) -> None:
        """Wait until everything under ``finish`` has ended, whatever became of it."""
        while self._finishing:
            await asyncio.wait(self._finishing)

    async def gather(self, works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """All at the same time."""
        return list(await asyncio.gather(*works))

    async def offload(self, work: Callable[[], T]) -> T:
        """In a thread."""
        return await asyncio.to_thread(work)

    def gone(self, owner: Owner) -> bool:
        """Only by proof, on this host."""
        return provably_gone(owner)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._finishing.discard(task)
        if not task.cancelled():
            task.exception()  # a caller who was cancelled meanwhile does not look at it any more


def patient(store: Store, timing: Timing | None = None) -> PatientStore:
    """``store`` with patience, on the running event loop."""
    return PatientStore(store, AsyncioRuntime(), timing or Timing())
