"""Partitions shared out into the task runs that the UI shows: one each for large runs, several for small ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.engine.planning.planned import PartitionWork

ROWS_PER_GROUP = 25
_VERBS = ("generate", "edit", "vision", "fetch", "read", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionGroup:
    """The partitions of one task run and what it is called."""

    label: str
    partitions: tuple[int, ...]


def share_out(works: Sequence[PartitionWork], partitions: int) -> list[PartitionGroup]:
    """Groups of about ``ROWS_PER_GROUP`` rows or more, never more groups than partitions, balanced by rows."""
    rows = sum(work.rows for work in works)
    count = max(1, min(len(works), rows // ROWS_PER_GROUP)) if works else 0
    bins: list[list[PartitionWork]] = [[] for _ in range(count)]
    for work in sorted(works, key=lambda w: -w.rows):
        min(bins, key=lambda members: sum(w.rows for w in members)).append(work)
    return [_group(members, partitions) for members in bins if members]


def _group(members: list[PartitionWork], partitions: int) -> PartitionGroup:
    numbers = tuple(sorted(work.partition for work in members))
    rows = sum(work.rows for work in members)
    verbs = set().union(*(work.verbs for work in members)) or {"record"}
    verb = ", ".join(name for name in _VERBS if name in (verbs - {"record"} or verbs))
    if len(numbers) == 1:
        which = f"{numbers[0] + 1:02d}/{partitions}"
    elif len(numbers) == partitions:
        which = "all"
    else:
        which = f"{len(numbers)} of {partitions} partitions"
    return PartitionGroup(label=f"{verb} {which} · {rows:,} row{'s' if rows != 1 else ''}", partitions=numbers)
