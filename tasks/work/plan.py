"""The plan of a run: every row of the catalogs, compared with what the dataset already holds. Spends nothing."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalogs.keys import waiting_key
from catalogs.types import ImageRef, Problem, Provider, Row
from tasks.journal.dataset import DATASET_NAME, DEFAULT_PARTITIONS, Dataset, open_dataset, partition_of
from tasks.journal.events import Unwanted, Wanted
from tasks.journal.fold import Fold, KeyState
from tasks.journal.inspect import load_fold
from tasks.storage.store import Store
from tasks.work.accepting import check_accepting
from tasks.work.choose import choose
from tasks.work.inputs import InputDesk
from tasks.work.options import RunOptions
from tasks.work.problems import InvalidCatalog
from tasks.work.request import CatalogOrigin, build_wanted, digest_of
from tasks.work.sources import CatalogFile, read_rows
from tasks.work.spill import InputSource, PlannedRow, Spill
from tasks.work.summary import PlanSummary
from tasks.work.table import ModelTable

RowId = tuple[str, str]  # catalog, row id


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterRow:
    """A row whose inputs are not known yet: outputs of other rows, or https pictures nobody has fetched."""

    seq: int
    depth: int
    row: Row
    origin: CatalogOrigin
    take: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionWork:
    """What one wave asks of one partition."""

    partition: int
    wave: int
    rows: int
    unwanted: tuple[Unwanted, ...] = ()
    verbs: frozenset[str] = frozenset()


@dataclass(slots=True)
class Plan:
    """Rows sorted into waves and partitions, with counts and prices. Its files vanish with ``discard``."""

    options: RunOptions
    run_id: str
    family: str
    table: ModelTable
    dataset: Dataset | None
    partitions: int
    folder: Path
    desk: InputDesk
    store: Store
    work: Spill
    summary: PlanSummary = field(default_factory=PlanSummary)
    origins: list[CatalogOrigin] = field(default_factory=list)
    later: list[LaterRow] = field(default_factory=list)
    parents: dict[RowId, tuple[str, int] | None] = field(default_factory=dict)  # referenced rows -> key, samples
    verbs: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))  # what a wave does in a partition
    unwanted: dict[int, list[Unwanted]] = field(default_factory=lambda: defaultdict(list))
    takes: dict[RowId, int] = field(default_factory=dict)  # raised by --again in this run
    kept: dict[RowId, dict[int, str]] = field(default_factory=dict)  # accepted takes of rows that a refill takes again
    known: Spill | None = None  # every row of the catalogs as planned at first
    refills_from: int | None = None  # the first wave that takes rejected pictures again
    choices: dict[str, str] = field(default_factory=dict)  # auto:… -> model chosen now
    waves: int = 1
    read: int = 0  # rows read so far, over all catalogs

    def partition_work(self, wave: int) -> list[PartitionWork]:
        """What ``wave`` asks of each partition, busiest first."""
        first = wave * self.partitions
        work = [
            PartitionWork(
                partition=bucket - first,
                wave=wave,
                rows=self.work.counts.get(bucket, 0),
                unwanted=tuple(self.unwanted.get(bucket, ())),
                verbs=frozenset(self.verbs.get(bucket, ())),
            )
            for bucket in {*self.work.counts, *self.unwanted}
            if first <= bucket < first + self.partitions
        ]
        return sorted(work, key=lambda w: (-w.rows, w.partition))

    def rows(self, work: PartitionWork) -> Iterable[PlannedRow]:
        """The planned rows of one partition in one wave."""
        return self.work.read(work.wave * self.partitions + work.partition)

    def planned(self) -> Iterator[PlannedRow]:
        """Every row of the catalogs that has its key, its newest take."""
        assert self.known is not None
        for bucket in self.known.buckets():
            yield from (row for row in self.known.read(bucket) if row.wanted.key is not None and not row.kept)

    @property
    def fetchable(self) -> bool:
        """Whether a waiting row may get its input in this run: an https picture, or a row that is being bought."""
        return any(ref.kind == "https" for later in self.later for ref in refs_of(later.row)) or bool(
            self.later and self.work.counts
        )

    def discard(self) -> None:
        """Remove the plan's files."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def make_plan(
    options: RunOptions, *, provider: Provider, store: Store, run_id: str, files: Iterable[CatalogFile]
) -> Plan:
    """Read, check, key, price and compare. ``InvalidCatalog`` lists every problem of every file; nothing is written."""
    check_accepting(options)
    dataset = await existing_dataset(store)
    partitions = dataset.partitions if dataset else options.partitions or DEFAULT_PARTITIONS
    folder = Path(tempfile.mkdtemp(prefix="printroom-plan-"))
    plan = Plan(
        options=options,
        run_id=run_id,
        family=provider.family,
        table=ModelTable(provider, options.prices),
        dataset=dataset,
        partitions=partitions,
        folder=folder,
        desk=InputDesk(store if dataset else None),
        store=store,
        work=Spill(folder, "work"),
    )
    plan.summary.limited = options.limit is not None
    try:
        rows = Spill(folder, "rows")
        await read_rows(plan, rows, list(files))
        await _resolve_later(plan, rows)
        await _compare_all(plan, rows)
        plan.known = rows
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
    from tasks.work.refilling import plan_refill  # which plans rows like this module

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
        Problem(
            file=files, row_number=None, column="model", found=f"{model}, whose price is not known ({count:,} rows)",
            allowed=f"state what one picture or reading costs: --price {model}=USD",
        )
        for model, count in sorted(plan.summary.unpriced.items())
    ]  # fmt: skip
    plan.discard()
    raise InvalidCatalog(problems)


async def existing_dataset(store: Store) -> Dataset | None:
    """The dataset in ``store``, or None if there is none yet. ``DatasetProblem`` if what is there is not ours."""
    try:
        await store.get(DATASET_NAME)  # the 404 of a HEAD cannot tell a missing bucket from a missing object
    except FileNotFoundError:
        return None
    return await open_dataset(store, create=False)


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
    wanted = replace(wanted, digest=digest_of(wanted))
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
    wanted = replace(wanted, digest=digest_of(wanted))
    estimate, cap = plan.table.price(replace(wanted, input_sha256s=tuple("" for _ in later.row.images)))
    return PlannedRow(seq=later.seq, wave=0, action="wait", estimate_micros=estimate, cap_micros=cap, wanted=wanted)


def refs_of(row: Row) -> tuple[ImageRef, ...]:
    """Every picture a row needs, the mask last."""
    return (*row.images, row.mask) if row.mask else row.images


def bucket_of(plan: Plan, wanted: Wanted) -> int:
    """The partition a wanted row belongs to."""
    key = wanted.key or waiting_key(wanted.catalog, wanted.row_id, wanted.take)
    return partition_of(key, plan.partitions)


async def resolve_sources(
    plan: Plan, later: LaterRow, outputs: dict[RowId, list[InputSource]]
) -> list[InputSource] | None:
    """The contents of all inputs of a row, or None while one is missing."""
    sources: list[InputSource] = []
    for ref in refs_of(later.row):
        is_mask = ref is later.row.mask
        if ref.kind == "row":
            found = outputs.get((later.origin.name, ref.target))
            if not found or (ref.sample is not None and ref.sample >= len(found)):
                return None
            picked = found if ref.sample is None else [found[ref.sample]]
            sources += [replace(source, mask=is_mask) for source in picked]
            continue
        source = await plan.desk.resolve(ref)
        if source is None:
            return None
        sources.append(replace(source, mask=is_mask))
    return sources


async def resolve_sources_of(plan: Plan, row: Row) -> list[InputSource] | None:
    """The contents of a row's own pictures; None if one comes from another row or from a URL."""
    sources: list[InputSource] = []
    for ref in refs_of(row):
        if ref.kind in ("row", "https"):
            return None
        source = await plan.desk.resolve(ref)
        assert source is not None
        sources.append(replace(source, mask=ref is row.mask))
    return sources


async def parent_outputs(plan: Plan) -> dict[RowId, list[InputSource]]:
    """Stored pictures of every row that another row feeds on, in sample order; rows without all of them are absent."""
    if plan.dataset is None:
        return {}
    wanted: dict[int, list[tuple[RowId, str, int]]] = defaultdict(list)
    for row_id, found in plan.parents.items():
        if found is not None:
            key, samples = found
            wanted[partition_of(key, plan.partitions)].append((row_id, key, samples))
    outputs: dict[RowId, list[InputSource]] = {}
    for partition, asked in wanted.items():
        fold = await load_fold(plan.store, plan.dataset.partition_names[partition])
        for row_id, key, samples in asked:
            state = fold.keys.get(key)
            if state is not None and all(i in state.stored for i in range(samples)):
                outputs[row_id] = [
                    InputSource(sha256=state.stored[i].sha256, kind="store", location=state.stored[i].image_key)
                    for i in sorted(state.stored)
                ]
    return outputs


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


def note_parent(plan: Plan, row: PlannedRow) -> None:
    """Remember the key of a row that others feed on."""
    parent = (row.wanted.catalog, row.wanted.row_id)
    if parent in plan.parents and row.wanted.key:
        plan.parents[parent] = (row.wanted.key, row.wanted.samples)


async def _compare_all(plan: Plan, rows: Spill) -> None:
    """Hold every row against its partition's fold; rows that need nothing are only counted."""
    buckets = range(plan.partitions) if plan.dataset else rows.buckets()
    for partition in buckets:
        fold = await load_fold(plan.store, plan.dataset.partition_names[partition]) if plan.dataset else Fold()
        compare(plan, partition, fold, rows.read(partition))


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


def unwanted(plan: Plan, catalog: str, row_id: str, take: int, key: str | None) -> Unwanted:
    """The event that takes a row out of its catalog's current rows."""
    return Unwanted(at="", run_id=plan.run_id, catalog=catalog, row_id=row_id, take=take, key=key)
