"""Work on partitions that nobody cuts short: what is in flight is paid for, so whoever wants to leave waits for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tasks.engine.shared.stopping import StopSignal

T = TypeVar("T")


class Uncut:
    """Runs work of one run side by side. Once one fails, or its caller is cancelled, the run stops and drains.

    Only then does the error go up: above wait those who close the clients that the others are using.
    """

    def __init__(self, stop: StopSignal, grace_s: float, say: Callable[[str], None]) -> None:
        self._stop, self._grace_s, self._say = stop, grace_s, say
        self._working: set[asyncio.Task[Any]] = set()

    async def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        """``work``, which is never cancelled itself."""
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._stop.stop("interrupted", "cancelled")
            asyncio.get_running_loop().call_later(self._grace_s, self._stop.end_grace)
            await self._drain()
            raise
        except Exception as error:
            if not self._stop.stopped:
                self._stop.stop("interrupted", str(error))
                self._say(f"stopping: {error}; calls in flight are waited for")
            await self._drain()
            raise

    async def _drain(self) -> None:
        while self._working:
            try:
                await asyncio.wait(self._working)
            except asyncio.CancelledError:  # asked for again: at once
                self._stop.end_grace()
