"""Why a run stops before its end, seen by everything that would start something new."""

import asyncio
from typing import Literal

StopReason = Literal["budget", "provider_stopped", "interrupted", "store_down"]


class StopSignal:
    """Set once, with the first reason; ``draining`` ends when the grace for calls in flight is over."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.message = ""
        self._stopped = asyncio.Event()
        self._grace_over = asyncio.Event()

    def stop(self, reason: StopReason, message: str = "") -> None:
        """Claim nothing new from now on. The first reason stays."""
        if self.reason is None:
            self.reason, self.message = reason, message
            self._stopped.set()

    def end_grace(self) -> None:
        """Give up the calls still in flight: they become unknown, and are listed."""
        self._grace_over.set()

    @property
    def at_once(self) -> bool:
        """Whether nobody wants to wait for anything any more."""
        return self._grace_over.is_set()

    @property
    def stopped(self) -> bool:
        """Whether nothing new may be started."""
        return self.reason is not None

    async def wait(self) -> None:
        """Return when the run is to stop."""
        await self._stopped.wait()

    async def wait_grace(self) -> None:
        """Return when calls in flight are to be given up."""
        await self._grace_over.wait()
