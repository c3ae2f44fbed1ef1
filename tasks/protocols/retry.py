"""Whether a failed call is made again, and after how long. The one retry layer: nothing below or above it repeats.

Deciding is apart from sleeping: ``next_delay`` is arithmetic, ``RowRetries`` keeps one row's counts for it.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tasks.protocols.wire import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient we are. ``max_resends`` counts resends, not calls, where the failure itself names no number.

    A rate limit, and a connection that was never made, cost nothing: they are bounded by ``patience_s``, not by number.
    """

    base_s: float = 1.0
    cap_s: float = 60.0
    retry_after_cap_s: float = 300.0
    max_resends: int = 2
    patience_s: float = 3600.0

    def allows(self, failure: Failure, resend: int, waited_s: float) -> bool:
        """Whether resend number ``resend`` is within what the failure and this policy permit."""
        free = failure.error_class == "rate_limited" or (failure.reason == "connection" and failure.paid == "no")
        most = failure.max_resends if failure.max_resends is not None or free else self.max_resends
        return failure.resend and (most is None or resend <= most) and not (free and waited_s > self.patience_s)

    def backoff_s(self, resend: int, rng: random.Random) -> float:
        """Full jitter: anywhere between 0 and ``base_s · 2^(resend - 1)``, ``cap_s`` at most."""
        return rng.uniform(0.0, min(self.cap_s, self.base_s * 2.0 ** min(resend - 1, 32)))


@dataclass(slots=True)
class RetryBudget:
    """Retries of a run, other than those for rate limits, against its requests: a tenth of them, and never below 50.

    Going over it fails nothing: such a retry waits as long as a retry ever does, until requests have caught up.
    """

    ratio: float = 0.1
    floor: int = 50
    requests: int = 0
    retries: int = 0

    def take(self) -> bool:
        """Count one retry; False if the budget was used up already."""
        within = self.within
        self.retries += 1
        return within

    @property
    def within(self) -> bool:
        """Whether one more retry would be within the budget."""
        return self.retries < max(self.floor, self.ratio * self.requests)


DEFAULT = RetryPolicy()


def next_delay(
    failure: Failure,
    resend: int,
    budget: RetryBudget,
    rng: random.Random,
    *,
    waited_s: float = 0.0,
    policy: RetryPolicy = DEFAULT,
) -> float | None:
    """Seconds to wait before resend number ``resend`` (1 = the first) of this kind of failure; None = do not resend.

    ``waited_s``: since this kind of failure first met the row. Retry-After wins over our own backoff, unless it is next
    to nothing (0, or a date that has passed): that would be no backoff at all.
    """
    if not policy.allows(failure, resend, waited_s):
        return None
    asked_s = min(failure.retry_after_s or 0.0, policy.retry_after_cap_s)
    delay_s = asked_s if asked_s >= policy.base_s else max(asked_s, policy.backoff_s(resend, rng))
    if failure.error_class != "rate_limited" and not budget.take():
        delay_s = max(delay_s, rng.uniform(policy.cap_s / 2, policy.cap_s))
    return delay_s


class Retries:
    """The retry state of one run, shared by its rows. ``snapshot`` is for status and artifacts."""

    def __init__(
        self,
        policy: RetryPolicy = DEFAULT,
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.policy = policy
        self.budget = RetryBudget()
        self.clock = clock
        self.rng = rng or random.Random()

    def sent(self) -> None:
        """A request, first or repeated, is being sent."""
        self.budget.requests += 1

    def row(self) -> "RowRetries":
        """The counts of one row, all at zero."""
        return RowRetries(self)

    def snapshot(self) -> dict[str, int | bool]:
        """Requests and retries so far, and whether the retries have used up their budget."""
        budget = self.budget
        return {"requests": budget.requests, "retries": budget.retries, "exhausted": not budget.within}


class RowRetries:
    """What has happened to one row so far: each error class has its own count and its own beginning."""

    def __init__(self, run: Retries) -> None:
        self._run = run
        self._seen: Counter[str] = Counter()
        self._first_s: dict[str, float] = {}

    def after(self, failure: Failure) -> float | None:
        """Seconds until this row's next call after ``failure``, or None if there shall be none."""
        kind = f"{failure.error_class}/{failure.reason}" if failure.reason == "connection" else failure.error_class
        now_s = self._run.clock()
        self._seen[kind] += 1
        waited_s = now_s - self._first_s.setdefault(kind, now_s)
        return next_delay(
            failure,
            self._seen[kind],
            self._run.budget,
            self._run.rng,
            waited_s=waited_s,
            policy=self._run.policy,
        )

    def again(self) -> float:
        """Seconds until a repetition that was decided elsewhere: an unknown outcome within its cap."""
        self._seen["again"] += 1
        self._run.budget.take()
        return self._run.policy.backoff_s(self._seen["again"], self._run.rng)
