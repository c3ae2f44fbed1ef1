"""A part of a run that another process works: some partitions of one wave, with its share of limits and budget.

Parts are disjoint, so whoever works them keeps every promise by the same journals as before; a part that is handed out
twice (its process seemed dead) is fenced like any other partition. See docs/decisions/0005-workers.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.engine.options import RunOptions, form_of
from tasks.engine.planning.planned import PartitionWork
from tasks.protocols.limits import Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """``index`` of ``count`` parts. ``budget_micros``: all the run may ever have spent in these partitions."""

    run_id: str
    wave: int
    index: int
    count: int
    rows: int
    partitions: tuple[int, ...]
    budget_micros: int | None = None
    first_token: str = ""  # what its sign of life is called in the dataset

    @property
    def share(self) -> Share:
        """Its part of every rate and concurrency limit."""
        return Share(1 / self.count, self.index / self.count)

    @property
    def label(self) -> str:
        """What the UI calls it."""
        return f"part {self.index + 1} of {self.count} · {len(self.partitions)} partitions · {self.rows:,} rows"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the parameters of a child run or a Dask task."""
        return {**asdict(self), "partitions": list(self.partitions)}


def part_of(values: Mapping[str, Any]) -> Part:
    """The inverse of ``Part.as_dict``."""
    return Part(**{**values, "partitions": tuple(values["partitions"])})


def split(works: Sequence[PartitionWork], count: int) -> list[list[PartitionWork]]:
    """At most ``count`` groups of partitions with about as many rows each."""
    groups: list[list[PartitionWork]] = [[] for _ in range(max(1, min(count, len(works))))]
    for work in sorted(works, key=lambda w: (-w.rows, w.partition)):
        min(groups, key=lambda members: sum(w.rows for w in members)).append(work)
    return [group for group in groups if group]


def parts_of(
    run_id: str, wave: int, groups: Sequence[Sequence[PartitionWork]], *, limit_micros: int | None,
    spent_micros: Mapping[int, int],
) -> list[Part]:  # fmt: skip
    """One part for each group. What is left of the budget is shared out by rows; the rounding stays unspent."""
    rows = [sum(work.rows for work in group) for group in groups]
    left = None if limit_micros is None else max(0, limit_micros - sum(spent_micros.values()))
    parts = []
    for index, group in enumerate(groups):
        partitions = tuple(sorted(work.partition for work in group))
        mine = sum(spent_micros.get(partition, 0) for partition in partitions)
        budget = None if left is None else mine + left * rows[index] // max(1, sum(rows))
        parts.append(
            Part(run_id=run_id, wave=wave, index=index, count=len(groups), rows=rows[index], partitions=partitions,
                 budget_micros=budget)
        )  # fmt: skip
    return parts


def form_for_part(options: RunOptions) -> dict[str, Any]:
    """The parameters of the run as a part needs them: what the whole run has settled already is left out."""
    settled: dict[str, Any] = {
        "max_spend": None, "approve_above": None, "again": False, "limit": None, "runner": "local", "workers": None,
    }  # fmt: skip
    prices = options.prices or None
    places = {"catalogs": [_place(uri) for uri in options.catalogs], "dataset": _place(options.dataset)}
    return form_of(options) | settled | {"price": prices} | places


def _place(uri: str) -> str:
    """The same file from any working directory."""
    return uri if "://" in uri else str(Path(uri).resolve())
