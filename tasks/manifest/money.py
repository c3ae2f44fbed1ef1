"""What an attempt cost, what it may have cost, and whose it is. Micro-dollars throughout."""

from collections.abc import Sequence
from typing import NamedTuple

from tasks.journal import events as ev
from tasks.journal.fold import Attempt


class Cost(NamedTuple):
    """Known and possible money of some attempts; ``billed`` over all of them: yes | no | unknown."""

    known_micros: int = 0
    at_risk_micros: int = 0
    billed: ev.Billed = "no"

    @property
    def shown_micros(self) -> int | None:
        """The cost to show: None rather than 0 when nothing is known of money that may have been spent."""
        if self.known_micros == 0 and (self.at_risk_micros or self.billed == "unknown"):
            return None
        return self.known_micros


NOTHING = Cost()


def attempt_cost(attempt: Attempt) -> Cost:
    """What one attempt cost. Without a known amount its cap is at risk; a withdrawn one was never sent."""
    result = attempt.result
    if attempt.state == "withdrawn":
        return NOTHING
    if not isinstance(result, (ev.Answered, ev.Rejected)):
        return Cost(0, attempt.intent.cap_micros, "unknown")
    if result.billed == "no":
        return NOTHING
    if result.cost_micros is None or result.billed == "unknown":
        return Cost(0, attempt.intent.cap_micros, result.billed)
    return Cost(result.cost_micros, 0, "yes")


def total(costs: Sequence[Cost]) -> Cost:
    """The sum; billed yes wins over unknown, unknown over no."""
    if len(costs) == 1:
        return costs[0]
    words = {cost.billed for cost in costs}
    billed: ev.Billed = "yes" if "yes" in words else "unknown" if "unknown" in words else "no"
    return Cost(sum(c.known_micros for c in costs), sum(c.at_risk_micros for c in costs), billed)


def share(whole: int, sample: int, samples: int) -> int:
    """The part of ``whole`` that falls on one of ``samples`` results; what does not divide falls on sample 0."""
    even, odd = divmod(whole, samples)
    return even + odd if sample == 0 else even


def shares(attempts: Sequence[Attempt], sample: int, samples: int) -> Cost:
    """One result's part of the money of ``attempts``, each call split by itself. Extra results cost nothing."""
    if not attempts or sample >= samples:
        return NOTHING
    costs = [attempt_cost(attempt) for attempt in attempts]
    if samples > 1:
        costs = [Cost(share(c[0], sample, samples), share(c[1], sample, samples), c.billed) for c in costs]
    return total(costs)
