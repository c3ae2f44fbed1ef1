"""Rows that feed on other rows, or on pictures behind https URLs: they get their keys when their inputs are there."""

from dataclasses import replace
from functools import partial

from catalogs.keys import waiting_key
from catalogs.types import ImageRef
from tasks.engine.planning.choose import reads_back
from tasks.engine.planning.fixing import fix_kept, fix_takes
from tasks.engine.planning.keying import (
    bucket_of,
    note_parent,
    parent_outputs,
    placeholder,
    plan_row,
    resolve_sources,
    unwanted,
)
from tasks.engine.planning.matching import compare
from tasks.engine.planning.planned import LaterRow, Plan, RowId, refs_of
from tasks.engine.planning.refilling import plan_refill
from tasks.engine.planning.spill import InputSource, PlannedRow
from tasks.engine.shared.services import Services
from tasks.journal.inspect import load_fold
from tasks.storage.containers import BadImage
from tasks.storage.fetch import FetchError


async def resolve_wave(plan: Plan, services: Services, wave: int) -> None:
    """Give keys to the waiting rows of ``wave`` and compare them with what the dataset holds; refill if it is time."""
    await _resolve_waiting(plan, services, wave)
    if plan.refills_from is not None and wave >= plan.refills_from and not services.stop.stopped:
        await _refill(plan, services, wave)


async def _refill(plan: Plan, services: Services, wave: int) -> None:
    """The round that begins with ``wave``: plan it, and remember the raised takes before anything of it is bought."""
    before = plan.summary.calls
    count = await plan_refill(plan, wave)
    if not count:
        return
    await fix_takes(plan, services.store)
    await fix_kept(plan, services.store)
    services.progress.planned += plan.summary.calls - before
    services.say(f"refill: {count:,} rows are short of accepted pictures and get another take")


async def _resolve_waiting(plan: Plan, services: Services, wave: int) -> None:
    due = sorted((later for later in plan.later if later.depth <= wave), key=lambda later: later.seq)
    outputs = await parent_outputs(plan) if due else {}
    while due:  # all at once, or as many as may be bought: of those whose input does not come, none is
        room = len(due) if plan.options.limit is None else max(0, plan.options.limit - plan.summary.calls)
        await _resolve(plan, services, wave, due[:room], outputs)
        due = [] if room == 0 or services.stop.stopped else due[room:]


async def _resolve(
    plan: Plan, services: Services, wave: int, due: list[LaterRow], outputs: dict[RowId, list[InputSource | None]]
) -> None:
    wanted = [later for later in due if plan.may_buy((later.origin.name, later.row.row_id))]
    unfetched = await _fetch_urls(wanted, plan, services)
    ready: dict[int, list[PlannedRow]] = {}
    for later in due:
        sources = await resolve_sources(plan, later, outputs)
        if sources is not None:
            row = replace(plan_row(plan, later.row, later.origin, later.seq, later.take, sources), wave=wave)
            note_parent(plan, row)
        elif any(ref.target in unfetched for ref in refs_of(later.row)):
            row = _failed(plan, later, wave)
        else:
            continue
        ready.setdefault(bucket_of(plan, row.wanted), []).append(row)
        if plan.known is not None:
            plan.known.add(bucket_of(plan, row.wanted), row)
        _leave_waiting(plan, later, wave)
    before = plan.summary.calls
    for partition, rows in ready.items():
        _keep_wanted(plan, wave * plan.partitions + partition, rows)
        fold = await load_fold(services.store, services.dataset.partition_names[partition])
        compare(plan, partition, fold, rows)
    services.progress.planned += plan.summary.calls - before


def _keep_wanted(plan: Plan, bucket: int, rows: list[PlannedRow]) -> None:
    """Do not take out what the plan found nobody to want before these rows had their keys."""
    wants = {(row.wanted.catalog, row.wanted.row_id, row.wanted.take, row.wanted.key) for row in rows}
    found = plan.unwanted.pop(bucket, [])
    if left := [event for event in found if (event.catalog, event.row_id, event.take, event.key) not in wants]:
        plan.unwanted[bucket] = left


def _leave_waiting(plan: Plan, later: LaterRow, wave: int) -> None:
    """The row has a key now: its placeholder is no longer wanted."""
    plan.later.remove(later)
    waited = placeholder(plan, later)
    partition = bucket_of(plan, waited.wanted)
    bought, read = plan.may_buy((later.origin.name, later.row.row_id)), reads_back(waited.wanted, plan.options.ocr)
    plan.summary.leave_waiting(waited, bought=bought, reading=plan.table.reading(plan.options.ocr) if read else None)
    gone = unwanted(plan, later.origin.name, later.row.row_id, later.take, None)
    plan.unwanted[wave * plan.partitions + partition].append(gone)


def _failed(plan: Plan, later: LaterRow, wave: int) -> PlannedRow:
    """A row whose https input cannot be had: failed under a key of its own, free to be tried again."""
    row = placeholder(plan, later)
    key = waiting_key(later.origin.name, later.row.row_id, later.take)
    return replace(row, wave=wave, action="fail", wanted=replace(row.wanted, key=key, waiting_for=()))


async def _fetch_urls(due: list[LaterRow], plan: Plan, services: Services) -> set[str]:
    """Fetch the https inputs nobody has fetched yet; the URLs that gave no picture."""
    urls: list[ImageRef] = [ref for later in due for ref in refs_of(later.row) if ref.kind == "https"]
    failed: set[str] = set()
    for url in dict.fromkeys(ref.target for ref in urls):
        known = await plan.desk.resolve(next(ref for ref in urls if ref.target == url))
        if known is not None:
            continue
        try:
            await services.patiently(partial(plan.desk.fetch, url, services.fetcher, services.store))
        except (FetchError, BadImage) as error:
            services.say(f"input {services.redactor.text(url)}: {services.redactor.text(str(error))}")
            failed.add(url)
    return failed
