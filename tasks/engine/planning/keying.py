"""From a row to its key: its inputs found, its request built, its place among the partitions."""

from collections import defaultdict
from dataclasses import replace

from catalogs.keys import waiting_key
from catalogs.types import Row
from tasks.engine.planning.planned import LaterRow, Plan, RowId, refs_of
from tasks.engine.planning.request import CatalogOrigin, build_wanted
from tasks.engine.planning.spill import InputSource, PlannedRow
from tasks.journal.dataset import partition_of
from tasks.journal.events import Unwanted, Wanted
from tasks.journal.inspect import load_fold


def plan_row(
    plan: Plan, row: Row, origin: CatalogOrigin, seq: int, take: int, sources: list[InputSource]
) -> PlannedRow:
    """The planned form of a row whose inputs are known."""
    inputs = tuple(source.sha256 for source in sources if not source.mask)
    mask = next((source.sha256 for source in sources if source.mask), None)
    wanted = build_wanted(
        row, plan.table.get(row.model), plan.family, origin, run_id=plan.run_id, take=take, input_sha256s=inputs,
        mask_sha256=mask,
    )  # fmt: skip
    estimate, cap = plan.table.price(wanted)
    return PlannedRow(
        seq=seq, wave=0, action="none", estimate_micros=estimate, cap_micros=cap, wanted=wanted, inputs=tuple(sources),
        ordinal=row.ordinal,
    )  # fmt: skip


def placeholder(plan: Plan, later: LaterRow) -> PlannedRow:
    """The planned form of a row that waits for an input."""
    waiting = tuple(ref.target for ref in refs_of(later.row) if ref.kind in ("row", "https"))
    wanted = build_wanted(
        later.row, plan.table.get(later.row.model), plan.family, later.origin, run_id=plan.run_id, take=later.take,
        input_sha256s=None, waiting_for=waiting,
    )  # fmt: skip
    estimate, cap = plan.table.price(replace(wanted, input_sha256s=tuple("" for _ in later.row.images)))
    return PlannedRow(seq=later.seq, wave=0, action="wait", estimate_micros=estimate, cap_micros=cap, wanted=wanted)


def bucket_of(plan: Plan, wanted: Wanted) -> int:
    """The partition a wanted row belongs to."""
    key = wanted.key or waiting_key(wanted.catalog, wanted.row_id, wanted.take)
    return partition_of(key, plan.partitions)


async def resolve_sources(
    plan: Plan, later: LaterRow, outputs: dict[RowId, list[InputSource | None]]
) -> list[InputSource] | None:
    """The contents of all inputs of a row, or None while one is missing."""
    sources: list[InputSource] = []
    for ref in refs_of(later.row):
        is_mask = ref is later.row.mask
        if ref.kind == "row":
            found = outputs.get((later.origin.name, ref.target), [])
            picked = found if ref.sample is None else found[ref.sample : ref.sample + 1]
            there = [replace(source, mask=is_mask) for source in picked if source is not None]
            if not there or len(there) < len(picked):
                return None
            sources += there
            continue
        source = await plan.desk.resolve(ref)
        if source is None:
            return None
        sources.append(replace(source, mask=is_mask))
    return sources


async def resolve_sources_of(plan: Plan, row: Row) -> list[InputSource] | None:
    """The contents of a row's own pictures; None if one comes from another row or a URL, or is no picture."""
    sources: list[InputSource] = []
    for ref in refs_of(row):
        if ref.kind in ("row", "https"):
            return None
        if await plan.desk.fault(ref) is not None:
            return None  # a problem of the catalog, listed with its row once all are read
        source = await plan.desk.resolve(ref)
        assert source is not None
        sources.append(replace(source, mask=ref is row.mask))
    return sources


async def parent_outputs(plan: Plan) -> dict[RowId, list[InputSource | None]]:
    """The pictures that rows on which others feed were asked for, in sample order; None where one is not stored."""
    if plan.dataset is None:
        return {}
    wanted: dict[int, list[tuple[RowId, str, int]]] = defaultdict(list)
    for row_id, found in plan.parents.items():
        if found is not None:
            key, samples = found
            wanted[partition_of(key, plan.partitions)].append((row_id, key, samples))
    outputs: dict[RowId, list[InputSource | None]] = {}
    for partition, asked in wanted.items():
        fold = await load_fold(plan.store, plan.dataset.partition_names[partition])
        for row_id, key, samples in asked:
            state = fold.keys.get(key)
            if state is None:
                continue
            stored = (state.stored.get(i) for i in range(samples))
            outputs[row_id] = [
                InputSource(sha256=each.sha256, kind="store", location=each.image_key) if each is not None else None
                for each in stored
            ]
    return outputs


def note_parent(plan: Plan, row: PlannedRow) -> None:
    """Remember the key of a row that others feed on."""
    parent = (row.wanted.catalog, row.wanted.row_id)
    if parent in plan.parents and row.wanted.key:
        plan.parents[parent] = (row.wanted.key, row.wanted.samples)


def unwanted(plan: Plan, catalog: str, row_id: str, take: int, key: str | None) -> Unwanted:
    """The event that takes a row out of its catalog's current rows."""
    return Unwanted(at="", run_id=plan.run_id, catalog=catalog, row_id=row_id, take=take, key=key)
