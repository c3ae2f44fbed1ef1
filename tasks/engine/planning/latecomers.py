"""Answers that are paid for and in no journal yet: a plan that leaves their rows out must not be the end of it."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from tasks.engine.planning.planned import PartitionWork, Plan
from tasks.journal.fold import Fold
from tasks.journal.inspect import load_fold
from tasks.journal.late import attempt_of
from tasks.journal.names import AnswerId
from tasks.journal.spool import answers_at_rest


async def late_partitions(plan: Plan, late: Collection[AnswerId], spool: Path) -> set[int]:
    """The partitions that have to be opened for answers in ``late/``, or in this host's spool.

    One whose intent the journal does not know stays where it is for ever, and is no reason to open anything.
    """
    if plan.dataset is None:
        return set()
    waiting = {*late, *await asyncio.to_thread(answers_at_rest, spool, plan.dataset.id, plan.store.uri)}
    found: set[int] = set()
    for index, name in enumerate(plan.dataset.partition_names):
        if mine := [answer for answer in waiting if answer.partition == name]:
            fold = await load_fold(plan.store, name)
            if any(attempt_of(fold, answer) for answer in mine):
                found.add(index)
    return found


def take_up(plan: Plan, work: PartitionWork, fold: Fold) -> None:
    """Plan to fetch what has come late into ``fold``, for rows that the plan left as they were (held, say)."""
    if work.partition not in plan.late or plan.known is None:
        return
    planned = {row.wanted.key for row in plan.rows(work) if row.action != "none"}
    for row in plan.known.read(work.partition):
        state = fold.keys.get(row.wanted.key or "")
        if state is None or state.answer is None or state.finished is not None or state.key in planned:
            continue
        planned.add(state.key)
        fetched = row.decided("fetch", record=False, release=False, attempts=len(state.attempts))
        bucket = row.wave * plan.partitions + work.partition
        plan.work.add(bucket, fetched)
        plan.verbs[bucket].add("fetch")
