"""What a plan says: how many rows are reused, new or waiting, what they may cost and how long they may take."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from catalogs.models import retirement
from catalogs.money import format_usd, json_usd
from catalogs.types import Row
from tasks.engine.options import RunOptions
from tasks.engine.planning.comparing import Shape, shape_of
from tasks.engine.planning.replacing import Replacement
from tasks.engine.planning.spill import PlannedRow
from tasks.engine.planning.table import ModelTable, ReadingPrice


@dataclass(slots=True)
class ModelShare:
    """One model's part of the plan."""

    rows: int = 0
    new: int = 0
    calls: int = 0
    estimate_micros: int = 0
    cap_micros: int = 0


@dataclass(slots=True)
class PlanSummary:
    """Counts of requested results (n = 4 is 4), money in micro-dollars, time in seconds."""

    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    new: int = 0
    reused: int = 0
    waiting: int = 0
    readings: int = 0
    fetches: int = 0
    left: Counter[str] = field(default_factory=Counter)  # refused, failed, unknown, held rows that stay as they are
    estimate_micros: int = 0
    cap_micros: int = 0
    unpriced: Counter[str] = field(default_factory=Counter)
    models: dict[str, ModelShare] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)  # advice on prompts, counted
    retired: list[str] = field(default_factory=list)
    replacements: dict[tuple[str, str, str], Replacement] = field(default_factory=dict)
    shapes: Counter[Shape] = field(default_factory=Counter)  # of the calls to be made, for other models' prices
    removed: int = 0  # current rows that are no longer in their catalog
    changed: int = 0  # current rows in whose place something else is asked for
    seconds: float = 0.0
    limit_seq: int | None = None
    limited: bool = False  # under --limit the prices of all candidates are kept until the first N are known
    _candidates: list[tuple[int, str, int, int | None, int | None]] = field(default_factory=list)

    def count(self, row: PlannedRow, outcome: str, *, shared: bool = False) -> None:
        """Add one compared row; ``shared``: it reuses what another row of the plan is about to buy."""
        samples = row.wanted.samples
        self.rows += samples
        self.outcomes[outcome] += samples
        self._share(row.wanted.model).rows += samples
        if row.action == "buy":
            self.shapes[shape_of(row.wanted)] += 1
            if self.limited:
                self._candidates.append((row.seq, row.wanted.model, samples, row.estimate_micros, row.cap_micros))
            else:
                self._new(row.wanted.model, samples, row.estimate_micros, row.cap_micros)
        elif row.action == "wait":
            self.waiting += samples
            self._wait_for(row, 1)
        elif row.action == "read":
            self.readings += samples
        elif row.action == "fetch":
            self.fetches += samples
        if outcome == "succeeded" or shared:
            self.reused += samples
        elif outcome != "pending" and row.action in ("none", "hold"):
            self.left[outcome] += samples

    def count_left(self, model: str, samples: int, outcome: str) -> None:
        """Add one row that nothing is to be done about, as ``count`` would."""
        self.rows += samples
        self.outcomes[outcome] += samples
        self._share(model).rows += samples
        if outcome == "succeeded":
            self.reused += samples
        else:
            self.left[outcome] += samples

    def _share(self, model: str) -> ModelShare:
        share = self.models.get(model)
        if share is None:
            share = self.models[model] = ModelShare()
        return share

    def leave_waiting(self, row: PlannedRow, *, bought: bool, reading: ReadingPrice | None) -> None:
        """Take away a row that waited: its input is there, and it is counted again as what it now is.

        ``bought``: its money was counted, with that of its readings.
        """
        samples = row.wanted.samples
        self.rows -= samples
        self.outcomes["pending"] -= samples
        self._share(row.wanted.model).rows -= samples
        if bought:
            self.waiting -= samples
            self._wait_for(row, -1)
            self.count_reading(-samples, reading)

    def _wait_for(self, row: PlannedRow, sign: int) -> None:
        """Add (or, with -1, take away) the money of a row whose input is not there yet: this run may buy it."""
        if row.cap_micros is None or row.estimate_micros is None:
            self.unpriced[row.wanted.model] += sign
            return
        self.estimate_micros += sign * row.estimate_micros
        self.cap_micros += sign * row.cap_micros

    def count_reading(self, samples: int, price: ReadingPrice | None) -> None:
        """Add the paid readings of one row's pictures; None = they are free."""
        if price is None:
            return
        if price.cap_micros is None or price.estimate_micros is None:
            self.unpriced[price.model] += samples
            return
        self.estimate_micros += samples * price.estimate_micros
        self.cap_micros += samples * price.cap_micros

    def replaced(self, row: Row, new: Row, old_micros: int, new_micros: int, changes: list[str]) -> None:
        """Add one row that goes to its retired model's successor."""
        key = (row.model, new.model, row.operation)
        found = self.replacements.get(key)
        if found is None:
            found = self.replacements[key] = Replacement(row.model, new.model, row.operation)
        found.rows += 1
        found.old_micros += old_micros
        found.new_micros += new_micros
        found.changes.update(changes)

    def close(self, table: ModelTable, options: RunOptions) -> None:
        """Apply ``--limit``, add up money and time, look for retired models."""
        if options.limit is not None:
            self._candidates.sort()
            if len(self._candidates) > options.limit:
                self.limit_seq = self._candidates[options.limit - 1][0] if options.limit else -1
            for _, model, samples, estimate, cap in self._candidates[: options.limit]:
                self._new(model, samples, estimate, cap)
            self._candidates.clear()
            self.limited = False
        self.seconds = max(
            (self._seconds(table, name, share, options) for name, share in self.models.items()), default=0
        )
        today = date.today()  # noqa: DTZ011 - a life cycle has days, not zones
        found = (retirement(table.get(name), today) for name in sorted(self.models))
        self.retired = [text for text in found if text]

    def _new(self, model: str, samples: int, estimate: int | None, cap: int | None) -> None:
        share = self.models[model]
        self.new += samples
        share.new += samples
        share.calls += 1
        if cap is None or estimate is None:
            self.unpriced[model] += 1
            return
        share.estimate_micros += estimate
        share.cap_micros += cap
        self.estimate_micros += estimate
        self.cap_micros += cap

    @staticmethod
    def _seconds(table: ModelTable, name: str, share: ModelShare, options: RunOptions) -> float:
        model = table.get(name)
        by_concurrency = share.calls * model.typical_latency_s / options.concurrency_of(model)
        rpm = options.rpm_of(model)
        return max(by_concurrency, 60.0 * share.calls / rpm if rpm else 0.0)

    @property
    def calls(self) -> int:
        """Paid calls to be made, readings not counted."""
        return sum(share.calls for share in self.models.values())

    def line(self) -> str:
        """The plan in one line."""
        left = "".join(f", {n:,} {outcome}" for outcome, n in sorted(self.left.items()))
        waiting = f", {self.waiting:,} waiting for another row" if self.waiting else ""
        money = f"estimated {format_usd(self.estimate_micros)} (at most {format_usd(self.cap_micros)})"
        models = "1 model" if len(self.retired) == 1 else f"{len(self.retired)} models"
        retired = f"; {models} retired or retiring" if self.retired else ""
        return f"{self.reused:,} reused, {self.new:,} new{waiting}{left}; {money}; {_span(self.seconds)}{retired}"

    def leaving(self) -> str:
        """Which rows will no longer be current after a run; empty if none."""
        if not self.removed and not self.changed:
            return ""
        words = [f"{self.removed:,} no longer in the catalog" if self.removed else "",
                 f"{self.changed:,} asked for differently" if self.changed else ""]  # fmt: skip
        rows = "1 row" if self.removed + self.changed == 1 else f"{self.removed + self.changed:,} rows"
        return f"a run takes {rows} of the dataset out of what is current: {', '.join(filter(None, words))}"

    def as_dict(self) -> dict[str, Any]:
        """The plan for ``--json``; money as decimal strings."""
        return {
            "rows": self.rows,
            "reused": self.reused,
            "new": self.new,
            "waiting": self.waiting,
            "readings": self.readings,
            "left": dict(self.left),
            "estimate_usd": json_usd(self.estimate_micros),
            "at_most_usd": json_usd(self.cap_micros),
            "seconds": round(self.seconds, 1),
            "models": {
                name: {"rows": s.rows, "new": s.new, "estimate_usd": json_usd(s.estimate_micros),
                       "at_most_usd": json_usd(s.cap_micros)}
                for name, s in sorted(self.models.items())
            },
            "retired": self.retired,
            "replaced": [each.as_dict() for each in self.replacements.values()],
            "warnings": self.warnings,
            "hints": self.hints,
        }  # fmt: skip


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds))} s at your limits"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min at your limits"
    return f"about {seconds / 3600:.1f} h at your limits"
