"""How fast several processes are together, their starting up apart."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tasks.engine.planning.planned import PartitionWork
from tasks.engine.running.part import split
from tasks.journal.dataset import partition_of
from tests.support.runs import current_rows

PARTITIONS = 16


def joint_pace(dataset: Path | str, parts: int) -> float:
    """Pictures a second while all parts of a run were at work: after each one's first, before any one's last."""
    rows = current_rows(dataset)
    sizes = Counter(_partition(row) for row in rows)
    works = [cast("PartitionWork", SimpleNamespace(partition=p, rows=n)) for p, n in sorted(sizes.items())]
    ends: list[list[Any]] = []
    for group in split(works, parts):
        mine = {work.partition for work in group}
        ends.append(sorted(row["finished_at"] for row in rows if _partition(row) in mine))
    begin, end = max(times[0] for times in ends), min(times[-1] for times in ends)
    return sum(begin < time <= end for times in ends for time in times) / (end - begin).total_seconds()


def _partition(row: dict[str, Any]) -> int:
    return partition_of(row["result_key"], PARTITIONS)
