"""The plan of a run: every row of the catalogs, compared with what the dataset already holds. Spends nothing."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from catalogs.prices import estimate_micros
from catalogs.types import Model, Problem, Provider
from tasks.engine.analysis.accepting import check_accepting
from tasks.engine.options import RunOptions
from tasks.engine.planning.garbage import rarely_searched
from tasks.engine.planning.inputs import InputDesk
from tasks.engine.planning.keying import bucket_of, note_parent, parent_outputs, placeholder, plan_row, resolve_sources
from tasks.engine.planning.latecomers import late_partitions
from tasks.engine.planning.matching import compare_all, count_leaving
from tasks.engine.planning.planned import LaterRow, Plan, refs_of
from tasks.engine.planning.refilling import plan_refill
from tasks.engine.planning.scratch import Scratch, sweep
from tasks.engine.planning.sources import CatalogFile, read_rows
from tasks.engine.planning.spill import Spill
from tasks.engine.planning.table import ModelTable
from tasks.engine.problems import InvalidCatalog
from tasks.journal.dataset import DEFAULT_PARTITIONS, find_dataset
from tasks.storage.store import Store


async def make_plan(
    options: RunOptions, *, provider: Provider, store: Store, run_id: str, files: Iterable[CatalogFile],
    spool: Path | None = None,
) -> Plan:  # fmt: skip
    """Read, check, key, price and compare. ``InvalidCatalog`` lists every problem of every file; nothing is written.

    ``spool``: where this host keeps answers until they are recorded; None = they are not looked for.
    """
    check_accepting(options)
    dataset = await find_dataset(store, partitions=options.partitions)
    partitions = dataset.partitions if dataset else options.partitions or DEFAULT_PARTITIONS
    sweep()
    scratch = Scratch()
    plan = Plan(
        options=options,
        run_id=run_id,
        family=provider.family,
        table=ModelTable(provider, options.prices, at_least=options.meant(options.prices)),
        dataset=dataset,
        partitions=partitions,
        scratch=scratch,
        desk=InputDesk(store if dataset else None),
        store=store,
        work=Spill(scratch.path, "work"),
    )
    plan.summary.limited = options.limit is not None
    try:
        rows = Spill(scratch.path, "rows")
        with rarely_searched():
            await read_rows(plan, rows, list(files))
            await _resolve_later(plan, rows)
            late = await compare_all(plan, rows)
            count_leaving(plan, rows)
        plan.known = rows
        if spool is not None:
            plan.late = await late_partitions(plan, late, spool)
        await _plan_refills(plan)
    except BaseException:
        plan.discard()
        raise
    plan.summary.close(plan.table, options)
    if options.refills:
        plan.summary.cap_micros *= options.max_takes  # every take of every new row rejected
    _refuse_unpriced(plan)
    return plan


async def _plan_refills(plan: Plan) -> None:
    """Make room for the waves of a refill; its first one takes up what the dataset holds already."""
    if not plan.options.refills:
        return
    plan.refills_from = plan.waves
    plan.waves += plan.options.max_takes - 1
    await plan_refill(plan, plan.refills_from)


def _refuse_unpriced(plan: Plan) -> None:
    """``InvalidCatalog`` if something is to be bought whose price nobody stated: unknown is never counted as 0."""
    if not plan.summary.unpriced:
        return
    files = ", ".join(plan.options.catalogs)
    problems = [
        _unpriced(files, plan.table.get(model), count) for model, count in sorted(plan.summary.unpriced.items())
    ]
    plan.discard()
    raise InvalidCatalog(problems)


def _unpriced(files: str, model: Model, count: int) -> Problem:
    others = estimate_micros(model, operation="generate") is not None  # an edit, or a size, is what nobody priced
    rows = f"{count:,} row{'' if count == 1 else 's'}"
    return Problem(
        file=files, row_number=None, column="model",
        found=f"{model.id}, whose price {'for these rows ' if others else ''}is not known ({rows})",
        allowed=f"state what one {'picture of this model' if others else 'picture or reading'} costs: "
        f"--price {model.id}=USD",
    )  # fmt: skip


async def _resolve_later(plan: Plan, rows: Spill) -> None:
    """Give keys to the later rows whose inputs the dataset already has; the others stay as placeholders."""
    if not plan.later:
        return
    plan.parents = {
        (r.origin.name, ref.target): None for r in plan.later for ref in refs_of(r.row) if ref.kind == "row"
    }
    for bucket in rows.buckets():
        for row in rows.read(bucket):
            parent = (row.wanted.catalog, row.wanted.row_id)
            if parent in plan.parents and row.wanted.key:
                plan.parents[parent] = (row.wanted.key, row.wanted.samples)
    waiting: list[LaterRow] = []
    for depth in sorted({r.depth for r in plan.later}):
        outputs = await parent_outputs(plan)
        for later in (r for r in plan.later if r.depth == depth):
            sources = await resolve_sources(plan, later, outputs)
            if sources is None:
                waiting.append(later)
                row = placeholder(plan, later)
            else:
                row = replace(plan_row(plan, later.row, later.origin, later.seq, later.take, sources), wave=depth)
                note_parent(plan, row)
            rows.add(bucket_of(plan, row.wanted), row)
        plan.waves = max(plan.waves, depth + 1)
    plan.later = waiting
