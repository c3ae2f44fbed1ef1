"""What the attempts of a run have cost, and may have cost, by the fold of a partition."""

from tasks.journal import events as ev
from tasks.journal.fold import Attempt, Fold


def spend_micros(fold: Fold, run_id: str) -> tuple[int, int]:
    """(known, at risk) of the attempts of a run in this partition, in micro-dollars.

    At risk is what an attempt may have cost and nobody knows: its cap while it is open, unknown or billed unknown.
    """
    known = at_risk = 0
    for state in fold.keys.values():
        for attempt in state.attempts.values():
            if attempt.intent.run_id == run_id and attempt.state != "withdrawn":
                cost = _known_cost(attempt)
                known += cost or 0
                at_risk += attempt.intent.cap_micros if cost is None else 0
    return known, at_risk


def _known_cost(attempt: Attempt) -> int | None:
    result = attempt.result
    if not isinstance(result, ev.Answered | ev.Rejected) or result.billed == "unknown":
        return None
    return 0 if result.billed == "no" else result.cost_micros
