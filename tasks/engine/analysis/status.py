"""What a dataset holds, now: the sums of its journals, without owning or changing anything."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.engine.analysis.at_work import AtWork, at_work
from tasks.journal.dataset import open_dataset
from tasks.journal.events import Owner, Unknown, Wanted
from tasks.journal.fold import Fold, KeyState, outcome
from tasks.journal.inspect import load_partition
from tasks.journal.owner import provably_gone
from tasks.manifest.money import attempt_cost
from tasks.manifest.outcomes import sample_outcome
from tasks.storage.store import Store


@dataclass(frozen=True, slots=True)
class UnknownAttempt:
    """A call whose outcome nobody knows, and the most it can have cost."""

    catalog: str
    row_id: str
    model: str
    reason: str
    at: str
    cap_micros: int


@dataclass(slots=True)
class DatasetStatus:
    """Counts of requested results of current rows; money in micro-dollars over all rows."""

    partitions: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    catalogs: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    in_flight: int = 0
    cost_micros: int = 0
    at_risk_micros: int = 0
    unknowns: list[UnknownAttempt] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)  # runs at work, or that were killed: one sentence each
    at_work: list[AtWork] = field(default_factory=list)


async def dataset_status(store: Store) -> DatasetStatus:
    """Fold every partition, one after the other. ``DatasetProblem`` if there is no dataset."""
    dataset = await open_dataset(store, create=False)
    status = DatasetStatus(partitions=dataset.partitions, at_work=await at_work(store))
    owned: dict[Owner, list[str]] = {}
    for name in dataset.partition_names:
        loaded = await load_partition(store, name)
        add_partition(status, loaded.fold)
        if loaded.owner is not None:
            owned.setdefault(loaded.owner, []).append(name)
    status.owners = [owner_line(owner, partitions) for owner, partitions in owned.items()]
    return status


def owner_line(owner: Owner, partitions: list[str]) -> str:
    """Who has partitions open, and whether that can be: only the host itself can tell that a process is gone."""
    left = " and ended without closing them" if provably_gone(owner) else ""
    count = f"partition{'s' if len(partitions) > 1 else ''} {', '.join(partitions)}"
    return f"run {owner.run_id} (process {owner.pid} on {owner.host}) has {count}{left}"


def add_partition(status: DatasetStatus, fold: Fold) -> None:
    """Add one partition's rows, calls and money."""
    for want in fold.wants.values():
        if not want.current:
            continue
        event = want.event
        for now_is, reason in _results(event, fold.keys.get(event.key or "")):
            status.outcomes[now_is] += 1
            status.catalogs[event.catalog][now_is] += 1
            if reason:
                status.reasons[f"{now_is}: {reason}"] += 1
    for state in fold.keys.values():
        for attempt in state.attempts.values():
            if attempt.state == "withdrawn":
                continue
            if attempt.state == "open":
                status.in_flight += 1
            cost = attempt_cost(attempt)
            status.cost_micros += cost.known_micros or 0
            status.at_risk_micros += cost.at_risk_micros
            if isinstance(attempt.result, Unknown):
                intent = attempt.intent
                status.unknowns.append(
                    UnknownAttempt(
                        intent.catalog, intent.row_id, intent.model, attempt.result.reason, intent.at, intent.cap_micros
                    )
                )


def _results(event: Wanted, state: KeyState | None) -> Iterator[tuple[str, str | None]]:
    """Outcome and reason of each result that a row asks for, as the manifest has them."""
    call = outcome(state)
    for sample in range(event.samples):
        now_is, reason, _ = call if state is None else sample_outcome(state, sample, call)
        yield now_is, "waiting_for_input" if event.key is None else reason
