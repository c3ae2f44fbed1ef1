"""One figure beside its bar and its goal, and the table of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was measured. ``bar`` and ``goal`` are the most it may be, or with ``at_least`` the least; None = no bar."""

    what: str
    value: float
    unit: str = ""
    bar: float | None = None
    goal: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """``goal``, ``bar`` (met), ``MISSED``, or nothing where nothing is asked."""
        if self.goal is not None and self._within(self.goal):
            return "goal"
        if self.bar is None:
            return ""
        return "bar" if self._within(self.bar) else "MISSED"

    def _within(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit


HEAD = f"{'what':<66}{'got':>10} {'unit':<10}{'bar':>8}{'goal':>8}  {'verdict':<8}note"


def lines(findings: Iterable[Finding]) -> Iterable[str]:
    """The table's lines below ``HEAD``."""
    for f in findings:
        bar, goal = (_asked(limit, at_least=f.at_least) for limit in (f.bar, f.goal))
        yield f"{f.what:<66}{_number(f.value):>10} {f.unit:<10}{bar:>8}{goal:>8}  {f.verdict:<8}{f.note}".rstrip()


def _asked(limit: float | None, *, at_least: bool) -> str:
    return "" if limit is None else f"{'≥' if at_least else '≤'} {limit:g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
