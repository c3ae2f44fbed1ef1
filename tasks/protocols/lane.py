"""The queue of one model: who waits for room, who waits to start, and one timer for whichever comes next."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from tasks.protocols.limits import Adaptive, Clock, Spacing

RETRY_AFTER_CAP_S = 300.0
_PAUSE_CAP_S = 60.0

Waiting = deque["asyncio.Future[float]"]


class Lane:
    """First come, first served, twice: ``enter`` waits for room in flight, ``begin`` for the moment to start.

    Who has entered but not begun counts as in flight, for its intent is on record; so that intents stay young,
    only as many enter as will begin within ``lead_s``. Waiting costs one future a call, whatever the length.
    """

    def __init__(
        self, spacing: Spacing | None, adaptive: Adaptive, *, clock: Clock, lead_s: float, rng: random.Random
    ) -> None:
        self.clock = clock
        self._spacing = spacing
        self._adaptive = adaptive
        self._lead_s = lead_s
        self._rng = rng
        self._entering: Waiting = deque()
        self._beginning: Waiting = deque()
        self._in_flight = 0
        self._unstarted = 0
        self._timer: asyncio.TimerHandle | None = None
        self._paused_until_s = 0.0
        self._limited_trips = 0
        self._closed: Callable[[], Exception] | None = None
        self._why = ""
        self._counts = dict.fromkeys(("started", "succeeded", "rate_limited", "failed", "pauses"), 0)

    async def enter(self) -> float:
        """Wait for room; returns when it was given. Pair with ``leave``."""
        return await self._queue(self._entering, give_back=lambda: self.leave(started=False))

    async def begin(self) -> float:
        """Wait for the start of a call that has entered; returns when that was. A start cancelled late is lost."""
        return await self._queue(self._beginning, give_back=self._unbegin)

    def leave(self, *, started: bool) -> None:
        """Give the room back."""
        self._in_flight -= 1
        self._unstarted -= not started
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
        if self._adaptive.limit != before:
            self._why = f"{before} → {self._adaptive.limit} in flight after a window of successes"
            self._pump()

    def failed(self) -> None:
        """A call failed for a reason that says nothing about limits."""
        self._counts["failed"] += 1

    def rate_limited(self, started_at_s: float, retry_after_s: float | None) -> None:
        """Fewer in flight, once per round trip; a pause where the gateway asks for it or nothing else helps."""
        now_s = self.clock()
        self._counts["rate_limited"] += 1
        before, at_gateway = self._adaptive.limit, self._in_flight - self._unstarted
        cut = self._adaptive.rate_limited(started_at_s=started_at_s, now_s=now_s, in_flight=at_gateway)
        if cut:
            self._limited_trips += 1
            self._why = f"{before} → {self._adaptive.limit} in flight after a rate limit"
        if retry_after_s is not None:
            self._pause(now_s, min(retry_after_s, RETRY_AFTER_CAP_S), "as the gateway asked")
        elif cut and self._limited_trips > 1:
            backoff_s = min(_PAUSE_CAP_S, 2.0 ** (self._limited_trips - 2))
            self._pause(now_s, backoff_s * self._rng.uniform(0.5, 1.0), "after repeated rate limits")

    def snapshot(self) -> dict[str, Any]:
        """Limits in force, what is going on and the last decision, as plain values."""
        return {
            "in_flight": self._in_flight,
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
        self._unstarted += 1

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
        while (turn := _first(self._beginning)) and self._next_start_s() <= now_s:
            self._beginning.popleft()
            self._unstarted -= 1
            self._counts["started"] += 1
            if self._spacing:
                self._spacing.take(now_s)
            turn.set_result(now_s)
        while (turn := _first(self._entering)) and self._has_room() and self._next_entry_s(now_s) <= now_s:
            self._entering.popleft()
            self._in_flight += 1
            self._unstarted += 1
            turn.set_result(now_s)
        self._set_timer(now_s)

    def _has_room(self) -> bool:
        return self._in_flight < self._adaptive.limit

    def _next_start_s(self) -> float:
        return max(self._paused_until_s, self._spacing.next_at_s if self._spacing else 0.0)

    def _next_entry_s(self, now_s: float) -> float:
        before_me_s = self._unstarted * self._spacing.interval_s if self._spacing else 0.0
        return max(self._next_start_s(), now_s) + before_me_s - self._lead_s

    def _set_timer(self, now_s: float) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due_s = [self._next_start_s()] if self._beginning else []
        if self._entering and self._has_room():
            due_s.append(self._next_entry_s(now_s))
        if due_s:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, min(due_s) - now_s), self._pump)


def _first(waiting: Waiting) -> "asyncio.Future[float] | None":
    """The first that still waits; those cancelled in between are dropped."""
    while waiting and waiting[0].done():
        waiting.popleft()
    return waiting[0] if waiting else None
