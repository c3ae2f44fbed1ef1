"""Refill: rows whose picture the accept rule rejects get another take, until enough are accepted or the cap is reached.

Each round is a wave of the plan: the first one takes up what the dataset already holds, the others what this run
bought. Only a rejected picture is taken again. One that is not judged (it was not read), a refusal, a failure or an
unknown is not: those have their own ways. Rows that others feed on keep their picture, or their children would be
bought anew.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from catalogs.keys import canonical_json
from catalogs.rules import Rule, Verdict
from tasks.engine.analysis.accepting import accept_rule, judge, manifest_rows
from tasks.engine.planning.keying import bucket_of, unwanted
from tasks.engine.planning.matching import compare
from tasks.engine.planning.overriding import selective
from tasks.engine.planning.planned import Plan, RowId
from tasks.engine.planning.request import digest_of, key_of
from tasks.engine.planning.spill import PlannedRow
from tasks.journal.events import Wanted
from tasks.journal.inspect import load_fold

_COLUMNS = frozenset(
    {
        *("row_id", "take", "sample_index", "samples", "outcome", "call_key", "operation", "provider"),
        *("model", "prompt_sent", "params", "input_sha256s", "mask_sha256"),
    }
)


class _Made(NamedTuple):
    """One result of a row in the manifest; ``request`` tells results of the row's earlier wording apart."""

    take: int
    request: int
    outcome: str
    verdict: Verdict
    key: str | None


@dataclass(frozen=True, slots=True)
class _Need:
    """What a row still needs: the take to buy, the rejected take it replaces (if any), and takes to keep."""

    take: int
    replaces: tuple[int, str | None] | None
    kept: dict[int, str]


async def plan_refill(plan: Plan, wave: int) -> int:
    """Add to ``wave`` another take of each row that needs one; how many there are."""
    rule = accept_rule(plan.options.accept)
    if rule is None or plan.dataset is None or not plan.options.refills:
        return 0
    made = await _made(plan, rule)
    ready: dict[int, list[PlannedRow]] = defaultdict(list)
    left = _left(plan)
    for row in plan.planned():
        wanted = row.wanted
        row_id = (wanted.catalog, wanted.row_id)
        if row_id not in made or row_id in plan.parents or not _named(plan, wanted):
            continue
        need = _need(plan, made.pop(row_id), wanted)
        if need is None or left == 0:
            continue
        left -= 1
        again = retaken(row, need.take, wave)
        plan.takes[row_id] = need.take
        if plan.options.model and not selective(plan.options):
            plan.read_as.setdefault(row_id, (wanted.model, wanted.model))
        plan.kept[row_id] = need.kept
        ready[bucket_of(plan, again.wanted)].append(again)
        if need.replaces is not None:
            take, key = need.replaces
            gone = unwanted(plan, wanted.catalog, wanted.row_id, take, key)
            plan.unwanted[wave * plan.partitions + bucket_of(plan, replace(wanted, take=take, key=key))].append(gone)
    for partition, rows in ready.items():
        fold = await load_fold(plan.store, plan.dataset.partition_names[partition])
        compare(plan, partition, fold, rows)
    return sum(len(rows) for rows in ready.values())


def retaken(row: PlannedRow, take: int, wave: int) -> PlannedRow:
    """The same request once more: another take, so another key."""
    wanted = replace(row.wanted, take=take)
    wanted = replace(wanted, key=key_of(wanted, row.ordinal))
    wanted = replace(wanted, digest=digest_of(wanted))
    return replace(row, wanted=wanted, wave=wave, seq=0, action="none", record=False, release=False)


async def _made(plan: Plan, rule: Rule) -> dict[RowId, list[_Made]]:
    """What the manifest holds of each picture row of the plan's catalogs."""
    made: dict[RowId, list[_Made]] = defaultdict(list)
    catalogs = {origin.name for origin in plan.origins}
    async for row in manifest_rows(plan.store, catalogs, _COLUMNS | rule.columns):
        if row["operation"] == "vision" or row["sample_index"] >= row["samples"]:
            continue
        verdict = judge(rule, row) if row["outcome"] == "succeeded" else None
        request = _request_of_row(row)
        entry = _Made(row["take"], request, row["outcome"], verdict, row["call_key"])
        made[row["catalog"], row["row_id"]].append(entry)
    return made


def _need(plan: Plan, made: list[_Made], wanted: Wanted) -> _Need | None:
    """The next take of a row, or None if it has enough, has to wait, or may have no more."""
    request = _request(wanted)
    same = [one for one in made if one.request == request]
    newest = max((one.take for one in same), default=0)
    if newest < plan.takes.get((wanted.catalog, wanted.row_id), wanted.take):
        return None  # a take that is planned but has not been made yet
    last = [one for one in same if one.take == newest]
    accepted = [one for one in same if one.verdict]
    tried = {one.take for one in same if one.outcome != "pending"}
    if len(accepted) >= plan.options.accepted or len(tried) >= plan.options.max_takes:
        return None
    if any(one.outcome != "succeeded" or one.verdict is None for one in last):
        return None
    kept = {one.take: one.key for one in accepted if one.key is not None}
    return _Need(newest + 1, None if newest in kept else (newest, last[0].key), kept)


def _left(plan: Plan) -> int:
    """How many more rows ``--limit`` lets this run buy; -1 = no limit."""
    return -1 if plan.options.limit is None else max(0, plan.options.limit - plan.summary.calls)


def _named(plan: Plan, wanted: Wanted) -> bool:
    return wanted.operation != "vision" and (not plan.options.rows or wanted.row_id in plan.options.rows)


def _request(wanted: Wanted) -> int:
    params = canonical_json(wanted.params).decode() if wanted.params else "{}"
    return hash(
        (wanted.provider, wanted.model, wanted.prompt_sent, params, tuple(wanted.input_sha256s), wanted.mask_sha256)
    )


def _request_of_row(row: dict[str, Any]) -> int:
    inputs = tuple(row["input_sha256s"] or ())
    return hash((row["provider"], row["model"], row["prompt_sent"], row["params"], inputs, row["mask_sha256"]))
