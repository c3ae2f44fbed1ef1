"""Retired models replaced by their successors (``--replace-retired``): the row as the successor takes it, and the diff.

What the successor does not take is left out or brought to its nearest (a size, a quality) and listed in the plan. A row
whose picture was made before its model retired keeps it.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from catalogs.checks import check_json_params, fit_frame, nearest_size
from catalogs.models import accepts_size
from catalogs.money import format_usd, json_usd
from catalogs.problems import BadCell
from catalogs.types import Json, Model, Row

_QUALITIES = {"hd": "high", "standard": "medium", "high": "hd", "medium": "standard"}


@dataclass(slots=True)
class Replacement:
    """What one model's rows cost on it and on its successor, in micro-dollars, and what became of their parameters."""

    old: str
    new: str
    operation: str
    rows: int = 0
    old_micros: int = 0
    new_micros: int = 0
    changes: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """The diff in one line."""
        changes = "".join(f"; {change} ({count:,} rows)" for change, count in self.changes.most_common(6))
        money = f"{format_usd(self.old_micros)} → {format_usd(self.new_micros)}"
        rows = f"{self.rows:,} row{'s' if self.rows > 1 else ''}"
        return f"{self.old} → {self.new} for {rows} of {self.operation}: estimated {money}{changes}"

    def as_dict(self) -> dict[str, Any]:
        """The diff for ``--json``."""
        return {
            "model": self.old, "replacement": self.new, "operation": self.operation, "rows": self.rows,
            "estimate_usd": json_usd(self.old_micros), "replacement_estimate_usd": json_usd(self.new_micros),
            "changes": dict(self.changes),
        }  # fmt: skip


def fitted(row: Row, model: Model) -> tuple[Row, list[str]]:
    """The row as ``model`` takes it, and what was changed for that. What cannot be fitted is left to ``recheck``."""
    changes: list[str] = []
    params = _params(row, model, changes)
    size, ratio = _shape(row, model, changes)
    return replace(row, model=model.id, params=params, size=size, ratio=ratio), changes


def _params(row: Row, model: Model, changes: list[str]) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for name, value in row.params.items():
        other = _QUALITIES.get(str(value)) if name == "quality" else None
        if not check_json_params(model, row.operation, {name: value}):
            kept[name] = value
        elif other and not check_json_params(model, row.operation, {name: other}):
            kept[name] = other
            changes.append(f"{name} {value} → {other}")
        else:
            changes.append(f"{name} {value} is left out")
    return kept


def _shape(row: Row, model: Model, changes: list[str]) -> tuple[str | None, str | None]:
    """Size and ratio, the nearest that the model takes."""
    if row.size is None and row.ratio is None:
        return None, None
    try:
        return fit_frame(model, row.operation, *(row.asked if any(row.asked) else (row.size, row.ratio)))
    except BadCell as bad:
        wanted = row.size or row.ratio or ""
        sizes = [size for size in model.sizes if accepts_size(model, row.operation, size) and size != "auto"]
        near = nearest_size(wanted, sizes) or nearest_size(wanted, model.ratios) or bad.nearest
        changes.append(f"{'size' if row.size else 'ratio'} {wanted} → {near or 'its own'}")
        return (near, None) if near in sizes else (None, near)
