"""When to stop asking for good: the whole run when key or purse fail, one model when it is not offered."""

import asyncio
import contextlib
from collections.abc import Callable

from tasks.protocols.wire import Failure


class ProviderStopped(Exception):
    """The provider rejected the key or has no credit for it; nothing more is sent in this run."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.error_class}: {failure.message}")
        self.failure = failure


class Stop:
    """A latch for the whole run: tripped once, by the first key or purse failure, and never reset."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self._tripped = asyncio.Event()
        self._then: list[Callable[[Failure], None]] = []

    def then(self, callback: Callable[[Failure], None]) -> None:
        """Call ``callback`` with the reason when the run is stopped, at once if it has been."""
        self._then.append(callback)
        if self.failure is not None:
            callback(self.failure)

    def trip(self, failure: Failure) -> None:
        """Stop the run for this reason; later reasons are ignored."""
        if self.failure is None:
            self.failure = failure
            self._tripped.set()
            for callback in self._then:
                callback(failure)

    def check(self) -> None:
        """Raise ``ProviderStopped`` if the run was stopped."""
        if self.failure is not None:
            raise ProviderStopped(self.failure)

    async def wait(self) -> Failure:
        """Wait until the run is stopped; returns why."""
        await self._tripped.wait()
        assert self.failure is not None
        return self.failure

    async def sleep(self, delay_s: float) -> None:
        """Sleep, as before a resend; raises ``ProviderStopped`` the moment the run is stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._tripped.wait(), delay_s)
        self.check()


class ModelBreaker:
    """Gives a model up for the rest of the run once the gateway does not offer it.

    At once if the failure is final (``resend`` false); otherwise after ``trips_after`` in a row, where calls that
    flew together count once: forty of them at the same bad moment are one piece of bad news.
    """

    def __init__(self, *, trips_after: int = 3) -> None:
        self._trips_after = trips_after
        self._trips: dict[str, int] = {}
        self._counted_at_s: dict[str, float] = {}
        self._given_up: dict[str, Failure] = {}

    def given_up(self, model: str) -> Failure | None:
        """Why ``model`` is not asked any more, or None."""
        return self._given_up.get(model)

    def snapshot(self) -> dict[str, str]:
        """The models given up, with what the gateway said."""
        return {model: failure.message for model, failure in self._given_up.items()}

    def succeeded(self, model: str) -> None:
        """The model answered."""
        self._trips.pop(model, None)

    def failed(self, model: str, failure: Failure, *, started_at_s: float, now_s: float) -> None:
        """The gateway says now that it does not offer the model, to a call that started then."""
        counted_at_s = self._counted_at_s.get(model)
        if counted_at_s is None or started_at_s >= counted_at_s:
            self._counted_at_s[model] = now_s
            self._trips[model] = self._trips.get(model, 0) + 1
        if not failure.resend or self._trips.get(model, 0) >= self._trips_after:
            self._given_up.setdefault(model, failure)
