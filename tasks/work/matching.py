"""Planned rows held against what their partition already knows: what is to be done about each of them."""

from collections.abc import Iterable
from dataclasses import replace

from tasks.journal.fold import Fold, KeyState
from tasks.work.choose import choose
from tasks.work.keying import unwanted
from tasks.work.planned import Plan
from tasks.work.spill import PlannedRow


def compare(plan: Plan, partition: int, fold: Fold, rows: Iterable[PlannedRow], *, find_unwanted: bool = True) -> None:
    """Choose the action of each row of one partition and put the rows that need something into the work files."""
    options, seen, buying = plan.options, set(), set()
    plain = replace(options, only="pending")
    named = frozenset(options.rows)
    for row in rows:
        wanted = row.wanted
        seen.add((wanted.catalog, wanted.row_id, wanted.take, wanted.key))
        known = fold.wants.get((wanted.catalog, wanted.row_id, wanted.take, wanted.key))
        record = known is None or not known.current or known.event.digest != wanted.digest
        state = fold.keys.get(wanted.key) if wanted.key else None
        chosen = choose(state, wanted, plain if state and _worked_on(state, plan.run_id) else options)
        action = row.action if row.action in ("wait", "fail") else chosen.action
        if action in ("buy", "hold", "read") and named and wanted.row_id not in named:
            action = "none"
        if action == "buy" and wanted.key in buying:
            action = "none"  # another row of this plan buys the same picture
        elif action == "buy":
            buying.add(wanted.key)
        release = chosen.release and action == "buy"
        made = len(state.attempts) if state else 0
        planned = replace(row, action=action, record=record, release=release, attempts=made)
        plan.summary.count(planned, chosen.outcome)
        if action in ("buy", "read") and wanted.ocr and wanted.operation != "vision":
            plan.summary.count_reading(wanted.samples, plan.table.reading(options.ocr))
        if record or action != "none":
            bucket = planned.wave * plan.partitions + partition
            plan.work.add(bucket, planned)
            plan.verbs[bucket].add(_verb(planned))
    if find_unwanted:
        names = {origin.name for origin in plan.origins}
        for (catalog, row_id, take, key), want in fold.wants.items():
            if want.current and catalog in names and (catalog, row_id, take, key) not in seen:
                plan.unwanted[partition].append(unwanted(plan, catalog, row_id, take, key))


def _worked_on(state: KeyState, run_id: str) -> bool:
    """Whether this run (a retry of it, or a part that is handed out again) has taken the row up already."""
    return any(attempt.intent.run_id == run_id for attempt in state.attempts.values())


def _verb(row: PlannedRow) -> str:
    """What the UI says is done with a row."""
    if row.action == "buy":
        return row.wanted.operation
    return "record" if row.action in ("none", "wait", "fail", "hold") else row.action
