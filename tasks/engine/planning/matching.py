"""Planned rows held against what their partition already knows: what is to be done about each of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tasks.engine.planning.breathing import breathe
from tasks.engine.planning.choose import Choice, choose, reads_back, untouched
from tasks.engine.planning.foreseen import Known, foreseen
from tasks.engine.planning.keying import unwanted
from tasks.engine.planning.overriding import selective
from tasks.engine.planning.planned import Plan
from tasks.engine.planning.spill import PlannedRow, Spill, planned_row
from tasks.journal.dataset import Dataset
from tasks.journal.fold import Fold, KeyState, WantId
from tasks.journal.inspect import load_fold, tails_and_late
from tasks.journal.names import AnswerId
from tasks.manifest.commits import newest_commit
from tasks.manifest.known import KnownRow, known_rows
from tasks.storage.store import Store


async def compare_all(plan: Plan, rows: Spill) -> list[AnswerId]:
    """Hold every row of the catalogs against the dataset; rows that need nothing are only counted. Its late answers.

    The manifest answers where it is as new as the journal, which is read (six times the CPU, and memory for all its
    events) only for partitions with rows of which the manifest does not tell enough.
    """
    if plan.dataset is None:
        for partition in rows.buckets():
            await _compare_partition(plan, partition, {}, rows)
        return []
    commit = await newest_commit(plan.store)
    parts = commit.parts if commit else {}
    tails, late = await tails_and_late(plan.store, plan.dataset)
    for partition, tail in tails.items():
        known: Mapping[WantId, KnownRow] | None = None if tail else {}
        if partition in parts and parts[partition].through == tail:
            known = await known_rows(plan.store, parts[partition].rows)
        await _compare_partition(plan, partition, known, rows)
    return late


async def _compare_partition(
    plan: Plan, partition: int, rows_known: Mapping[WantId, KnownRow] | None, rows: Spill
) -> None:
    comparison = Comparison(plan, partition)
    known = None if rows_known is None else Known(rows_known)
    fold: Fold | None = None
    for count, raw in enumerate(rows.raw(partition)):
        await breathe(count)
        seen = foreseen(known, raw, plan.options) if known is not None and fold is None else None
        if seen is None:
            fold = fold or await _fold(plan.store, plan.dataset, partition)
            comparison.add(planned_row(raw), fold)
        elif seen.settled:
            comparison.leave(raw["wanted"], seen.choice.outcome)
        else:
            comparison.decide(planned_row(raw), seen.choice, record=seen.record, attempts=0)
    wants = known.current() if known is not None else _current(fold or await _fold(plan.store, plan.dataset, partition))
    comparison.find_unwanted(wants)


def count_leaving(plan: Plan, rows: Spill) -> None:
    """Count the rows that a run takes out of what is current. A row that only waited for its key is none of them."""
    leaving = {(e.catalog, e.row_id) for events in plan.unwanted.values() for e in events if e.key is not None}
    if not leaving:
        return
    read = (raw["wanted"] for bucket in rows.buckets() for raw in rows.raw(bucket))
    there = {row for wanted in read if (row := (wanted["catalog"], wanted["row_id"])) in leaving}
    plan.summary.removed, plan.summary.changed = len(leaving - there), len(there)


def compare(plan: Plan, partition: int, fold: Fold, rows: Iterable[PlannedRow]) -> None:
    """The same for some rows of one partition, whose fold is at hand."""
    comparison = Comparison(plan, partition)
    for row in rows:
        comparison.add(row, fold)


class Comparison:
    """Chooses the action of each row of one partition and puts the rows that need something into the work files."""

    def __init__(self, plan: Plan, partition: int) -> None:
        self._plan, self._partition = plan, partition
        self._plain = replace(plan.options, only="pending")
        self._named = frozenset(plan.options.rows)
        self._for_some = plan.options.only != "pending" and (plan.options.again or selective(plan.options))
        self._seen: set[WantId] = set()
        self._buying: set[str | None] = set()
        self._reading: set[str | None] = set()

    def add(self, row: PlannedRow, fold: Fold) -> None:
        """Decide by the journal."""
        wanted, plan = row.wanted, self._plan
        known = fold.wants.get((wanted.catalog, wanted.row_id, wanted.take, wanted.key))
        record = known is None or not known.current or known.event.digest != wanted.digest
        state = fold.keys.get(wanted.key) if wanted.key else None
        chosen = choose(state, wanted, self._plain if state and _worked_on(state, plan.run_id) else plan.options)
        self.decide(row, chosen, record=record, attempts=len(state.attempts) if state else 0)

    def decide(self, row: PlannedRow, chosen: Choice, *, record: bool, attempts: int) -> None:
        """Take down what is to be done about a row; ``attempts`` were made for its key."""
        plan, wanted = self._plan, row.wanted
        self._seen.add((wanted.catalog, wanted.row_id, wanted.take, wanted.key))
        if chosen.action == "none" and chosen.outcome == "pending" and (wanted.catalog, wanted.row_id) in plan.picked:
            chosen = untouched(self._plain)  # picked by what became of it on its own model
        action = row.action if row.action in ("wait", "fail") else chosen.action
        if action == "wait" and not plan.may_buy((wanted.catalog, wanted.row_id)):
            action = "none"
        if action in ("buy", "hold", "read") and self._named and wanted.row_id not in self._named:
            action = "none"
        if action == "buy" and self._for_some and (wanted.catalog, wanted.row_id) not in plan.picked:
            action = "none"  # not on its own model, nor the same take, where another was asked for
        # another row of this plan buys the same picture, or has it read
        shared = (action == "buy" and wanted.key in self._buying) or (action == "read" and wanted.key in self._reading)
        reads = reads_back(wanted, plan.options.ocr)
        if shared:
            action = "read" if reads and wanted.key not in self._reading else "none"
        elif action == "buy":
            self._buying.add(wanted.key)
        release = chosen.release and action == "buy"
        planned = row.decided(action, record=record, release=release, attempts=attempts)
        plan.summary.count(planned, chosen.outcome, shared=shared)
        if action in ("buy", "read", "fetch", "wait") and reads and wanted.key not in self._reading:
            if wanted.key is not None:
                self._reading.add(wanted.key)
            plan.summary.count_reading(wanted.samples, plan.table.reading(plan.options.ocr))
        if record or action != "none":
            bucket = planned.wave * plan.partitions + self._partition
            plan.work.add(bucket, planned)
            plan.verbs[bucket].add(_verb(planned))

    def leave(self, wanted: dict[str, Any], outcome: str) -> None:
        """Count a row, as it was spilled, that needs nothing."""
        self._seen.add((wanted["catalog"], wanted["row_id"], wanted["take"], wanted["key"]))
        self._plan.summary.count_left(wanted["model"], wanted["samples"], outcome)

    def find_unwanted(self, current: Iterable[WantId]) -> None:
        """Take down which of the ``current`` rows their catalogs no longer have."""
        plan = self._plan
        names = {origin.name for origin in plan.origins}
        for catalog, row_id, take, key in current:
            if catalog in names and (catalog, row_id, take, key) not in self._seen:
                plan.unwanted[self._partition].append(unwanted(plan, catalog, row_id, take, key))


def _current(fold: Fold) -> Iterator[WantId]:
    return (identity for identity, want in fold.wants.items() if want.current)


async def _fold(store: Store, dataset: Dataset | None, partition: int) -> Fold:
    return await load_fold(store, dataset.partition_names[partition]) if dataset else Fold()


def _worked_on(state: KeyState, run_id: str) -> bool:
    """Whether this run (a retry of it, or a part that is handed out again) has taken the row up already."""
    return any(attempt.intent.run_id == run_id for attempt in state.attempts.values())


def _verb(row: PlannedRow) -> str:
    """What the UI says is done with a row."""
    if row.action == "buy":
        return row.wanted.operation
    return "record" if row.action in ("none", "wait", "fail", "hold") else row.action
