"""The catalogs of a run: opened from a folder or S3, read once in a stream, their rows handed to the plan."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from catalogs.checks import check_picture, recheck
from catalogs.guide import AUTO
from catalogs.hints import HintTally
from catalogs.problems import Complaint, Problems, escaped, shown
from catalogs.reader import read_catalog
from catalogs.types import Problem, Row
from tasks.engine.planning.breathing import breathe
from tasks.engine.planning.choosing_model import Ended, with_choice, with_successor
from tasks.engine.planning.keying import bucket_of, plan_row, resolve_sources
from tasks.engine.planning.overriding import Override, Selection, retaken_on, selective
from tasks.engine.planning.planned import LaterRow, Plan, refs_of
from tasks.engine.planning.remembered import Retake, bare_rows_model, kept_takes, raised_by, raised_takes, retakes
from tasks.engine.planning.request import CatalogOrigin, digest_of, key_of
from tasks.engine.planning.spill import PlannedRow, Spill
from tasks.engine.problems import InvalidCatalog
from tasks.protocols.redact import PATTERNS
from tasks.storage.open import open_binary

_PICTURE = "a whole picture in PNG, JPEG or WebP"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFile:
    """One catalog: where it is, its name in the manifest, and what relative pictures refer to."""

    uri: str
    name: str
    base: str


def catalog_files(uris: tuple[str, ...], name: str | None) -> list[CatalogFile]:
    """The catalogs of a run; ``InvalidCatalog`` if two of them would share a name."""
    files = [CatalogFile(uri=uri, name=name or _stem(uri), base=_folder(uri)) for uri in uris]
    taken: dict[str, str] = {}
    problems = []
    for file in files:
        if file.name in taken:
            allowed = "each catalog of a run needs its own name (its file stem, or --catalog-name)"
            problems.append(
                Problem(file=file.uri, row_number=None, column=None, found=f"catalog name {file.name!r} twice",
                        allowed=allowed)
            )  # fmt: skip
        taken[file.name] = file.uri
    if not files:
        problems.append(Problem(file="", row_number=None, column=None, found="no catalog", allowed="name at least one"))
    if problems:
        raise InvalidCatalog(problems)
    return files


async def read_rows(plan: Plan, rows: Spill, files: Sequence[CatalogFile]) -> None:
    """Read every catalog into planned rows; rows that need other rows' outputs or https pictures wait in the plan.

    ``InvalidCatalog`` carries the problems of all files together, those that cannot be opened included.
    """
    reading = _Reading(plan, rows)
    for file in files:
        try:
            source = open_binary(file.uri)
        except OSError as error:
            unread = Problems(file.uri)
            unread.add(Complaint(None, error.strerror or str(error), "a CSV or Parquet file, local or s3://"))
            reading.problems.append(unread)
            continue
        with source:
            await reading.file(file, source)
    if any(reading.problems):
        raise InvalidCatalog.of(reading.problems)
    if missing := set(plan.options.rows) - reading.ids:
        raise InvalidCatalog([_no_such_row(files, row_id) for row_id in sorted(missing)])
    plan.summary.warnings += [
        PATTERNS.text(str(warning))
        for found in reading.problems
        for warning in found.warnings
        if not (warning.column == "model" and "retire" in warning.allowed)  # the plan says it once for each model
    ]
    plan.summary.hints += [PATTERNS.text(line) for tally in reading.hints for line in tally.lines()]


class _Reading:
    """Catalogs on their way into the plan; ``ids``: which of the rows that were asked for by name are there."""

    def __init__(self, plan: Plan, rows: Spill) -> None:
        self.problems: list[Problems] = []
        self.hints: list[HintTally] = []
        self.ids: set[str] = set()
        self._plan, self._rows = plan, rows
        self._made, self._asked = Ended(plan, "succeeded"), set(plan.options.rows)
        self._override = Override(plan) if selective(plan.options) else None
        self._selection, self._selective = Selection(plan), plan.options.again or self._override is not None

    async def file(self, file: CatalogFile, source: BinaryIO) -> None:
        """Read one catalog; its rows are placed, or its problems taken down."""
        plan = self._plan
        raised = await raised_takes(plan.store, file.name) if plan.dataset else {}
        kept = await kept_takes(plan.store, file.name) if plan.dataset else {}
        asked = plan.options.again or plan.options.only != "pending"
        mine = await raised_by(plan.store, file.name, plan.run_id) if plan.dataset and asked else {}
        elsewhere = await retakes(plan.store, file.name) if plan.dataset else {}
        memory = _Memory(raised, mine, elsewhere)
        read = read_catalog(
            source, name=file.uri, catalog=file.name, base=file.base, only_empty=self._override is not None,
            model_override=await self._rows_model(file.name), model_of=plan.table.get,
        )  # fmt: skip
        origin = CatalogOrigin(name=file.name, sha256=read.sha256)
        plan.origins.append(origin)
        self.hints.append(tally := HintTally(escaped(file.uri)))
        waiting: list[tuple[int, Row, int]] = []
        for row in read:
            plan.read += 1
            await breathe(plan.read)
            if row.row_id in self._asked:
                self.ids.add(row.row_id)
            chosen, take = await self._chosen(row, origin, memory)
            if chosen is not row:
                for complaint in recheck(chosen, plan.table.get(chosen.model)):
                    read.problems.add(complaint, row.row_number)
            tally.add(chosen.prompt, plan.table.get(chosen.model), chosen.row_number)
            if chosen.images or chosen.mask is not None:
                waiting.append((plan.read, chosen, take))
            else:
                self._place(plan_row(plan, chosen, origin, plan.read, take, []), kept)
        self.problems.append(read.problems)
        if not read.problems:
            for seq, row, take in waiting:
                later = LaterRow(seq=seq, depth=read.depth(row.row_id), row=row, origin=origin, take=take)
                faults = [complaint async for complaint in _faults(plan, row)]
                for complaint in faults:
                    read.problems.add(complaint, row.row_number)
                if not any(complaint.severity == "error" for complaint in faults):
                    await self._with_inputs(later, kept)

    async def _rows_model(self, catalog: str) -> str | None:
        """The model for every row, or for the rows that name none: these keep the one they were last given."""
        plan = self._plan
        before = await bare_rows_model(plan.store, catalog) if plan.dataset and self._override is not None else None
        return before or plan.options.model

    async def _chosen(self, row: Row, origin: CatalogOrigin, memory: "_Memory") -> tuple[Row, int]:
        """The row on the model it really gets, and its take."""
        plan, row_id, mine = self._plan, (origin.name, row.row_id), memory.mine
        chosen, take = row, max(row.take, memory.raised.get(row.row_id, 1))
        own_take = take
        retake = memory.retake(row)
        if retake is not None and (there := retaken_on(plan, row, retake.model)) is not None:
            chosen, take = there, max(take, retake.take)
        taken_up = row.row_id in mine if mine else await self._taken_up(chosen, origin, take)
        if taken_up:
            before = chosen.model
            chosen = chosen if self._override is None else self._override.apply(row)
            if mine or plan.options.again:
                take = plan.takes[row_id] = mine.get(row.row_id, take + 1)
            elif chosen.model != before:
                take = own_take
            plan.picked.add(row_id)
        if chosen is not row or (plan.options.model and self._override is None and row_id in plan.takes):
            plan.read_as[row_id] = row.model, chosen.model
        chosen = await with_choice(plan, chosen) if chosen.model.startswith(AUTO) else chosen
        if plan.options.replace_retired:
            chosen = await with_successor(plan, chosen, origin, take, self._made)
        return chosen, take

    async def _taken_up(self, row: Row, origin: CatalogOrigin, take: int) -> bool:
        """Whether ``--again`` or a model of its own is for this row. No more takes are raised than may be bought."""
        limit = self._plan.options.limit
        if not self._selective or (limit is not None and len(self._plan.takes) >= limit):
            return False
        return await self._selection.has(row, origin, take)

    async def _with_inputs(self, later: LaterRow, kept: dict[str, dict[str, str]]) -> None:
        """Place a row whose inputs are at hand; one that needs another row's output or an https picture waits."""
        plan = self._plan
        if any(ref.kind in ("row", "https") for ref in refs_of(later.row)):
            plan.later.append(later)
            return
        sources = await resolve_sources(plan, later, {})
        assert sources is not None
        self._place(plan_row(plan, later.row, later.origin, later.seq, later.take, sources), kept)

    def _place(self, planned: PlannedRow, kept: dict[str, dict[str, str]]) -> None:
        for each in (planned, *_kept(planned, kept)):
            self._rows.add(bucket_of(self._plan, each.wanted), each)


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the dataset remembers of one catalog's rows; ``mine``: the takes that this very run raised already."""

    raised: dict[str, int]
    mine: dict[str, int]
    retakes: dict[str, dict[str, Retake]]

    def retake(self, row: Row) -> Retake | None:
        """The raised take that was made instead of this row, or on the very model that is written on it since."""
        entries = self.retakes.get(row.row_id, {})
        on_it = (entry for entry in entries.values() if entry.model == row.model)
        return entries.get(row.model) or max(on_it, key=lambda entry: entry.take, default=None)


def _no_such_row(files: Sequence[CatalogFile], row_id: str) -> Problem:
    """A row that was asked for by name and is in no catalog: a slip that would otherwise look like nothing to do."""
    names = ", ".join(file.uri for file in files)
    return Problem(
        file=names, row_number=None, column="id", found=f"no row {shown(row_id)}", allowed="--rows takes ids of rows"
    )


async def _faults(plan: Plan, row: Row) -> AsyncIterator[Complaint]:
    """Inputs at hand that are no pictures, or none for the model. What comes later is looked at when it is there."""
    for ref in refs_of(row):
        if ref.kind not in ("file", "s3"):
            continue
        name = shown(PurePosixPath(ref.target).name)
        if (fault := await plan.desk.fault(ref)) is not None:
            yield Complaint("mask" if ref is row.mask else "images", f"{name}, {fault}", _PICTURE)
        elif ref is not row.mask and (seen := await plan.desk.look(ref)) is not None:
            found = check_picture(plan.table.get(row.model), *seen)
            if found is not None:
                yield found._replace(found=f"{name}, {found.found}")


def _kept(planned: PlannedRow, kept: dict[str, dict[str, str]]) -> Iterator[PlannedRow]:
    """The row's accepted earlier takes, unless it asks for something else since."""
    for text, key in kept.get(planned.wanted.row_id, {}).items():
        wanted = replace(planned.wanted, take=int(text))
        if int(text) != planned.wanted.take and key_of(wanted, planned.ordinal) == key:
            wanted = replace(wanted, key=key)
            yield replace(planned, wanted=replace(wanted, digest=digest_of(wanted)), kept=True)


def _stem(uri: str) -> str:
    return PurePosixPath(uri).stem if "://" in uri else Path(uri).stem


def _folder(uri: str) -> str:
    return uri.rsplit("/", 1)[0] if "://" in uri else str(Path(uri).resolve().parent)
