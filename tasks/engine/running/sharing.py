"""A run shared out: what a part does, how its process shows that it lives, and what the whole run spent in the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tasks.engine.planning.planned import PartitionWork
from tasks.engine.running.part import Part
from tasks.engine.running.partition import run_partition
from tasks.engine.running.session import Session
from tasks.engine.shared.claim import Claim
from tasks.engine.shared.gate import OpenPartition
from tasks.engine.shared.progress import delivered
from tasks.engine.shared.services import Services
from tasks.journal.fold import outcome
from tasks.journal.heartbeat import Heartbeat
from tasks.journal.inspect import load_all, load_fold, owner_of
from tasks.journal.names import heartbeat_name
from tasks.journal.owner import this_process
from tasks.journal.spend import spend_micros
from tasks.storage.store import NotFound, Store, StoreError

FIRST_SIGN_S = 180.0  # a process that runs must have shown itself by then


def sign_of_life(session: Session, part: Part) -> Heartbeat:
    """A counter in the dataset that moves while this process works on ``part``; ``Watch`` looks at it."""
    owner = replace(this_process(session.run_id), token=part.first_token)
    return Heartbeat(session.store, owner, timing=session.pace.journal)


async def alone(session: Session, partitions: Iterable[int], wave: int) -> Claim:
    """Claim the partitions for this process and wait until no earlier one of the run holds any of them.

    From then on, nobody else buys in them in the run's name: who opens one looks whether it is still the last claim.
    """
    services = session.services
    claim = Claim(session.store, session.run_id, frozenset(partitions))
    if not await services.patiently(claim.take):
        return claim
    while held := await _held_by_others(services, sorted(claim.partitions)):
        session.say(f"another process of this run works on {len(held)} of the partitions; waiting for it")
        await asyncio.gather(*(_take_over(session, PartitionWork(partition=p, wave=wave, rows=0)) for p in held))
        if session.stop.stopped:
            break
    return claim


async def _held_by_others(services: Services, partitions: list[int]) -> list[int]:
    """Those of the partitions that another process of this run has not let go of."""
    names = services.dataset.partition_names
    owners = await asyncio.gather(*(owner_of(services.store, names[p]) for p in partitions))
    ours = [o is not None and o.run_id == services.run_id and o.token != services.owner.token for o in owners]
    return [p for p, held in zip(partitions, ours, strict=True) if held]


async def _take_over(session: Session, work: PartitionWork) -> None:
    """Own a partition for a moment, once its owner has let go of it or is silent; buy nothing."""
    place = OpenPartition(session.services.gate, 0)
    await run_partition(session.services, session.ready_plan, work, session.committer, place, known_only=True)


async def _spend_alone(session: Session, part: Part) -> None:
    """Count what the run has spent in the part's partitions, and see to it that it is spent by nobody else."""
    services = session.services
    services.claim = await alone(session, part.partitions, part.wave)
    for partition in part.partitions:
        fold = await load_fold(session.store, services.dataset.partition_names[partition])
        services.budget.spent_micros += sum(spend_micros(fold, session.run_id))


async def part_work(session: Session, part: Part) -> list[PartitionWork]:
    """What the plan of this process asks of the part's partitions, in the part's wave."""
    plan, mine = session.ready_plan, set(part.partitions)
    await session.next_wave(part.wave)
    if part.budget_micros is not None:
        await _spend_alone(session, part)
    if part.wave:  # what the first wave would have taken out: rows that waited until this process made its plan
        for partition in mine & plan.unwanted.keys():
            plan.unwanted[part.wave * plan.partitions + partition] += plan.unwanted.pop(partition)
    return [work for work in plan.partition_work(part.wave) if work.partition in mine]


async def execute_part(session: Session, part: Part) -> Counter[str]:
    """Plan again, work the part, commit. Needs no Prefect; resumes what an earlier process of the run left."""
    async with sign_of_life(session, part), session.opened(resumed=True):
        counts = await session.work(await part_work(session, part))
        await session.committer.finish(final=False)
        return counts


@dataclass(slots=True)
class Watch:
    """Whether a part's process lives, by this machine's clock: its counter must move now and then."""

    store: Store
    token: str
    timeout_s: float
    first_sign_s: float = FIRST_SIGN_S
    _seen: bytes = b""
    _at: float | None = None

    async def seems_dead(self) -> bool:
        """True once the counter stood still for ``timeout_s``, or never came within ``first_sign_s``.

        Time counts from the first look, which is not due before the process was started.
        """
        try:
            now = await self.store.get(heartbeat_name(self.token))
        except NotFound:
            now = b""
        except StoreError:
            self._at = None  # nobody can tell: a store that was away has kept signs of life away, too
            return False
        if self._at is None or now != self._seen:
            self._seen, self._at = now, time.monotonic()
        return time.monotonic() - self._at > (self.timeout_s if self._seen else self.first_sign_s)


@dataclass(slots=True)
class Tally:
    """What a run did, by the journals alone. Money in micro-dollars."""

    cost_micros: int = 0
    at_risk_micros: int = 0
    succeeded: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    spent_by_partition: dict[int, int] = field(default_factory=dict)


async def tally(session: Session) -> Tally:
    """Read every partition once: the rows and the money of this run, whichever process had them."""
    made = Tally()
    async for partition, fold in load_all(session.store, session.services.dataset):
        known, at_risk = spend_micros(fold, session.run_id)
        made.cost_micros += known
        made.at_risk_micros += at_risk
        made.spent_by_partition[partition] = known + at_risk
        for state in fold.keys.values():
            mine = [a.intent for a in state.attempts.values() if a.intent.run_id == session.run_id]
            if mine:
                now_is, reason, _ = outcome(state)
                made.outcomes[now_is] += 1
                made.succeeded += delivered(state, mine[0].samples)
                if reason:
                    made.reasons[reason] += 1
    return made


async def take_stock(session: Session) -> Tally:
    """Make the run's own progress say what all its processes did."""
    made, progress = await tally(session), session.services.progress
    progress.cost_micros, progress.at_risk_micros = made.cost_micros, made.at_risk_micros
    progress.succeeded, progress.bought = made.succeeded, sum(made.outcomes.values())
    progress.outcomes, progress.reasons = made.outcomes, made.reasons
    return made
