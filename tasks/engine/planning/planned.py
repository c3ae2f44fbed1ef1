"""A plan: rows sorted into waves and partitions, and the rows that still wait for their inputs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from catalogs.types import ImageRef, Row
from tasks.engine.options import RunOptions
from tasks.engine.planning.inputs import InputDesk
from tasks.engine.planning.request import CatalogOrigin
from tasks.engine.planning.scratch import Scratch
from tasks.engine.planning.spill import PlannedRow, Spill
from tasks.engine.planning.summary import PlanSummary
from tasks.engine.planning.table import ModelTable
from tasks.journal.dataset import Dataset
from tasks.journal.events import Unwanted
from tasks.storage.store import Store

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
    scratch: Scratch
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
    read_as: dict[RowId, tuple[str, str]] = field(default_factory=dict)  # rows on --model: (as read, as asked for)
    late: set[int] = field(default_factory=set)  # partitions with answers that no journal has yet
    kept: dict[RowId, dict[int, str]] = field(default_factory=dict)  # accepted takes of rows that a refill takes again
    known: Spill | None = None  # every row of the catalogs as planned at first
    refills_from: int | None = None  # the first wave that takes rejected pictures again
    picked: set[RowId] = field(default_factory=set)  # on the run's model, which is not for every row
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
            for bucket in {*self.work.counts, *self.unwanted, *self.late}
            if first <= bucket < first + self.partitions
        ]
        return sorted(work, key=lambda w: (-w.rows, w.partition))

    def rows(self, work: PartitionWork, *, at: str = "") -> Iterable[PlannedRow]:
        """The planned rows of one partition in one wave; ``at`` is the time their ``wanted`` events get."""
        return self.work.read(work.wave * self.partitions + work.partition, at=at)

    def planned(self) -> Iterator[PlannedRow]:
        """Every row of the catalogs that has its key, its newest take."""
        assert self.known is not None
        for bucket in self.known.buckets():
            yield from (row for row in self.known.read(bucket) if row.wanted.key is not None and not row.kept)

    @property
    def fetchable(self) -> bool:
        """Whether a waiting row may get its input in this run: an https picture, or a row that is being bought."""
        wanted = (later for later in self.later if self.may_buy((later.origin.name, later.row.row_id)))
        return any(ref.kind == "https" for later in wanted for ref in refs_of(later.row)) or bool(
            self.later and self.work.counts
        )

    def may_buy(self, waiting: RowId) -> bool:
        """Whether ``--rows`` and ``--only`` let this run buy a row whose input is not there yet."""
        options = self.options
        if options.rows and waiting[1] not in options.rows:
            return False
        return options.only in ("pending", "all-but-succeeded") or waiting in self.picked

    def discard(self) -> None:
        """Remove the plan's files."""
        self.scratch.remove()


def refs_of(row: Row) -> tuple[ImageRef, ...]:
    """Every picture a row needs, the mask last."""
    return (*row.images, row.mask) if row.mask else row.images
