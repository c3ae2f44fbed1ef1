"""The queue of one model: who waits to be let in, who waits to start, and one timer for whichever comes next."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from tasks.protocols.limits import Adaptive, Clock, Lead, Spacing

RETRY_AFTER_CAP_S = 300.0
_PAUSE_CAP_S = 60.0
_BELIEVED_FROM_S = 1.0  # a shorter Retry-After (0, or a date that has passed) is no answer to repeated refusals
_ALONE = 2  # calls at the gateway, the refused one included: fewer of them would be hardly any

Waiting = deque["asyncio.Future[float]"]


class Lane:
    """First come, first served, twice: ``enter`` waits until a start is near, ``begin`` for the start itself.

    In between a call prepares: its intent goes on record. How long that takes is the store's affair, so ``lead`` learns
    it, and as many are let in as will start when they are ready: fewer would leave starts unused, more would let
    intents grow old. The adaptive limit is about calls at the gateway. Its maximum counts those, the preparing ones and
    those that are back but not on record: a crash leaves no more than that in doubt. Waiting costs one future a call,
    whatever the length.
    """

    def __init__(
        self, spacing: Spacing | None, adaptive: Adaptive, *, clock: Clock, lead: Lead, rng: random.Random
    ) -> None:
        self.clock = clock
        self._spacing = spacing
        self._adaptive = adaptive
        self._lead = lead
        self._rng = rng
        self._entering: Waiting = deque()
        self._beginning: Waiting = deque()
        self._preparing = 0
        self._at_gateway = 0
        self._recording = 0  # back from the gateway, their outcome not yet durable
        self._trip_s = 0.0  # of a call at the gateway, lately; 0 = not known
        self._timer: asyncio.TimerHandle | None = None
        self._paused_until_s = 0.0
        self._limited_trips = 0
        self._slowed_at_s = 0.0
        self._closed: Callable[[], Exception] | None = None
        self._why = ""
        self._counts = dict.fromkeys(("started", "succeeded", "rate_limited", "failed", "pauses"), 0)

    async def enter(self) -> float:
        """Wait to be let in; returns when that was. Pair with ``leave``."""
        return await self._queue(self._entering, give_back=lambda: self.leave(returned=False))

    async def begin(self, entered_at_s: float) -> float:
        """Wait for the start of a call that has entered; returns when that was. A start cancelled late is lost."""
        self._lead.saw(self.clock() - entered_at_s)
        return await self._queue(self._beginning, give_back=self._unbegin)

    def returned(self, started_at_s: float) -> None:
        """A call is back: the gateway has room for one that is ready. Its own place it keeps until ``leave``."""
        self._at_gateway -= 1
        self._recording += 1
        trip_s = self.clock() - started_at_s
        self._trip_s += (trip_s - self._trip_s) * (0.1 if self._trip_s else 1.0)
        self._pump()

    def leave(self, *, returned: bool) -> None:
        """Give the place back: of a call that has ``returned``, or of one that never started."""
        if returned:
            self._recording -= 1
        else:
            self._preparing -= 1
        self._pump()

    def close(self, error: Callable[[], Exception]) -> None:
        """Nobody goes any more: who waits or comes gets an exception of its own from ``error``."""
        self._closed = error
        for waiting in (self._beginning, self._entering):
            while turn := _first(waiting):
                turn.set_exception(error())
        self._pump()

    def succeeded(self) -> None:
        """A call was served: limits may grow."""
        self._counts["succeeded"] += 1
        self._limited_trips = 0
        before = self._adaptive.limit
        self._adaptive.succeeded()
        if self._spacing:
            self._spacing.served()
        if self._adaptive.limit != before:
            self._why = f"{before} → {self._adaptive.limit} in flight after a window of successes"
            self._pump()

    def failed(self) -> None:
        """A call failed for a reason that says nothing about limits."""
        self._counts["failed"] += 1

    def rate_limited(self, started_at_s: float, retry_after_s: float | None) -> None:
        """Fewer in flight or fewer a minute, once per round trip; a pause where the gateway asks or nothing helps.

        With next to nothing at the gateway, fewer in flight could not help: then the rate gives way, if there is one.
        """
        now_s = self.clock()
        self._counts["rate_limited"] += 1
        if self._spacing and self._at_gateway <= _ALONE:
            first = self._slow_down(self._spacing, started_at_s, now_s)
        else:
            first = self._cut(started_at_s, now_s)
        self._limited_trips += first
        if retry_after_s:
            self._pause(now_s, min(retry_after_s, RETRY_AFTER_CAP_S), "as the gateway asked")
        if (retry_after_s or 0.0) < _BELIEVED_FROM_S and first and self._limited_trips > 1:
            backoff_s = min(_PAUSE_CAP_S, 2.0 ** (self._limited_trips - 2))
            self._pause(now_s, backoff_s * self._rng.uniform(0.5, 1.0), "after repeated rate limits")

    def _cut(self, started_at_s: float, now_s: float) -> bool:
        """Fewer in flight; False if this call left before the last cut could act."""
        before = self._adaptive.limit
        cut = self._adaptive.rate_limited(started_at_s=started_at_s, now_s=now_s, in_flight=self._at_gateway)
        if cut:
            self._why = f"{before} → {self._adaptive.limit} in flight after a rate limit"
        return cut

    def _slow_down(self, spacing: Spacing, started_at_s: float, now_s: float) -> bool:
        """Fewer a minute, unless it was the first refusal for long; False if the last one could not act yet."""
        if started_at_s < self._slowed_at_s:
            return False
        self._slowed_at_s = now_s
        slower = spacing.refused()
        self._why = f"{60 / spacing.interval_s:.3g} a minute {'now' if slower else 'still'}, after a rate limit"
        return True

    def snapshot(self) -> dict[str, Any]:
        """Limits in force, what is going on and the last decision, as plain values."""
        return {
            "in_flight": self._at_gateway,
            "preparing": self._preparing,
            "recording": self._recording,
            "waiting": sum(not waiter.done() for waiter in self._entering),
            "concurrency": self._adaptive.limit,
            "concurrency_max": self._adaptive.maximum,
            "rpm": round(60.0 / self._spacing.interval_s, 3) if self._spacing else None,
            "paused_s": round(max(0.0, self._paused_until_s - self.clock()), 3),
            **self._counts,
            "why": self._why,
        }

    async def _queue(self, waiting: Waiting, *, give_back: Callable[[], None]) -> float:
        if self._closed:
            raise self._closed()
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        self._pump()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                give_back()
            raise

    def _unbegin(self) -> None:
        self._at_gateway -= 1
        self._preparing += 1

    def _pause(self, now_s: float, pause_s: float, why: str) -> None:
        if now_s + pause_s <= self._paused_until_s:
            return
        self._paused_until_s = now_s + pause_s
        self._counts["pauses"] += 1
        self._why = f"rests {pause_s:.3g} s {why}; {self._adaptive.limit} in flight then"
        if self._spacing:
            self._spacing.hold(self._paused_until_s)

    def _pump(self) -> None:
        """Let go whoever may go now, and set the timer for the next."""
        now_s = self.clock()
        while self._free() > 0 and (turn := _first(self._beginning)) and self._next_start_s() <= now_s:
            self._beginning.popleft()
            self._preparing -= 1
            self._at_gateway += 1
            self._counts["started"] += 1
            if self._spacing:
                self._spacing.take(now_s)
            turn.set_result(now_s)
        while (turn := _first(self._entering)) and self._room_is_near() and self._next_entry_s(now_s) <= now_s:
            self._entering.popleft()
            self._preparing += 1
            turn.set_result(now_s)
        self._set_timer(now_s)

    def _free(self) -> int:
        return self._adaptive.limit - self._at_gateway

    def _room_is_near(self) -> bool:
        """Whether one more call will find room at the gateway by the time it is ready."""
        if self._preparing + self._at_gateway + self._recording >= self._adaptive.maximum:
            return False
        returns_needed = self._preparing + 1 - self._free()
        if returns_needed <= 0:
            return True
        return self._trip_s > 0 and returns_needed * self._trip_s <= self._lead.lead_s * self._adaptive.limit

    def _next_start_s(self) -> float:
        return max(self._paused_until_s, self._spacing.next_at_s if self._spacing else 0.0)

    def _next_entry_s(self, now_s: float) -> float:
        before_me_s = self._preparing * self._spacing.interval_s if self._spacing else 0.0
        return max(self._next_start_s(), now_s) + before_me_s - self._lead.lead_s

    def _set_timer(self, now_s: float) -> None:
        """Room comes with an event, and whoever causes it pumps; only time passes unannounced."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due_s = [self._next_start_s()] if self._beginning and self._free() > 0 else []
        if self._entering and self._room_is_near():
            due_s.append(self._next_entry_s(now_s))
        if due_s:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, min(due_s) - now_s), self._pump)


def _first(waiting: Waiting) -> "asyncio.Future[float] | None":
    """The first that still waits; those cancelled in between are dropped."""
    while waiting and waiting[0].done():
        waiting.popleft()
    return waiting[0] if waiting else None
