"""A run's sign of life: one counter in the store, raised every fifth of the take-over time-out."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from tasks.journal.driver import AsyncioRuntime
from tasks.journal.events import Owner
from tasks.journal.names import HEARTBEATS, heartbeat_name
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Runtime, Store, Timing

FORGET_AFTER_S = 7 * 86_400.0


class Putting(Protocol):
    """Where a counter is put: a store, or what watches over its puts."""

    async def put(self, key: str, body: bytes) -> None:
        """Write or overwrite."""


def nothing() -> bytes:
    """No note."""
    return b""


async def beat(
    raw: Putting, runtime: Runtime, owner: Owner, timing: Timing, note: Callable[[], bytes] = nothing
) -> None:
    """Raise the counter for ever. A beat that fails, however it fails, is left out: the next one says the same.

    ``note`` gives what stands below the counter, for people who look; no decision of the journal reads it.
    """
    name = heartbeat_name(owner.token)
    for count in itertools.count(1):
        with suppress(OSError):
            await raw.put(name, b"%d\n" % count + note())
        await runtime.sleep(timing.heartbeat_s)


class Heartbeat:
    """``async with Heartbeat(store, owner):`` around everything a run does with partitions."""

    def __init__(
        self, store: Store, owner: Owner, *, timing: Timing | None = None, note: Callable[[], bytes] = nothing
    ) -> None:
        self._store, self._owner, self._note = store, owner, note
        self._timing = timing or Timing()
        self._task: asyncio.Task[None] | None = None
        self._putting: asyncio.Future[None] | None = None

    async def put(self, key: str, body: bytes) -> None:
        """What ``beat`` calls. The put itself is not cancelled with it: it may be in a thread, and would end unseen."""
        self._putting = asyncio.ensure_future(self._store.put(key, body))
        await asyncio.shield(self._putting)

    async def __aenter__(self) -> Self:
        runtime = AsyncioRuntime()
        await forget_old(PatientStore(self._store, runtime, self._timing))
        self._task = asyncio.create_task(beat(self, runtime, self._owner, self._timing, self._note))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._putting is not None:  # or it comes after the delete, and the run seems to be at work for a while
            await asyncio.wait([self._putting], timeout=self._timing.heartbeat_s)
        with suppress(ConnectionError, TimeoutError):  # a left-over counter misleads nobody: it does not move
            await self._store.delete(heartbeat_name(self._owner.token))


async def forget_old(store: PatientStore) -> None:
    """Delete the counters of runs that ended without doing so, a week ago by the store's clock.

    Deleting one that is still alive would do no harm either: to a watcher it is a change.
    """
    listed = await store.list(HEARTBEATS)
    newest = max((each.modified_at for each in listed), default=0.0)
    for each in listed:
        if newest - each.modified_at > FORGET_AFTER_S:
            await store.delete(each.key)
