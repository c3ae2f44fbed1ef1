"""Live numbers of a run: what is done, what it cost, how fast it goes; read by the terminal and by artifacts."""

import time
from collections import Counter
from dataclasses import dataclass, field

from tasks.journal.fold import KeyState, outcome


@dataclass(slots=True)
class Progress:
    """Counts of this run's work; money in micro-dollars. ``planned`` counts calls to be made."""

    planned: int = 0
    bought: int = 0
    succeeded: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fetched: int = 0
    read: int = 0
    posts: int = 0
    cost_micros: int = 0
    at_risk_micros: int = 0
    in_flight: int = 0
    first_post: float | None = None
    last_answer: float | None = None
    least_spare_s: float | None = None  # of the downloads that came close to the end of their URL
    fetch_faults: set[str] = field(default_factory=set)  # reasons of downloads that failed, each told once
    by_partition: dict[int, Counter[str]] = field(default_factory=dict)

    def posted(self) -> None:
        """One paid call begins."""
        self.posts += 1
        self.in_flight += 1
        if self.first_post is None:
            self.first_post = time.monotonic()

    def returned(self) -> None:
        """One paid call ended, whichever way."""
        self.in_flight -= 1
        self.last_answer = time.monotonic()

    def finished(self, outcome: str, reason: str | None) -> None:
        """One key was worked in this run; one that stays pending is not done, but its reason is told."""
        self.bought += outcome != "pending"
        self.outcomes[outcome] += 1
        if reason:
            self.reasons[reason] += 1

    @property
    def paid_phase_s(self) -> float:
        """Seconds from the first paid call to the last reply."""
        if self.first_post is None or self.last_answer is None:
            return 0.0
        return self.last_answer - self.first_post

    def eta_s(self) -> float | None:
        """Seconds left at the present rate, or None while nobody can tell."""
        if not self.bought or self.first_post is None:
            return None
        elapsed = time.monotonic() - self.first_post
        return elapsed / self.bought * max(0, self.planned - self.bought)


def delivered(state: KeyState, samples: int) -> int:
    """How many of ``samples`` requested results succeeded: a call may bring fewer pictures than it was asked for."""
    stored = sum(sample in state.stored for sample in range(samples))
    return stored or (samples if outcome(state)[0] == "succeeded" else 0)
