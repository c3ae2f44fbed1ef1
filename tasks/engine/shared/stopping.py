"""Why a run stops before its end, seen by everything that would start something new."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tasks.journal.errors import StoreDown
from tasks.protocols.wire import Failure
from tasks.storage.store import StoreError

StopReason = Literal["budget", "provider_stopped", "interrupted", "store_down"]


_ADVICE = {
    "auth": "the gateway rejected the API key ({said}): check the key and what it may do, then run this again",
    "pause": "the gateway wants to be left alone for longer than a run waits ({said}): run this again then",
    "quota": "the balance at the gateway is exhausted ({said}): top it up, then run this again",
}


def stopped_by_gateway(failure: Failure) -> str:
    """Why the whole run stopped, in the gateway's words and ours, and what to do about it."""
    leave_alone = failure.error_class == "quota" and failure.retry_after_s is not None and not failure.resend
    advice = _ADVICE.get("pause" if leave_alone else failure.error_class)
    said = failure.message if failure.http_status is None else f"{failure.http_status}: {failure.message}"
    return failure.message if advice is None else advice.format(said=said)


class StopSignal:
    """Set once, with the first reason; ``draining`` ends when the grace for calls in flight is over.

    ``cause`` is the class of the failure, where the gateway is the reason.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.message = ""
        self.cause = ""
        self._rest_until_s = 0.0
        self._stopped = asyncio.Event()
        self._grace_over = asyncio.Event()

    def stop(self, reason: StopReason, message: str = "", cause: str = "") -> None:
        """Claim nothing new from now on. The first reason stays."""
        if self.reason is None:
            self.reason, self.message, self.cause = reason, message, cause
            self._stopped.set()

    @contextmanager
    def if_store_is_down(self) -> Iterator[None]:
        """Stop where outcomes cannot be recorded, in the place of an error."""
        try:
            yield
        except (StoreDown, StoreError) as error:
            self.stop("store_down", f"outcomes cannot be recorded: {error}")

    def rest(self, seconds: float) -> None:
        """Start no paid call for so long from now."""
        self._rest_until_s = max(self._rest_until_s, time.monotonic() + seconds)

    @property
    def rest_s(self) -> float:
        """How long no paid call may be started yet."""
        return max(0.0, self._rest_until_s - time.monotonic())

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
