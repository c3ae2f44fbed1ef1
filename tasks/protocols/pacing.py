"""When a paid call may leave: one pacer for all partitions of a process, with a lane of waiting calls for each model.

    async with pacer.slot(model) as slot:   # waits until a start is near
        ... journal the intent ...
        await slot.start()                  # waits for the start itself, and room in flight: POST right after it
        ... POST ...
        slot.succeeded()                    # or slot.rate_limited(retry_after_s), or slot.failed()
        slot.returned()                     # the gateway has room for another call
        ... journal the outcome ...         # the place is given back when the block ends

Two steps, because writing the intent takes as long as the journal's group commit, which lets several calls go at the
same moment: were the start counted before it, calls would leave in bursts. How long before its start a call is let in
follows what the journal needs (``Lead``); a rate limit may pause the model in between: check the intent's age after
``start``.
"""

import random
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from tasks.protocols.lane import Lane
from tasks.protocols.limits import Adaptive, Clock, Lead, Limit, Share, Spacing


class Pacer:
    """The limits of one gateway account, shared by every task of one event loop.

    ``limits`` names what differs from ``default``. ``share`` is this process's part of every limit. ``lead_s``: how
    long before its start a call is let in, until it is known how long calls take to get ready.
    """

    def __init__(
        self,
        limits: Mapping[str, Limit],
        *,
        default: Limit,
        share: Share | float = 1.0,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        lead_s: float = 1.0,
        rng: random.Random | None = None,
    ) -> None:
        self._limits = dict(limits)
        self._default = default
        self._share = share if isinstance(share, Share) else Share(share)
        self.clock = clock
        self._wall_offset_s = wall() - clock()
        self._lead_s = lead_s
        self._rng = rng or random.Random()
        self._lanes: dict[str, Lane] = {}
        self._closed: Callable[[], Exception] | None = None

    def slot(self, model: str) -> "Slot":
        """A place in the queue of ``model``; enter it with ``async with``. First come, first served."""
        return Slot(self._lane(model))

    def close(self, error: Callable[[], Exception], *, model: str | None = None) -> None:
        """Let no further call of ``model`` (None = of any) go: waiting or new, each gets an exception from ``error``.

        Calls that have started are not touched.
        """
        if model is None:
            self._closed = error
        for lane in self._lanes.values() if model is None else [self._lane(model)]:
            lane.close(error)

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """For each model used so far: limits in force, what is in flight, what was decided and why. Plain values."""
        return {model: lane.snapshot() for model, lane in self._lanes.items()}

    def _lane(self, model: str) -> Lane:
        lane = self._lanes.get(model)
        if lane is None:
            limit, now_s = self._limits.get(model, self._default), self.clock()
            spacing = None
            if limit.rpm is not None:
                spacing = Spacing(limit.rpm, self._share, now_s=now_s, wall_offset_s=self._wall_offset_s)
            adaptive = Adaptive(self._share.concurrency(limit.concurrency))
            lane = Lane(spacing, adaptive, clock=self.clock, lead=Lead(self._lead_s), rng=self._rng)
            self._lanes[model] = lane
            if self._closed:
                lane.close(self._closed)
        return lane


class Slot:
    """One call's leave to go; made by ``Pacer.slot``."""

    __slots__ = ("_entered_at_s", "_held", "_judged", "_lane", "_queue_s", "_returned", "started_at_s")

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._held = False
        self._judged = self._returned = False
        self._queue_s = self._entered_at_s = 0.0
        self.started_at_s: float | None = None

    @property
    def queue_ms(self) -> int:
        """Milliseconds waited in both queues so far."""
        return round(self._queue_s * 1000)

    async def enter(self) -> None:
        """Wait for a place in flight."""
        came_s = self._lane.clock()
        self._entered_at_s = await self._lane.enter()
        self._queue_s += self._entered_at_s - came_s
        self._held = True

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def start(self) -> None:
        """Wait until the call may start, and count it as started now. Exactly once, right before the POST."""
        if not self._held or self.started_at_s is not None:
            raise RuntimeError("a slot starts once, while it is held")
        came_s = self._lane.clock()
        self.started_at_s = await self._lane.begin(self._entered_at_s)
        self._queue_s += self.started_at_s - came_s

    def succeeded(self) -> None:
        """The gateway took the call: any reply that is not a rate limit and not its own trouble, a refusal included."""
        self._judge()
        self._lane.succeeded()

    def rate_limited(self, retry_after_s: float | None = None) -> None:
        """The gateway said "too many": fewer calls in flight, and none at all for ``retry_after_s`` (300 s at most)."""
        self._lane.rate_limited(self._judge(), retry_after_s)

    def failed(self) -> None:
        """The call failed in a way that says nothing about limits."""
        self._judge()
        self._lane.failed()

    def returned(self) -> None:
        """The call is back: the gateway has room for one that is ready. The place is kept until the block ends."""
        if self.started_at_s is not None and not self._returned:
            self._returned = True
            self._lane.returned(self.started_at_s)

    def release(self) -> None:
        """Give the place to the next call; leaving the block does it otherwise."""
        if self._held:
            self.returned()
            self._held = False
            self._lane.leave(returned=self._returned)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _judge(self) -> float:
        if self.started_at_s is None or self._judged:
            raise RuntimeError("a slot is judged once, after it was started")
        self._judged = True
        return self.started_at_s
