"""A gateway in virtual time with limits of its own, and calls that go through a pacer to it."""

import asyncio
import random
from dataclasses import dataclass, field

from tasks.protocols.limits import Limit, Share
from tasks.protocols.pacing import Pacer
from tests.support.virtual_time import now_s

UNLIMITED = Limit(rpm=None, concurrency=1000)


def pacer_of(limit: Limit, *, share: Share | float = 1.0, seed: int = 0, **options) -> Pacer:
    return Pacer(
        {"m": limit},
        default=UNLIMITED,
        share=share,
        clock=now_s,
        wall=lambda: now_s() + 1e9 / 7,
        rng=random.Random(seed),
        **options,
    )


@dataclass
class Gateway:
    """A gateway with limits of its own: at most ``per_window`` arrivals in ``window_s``, ``in_flight`` at once."""

    latency_s: float
    jitter_s: float = 0.0
    per_window: int | None = None
    window_s: float = 60.0
    in_flight: int | None = None
    every_nth_refused: int = 0  # somebody else uses the account as well
    retry_after_s: float | None = None
    seed: int = 1
    log: list[tuple[float, int]] = field(default_factory=list)  # arrival, status
    busy: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    async def call(self) -> int:
        await asyncio.sleep(self.rng.uniform(0, self.jitter_s))
        status = 429 if self._full() else 200
        self.log.append((now_s(), status))
        if status == 200:
            self.busy += 1
            await asyncio.sleep(self.latency_s * self.rng.uniform(0.8, 1.2))
            self.busy -= 1
        return status

    def _full(self) -> bool:
        recent = sum(at_s > now_s() - self.window_s for at_s, status in self.log[-200:] if status == 200)
        return (
            (self.per_window is not None and recent >= self.per_window)
            or (self.in_flight is not None and self.busy >= self.in_flight)
            or (self.every_nth_refused > 0 and (len(self.log) + 1) % self.every_nth_refused == 0)
        )

    def arrivals(self) -> list[float]:
        return [at_s for at_s, _ in self.log]

    def refused(self, since: int = 0) -> float:
        tail = self.log[since:]
        return sum(status == 429 for _, status in tail) / len(tail)


async def one(pacer: Pacer, gateway: Gateway, *, journal_s: float = 0.05) -> None:
    while True:
        async with pacer.slot("m") as slot:
            await asyncio.sleep(journal_s)
            await slot.start()
            if await gateway.call() == 200:
                return slot.succeeded()
            slot.rate_limited(gateway.retry_after_s)


async def rows(pacer: Pacer, gateway: Gateway, count: int, *, journal_s: float = 0.05) -> None:
    await asyncio.gather(*(one(pacer, gateway, journal_s=journal_s) for _ in range(count)))


def rate_per_s(times_s: list[float]) -> float:
    return (len(times_s) - 1) / (max(times_s) - min(times_s))


async def rows_of(gateway: Gateway, limit: Limit, count: int, *, journal_s: float = 0.05, **options) -> Pacer:
    pacer = pacer_of(limit, **options)
    await rows(pacer, gateway, count, journal_s=journal_s)
    return pacer
