"""One run in one process: its plan, its shared services, its committer; found again by its run id.

Prefect copies and walks the arguments of a task, so a task gets the run id and looks the session up here.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from catalogs.money import format_usd
from tasks.engine.analysis.accepting import Acceptance, accept_rule, acceptance
from tasks.engine.options import RunOptions
from tasks.engine.planning.offered import not_offered
from tasks.engine.planning.plan import make_plan
from tasks.engine.planning.planned import PartitionWork, Plan
from tasks.engine.planning.sources import catalog_files
from tasks.engine.running.collecting import rarely_collecting
from tasks.engine.running.committing import Committer
from tasks.engine.running.guarding import redacted_errors
from tasks.engine.running.memory import give_back, keep_little
from tasks.engine.running.part import Part
from tasks.engine.running.partition import fetch_known, run_partition
from tasks.engine.running.result import RunResult, result_of
from tasks.engine.running.setup import open_services
from tasks.engine.running.signals import draining_on_signals
from tasks.engine.running.standing import catch_up, commit_stragglers, idle_standing, standing
from tasks.engine.running.uncut import Uncut
from tasks.engine.running.waves import resolve_wave
from tasks.engine.shared.pace import Pace
from tasks.engine.shared.patience import patiently
from tasks.engine.shared.services import Services
from tasks.engine.shared.stopping import StopSignal
from tasks.engine.shared.watching import WatchedStore
from tasks.journal.errors import StoreDown
from tasks.protocols.redact import PATTERNS, Redactor, guard_logging
from tasks.settings import Settings
from tasks.storage.open import open_store
from tasks.storage.store import Store, StoreError

_sessions: dict[str, "Session"] = {}
_prepared: ContextVar["Session | None"] = ContextVar("prepared", default=None)


@dataclass(slots=True)
class Session:
    """A run while it lasts. ``plan`` may be made before the services are opened; nothing is spent until then."""

    options: RunOptions
    settings: Settings
    run_id: str
    store: Store
    say: Callable[[str], None] = print
    redactor: Redactor = PATTERNS
    unguard: Callable[[], None] = lambda: None
    stop: StopSignal = field(default_factory=StopSignal)
    pace: Pace = field(default_factory=Pace)
    plan: Plan | None = None
    yes: bool = False  # somebody approved the plan
    reports: bool = True  # write the report at the end
    part: Part | None = None  # this process works only so much of the run
    began: float = field(default_factory=time.monotonic)
    _services: Services | None = None
    _committer: Committer | None = None
    _uncut: Uncut = field(init=False)

    @property
    def services(self) -> Services:
        """The open services; only between ``opened`` and its end."""
        assert self._services is not None
        return self._services

    @property
    def is_open(self) -> bool:
        """Whether the services are open."""
        return self._services is not None

    @property
    def committer(self) -> Committer:
        """The run's committer; only between ``opened`` and its end."""
        assert self._committer is not None
        return self._committer

    @property
    def ready_plan(self) -> Plan:
        """The plan, once it is made."""
        assert self.plan is not None
        return self.plan

    async def make_plan(self) -> Plan:
        """The plan, made once."""
        if self.plan is None:
            files = catalog_files(self.options.catalogs, self.options.catalog_name)
            with redacted_errors(self.redactor):
                self.plan = await make_plan(
                    self.options, provider=self.settings.provider, store=self.store, run_id=self.run_id, files=files,
                    spool=self.settings.spool,
                )  # fmt: skip
                self.plan.summary.warnings += await not_offered(self.plan, self.settings)
        return self.plan

    @asynccontextmanager
    async def opened(self, *, resumed: bool = False) -> AsyncIterator[Services]:
        """Open the services and close them at the end, whatever happens."""
        plan = await self.make_plan()
        keep_little()
        give_back()  # what the plan took
        async with AsyncExitStack() as held:
            held.enter_context(rarely_collecting())
            if not isinstance(self.store, WatchedStore):
                self.store = WatchedStore(self.store, self.stop, self.say, self.pace.journal.patience_s)
            self._services = await held.enter_async_context(
                open_services(
                    plan,
                    self.settings,
                    self.store,
                    stop=self.stop,
                    pace=self.pace,
                    say=self.say,
                    resumed=resumed,
                    part=self.part,
                )
            )
            self._uncut = Uncut(self.stop, self.options.grace_s, self.say)
            self._committer = Committer(self.store, self.run_id, every_s=self.pace.commit_every_s)
            held.enter_context(draining_on_signals(self.stop, self.options.grace_s, self.say))
            yield self._services

    async def work(self, works: list[PartitionWork]) -> Counter[str]:
        """Work some partitions, those that nobody else owns first. Outcomes of their rows, counted."""
        with redacted_errors(self.redactor):
            first = await asyncio.gather(*(self._uncut(self._one(work, wait=False)) for work in works))
            busy = [work for work, counts in zip(works, first, strict=True) if counts is None]
            if busy:
                self.say(f"another run works on {len(busy)} of the partitions; waiting for it")
            second = await asyncio.gather(*(self._uncut(self._one(work, wait=True)) for work in busy))
        return sum((counts for counts in (*first, *second) if counts), Counter())

    async def _one(self, work: PartitionWork, *, wait: bool) -> Counter[str] | None:
        """One partition's outcomes, or None if another run owns it and ``wait`` is false."""
        counts: Counter[str] | None = Counter()
        async with self.services.gate.open(work.rows) as place:
            if self.stop.reason == "store_down":  # it was waited for once
                return counts
            with self.stop.if_store_is_down():
                result = await run_partition(self.services, self.ready_plan, work, self.committer, place, wait=wait)
                counts = None if result is None else Counter(result.outcomes)
        return counts

    async def next_wave(self, wave: int) -> list[PartitionWork]:
        """What ``wave`` asks of the partitions; rows that waited for earlier waves get their keys now."""
        plan = self.ready_plan
        if self.stop.reason == "store_down":
            return []
        with redacted_errors(self.redactor), self.stop.if_store_is_down():
            await resolve_wave(plan, self.services, wave)
            works = plan.partition_work(wave)
            await asyncio.gather(*(fetch_known(self.services, plan, work, self.committer) for work in works))
        return plan.partition_work(wave)  # with what came late

    async def finish(self) -> RunResult:
        """Commit what is left, replace the alias, write the report, and say how the catalogs now stand."""
        as_planned = self.ready_plan.summary.outcomes  # what came since is in the journal and the spool
        if self.stop.reason == "store_down":  # it was waited for long enough
            return self._result(as_planned)
        try:
            outcomes, accepted = await patiently(self._conclude, self.pace.journal, self.stop)
        except (StoreError, StoreDown, TimeoutError) as error:
            self.stop.stop("store_down", f"the manifest could not be committed: {error}")
            return self._result(as_planned)
        return replace(self._result(outcomes), acceptance=accepted)

    async def _conclude(self) -> tuple[Counter[str], Acceptance | None]:
        """The last commit, the report, and how the catalogs stand; may be done again."""
        await commit_stragglers(self.store, self.services.dataset, self.committer)
        await self.committer.finish(final=not self.stop.stopped)
        await self._report()
        if not self.stop.stopped:
            await self.committer.collect()
        outcomes = await standing(self.store, {origin.name for origin in self.ready_plan.origins})
        return outcomes, await self._acceptance()

    async def _acceptance(self) -> Acceptance | None:
        """How the pictures of the run's catalogs stand under its accept rule, if it has one."""
        rule = accept_rule(self.options.accept)
        names = {origin.name for origin in self.ready_plan.origins}
        return None if rule is None else await acceptance(self.store, rule, names)

    def _result(self, outcomes: Counter[str]) -> RunResult:
        progress = self.services.progress
        return result_of(
            outcomes,
            run_id=self.run_id,
            dataset=self.options.dataset,
            reused=max(0, outcomes.get("succeeded", 0) - progress.succeeded),
            cost_micros=progress.cost_micros,
            at_risk_micros=progress.at_risk_micros,
            wall_s=time.monotonic() - self.began,
            paid_phase_s=progress.paid_phase_s,
            stopped=self.stop.reason,
            message=self.services.redactor.text(self.stop.message),
            reasons=dict(progress.reasons.most_common()),
        )

    async def _report(self) -> None:
        from tasks.engine.analysis.reporting import report_after_run  # pandas and the pictures' library: not for a plan

        if self.reports:
            run_s = time.monotonic() - self.began
            hurry, accept = self.stop.reason == "interrupted", self.options.accept
            await report_after_run(self.store, run_s=run_s, hurry=hurry, accept=accept)

    async def idle(self) -> RunResult:
        """The result of a run that had nothing to do; what a killed run left out of manifest and report is added."""
        from tasks.engine.analysis.reporting import report_if_stale

        if self.ready_plan.dataset is not None:
            await catch_up(self.store, self.ready_plan.dataset, self.run_id)
        await report_if_stale(self.store)
        stands = await idle_standing(self.store, self.ready_plan)
        return replace(self.idle_result(stands), acceptance=await self._acceptance())

    def approved(self) -> bool:
        """Whether the plan may be carried out: its worst case needs no approval, or somebody said yes."""
        above = self.options.approve_above_micros
        return self.yes or above is None or self.ready_plan.summary.cap_micros <= above

    def approval_question(self) -> str:
        """What somebody has to agree to."""
        cap, above = self.ready_plan.summary.cap_micros, self.options.approve_above_micros
        return f"the plan may cost {format_usd(cap)}, approval is needed above {format_usd(above)}"

    def approval_message(self) -> str:
        """Why nothing was spent."""
        return f"{self.approval_question()}; nothing was spent"

    def cap_spend(self, micros: int) -> None:
        """Never spend more than this in the run; a lower limit that it has already stays."""
        limit = self.options.max_spend_micros
        self.options = replace(self.options, max_spend_micros=micros if limit is None else min(limit, micros))
        self.yes = True
        self.ready_plan.options = self.options

    def nothing_to_do(self) -> bool:
        """Whether there is nothing to do: no call, no bytes, no reading, no record, no answer to take in."""
        plan = self.ready_plan
        asked = plan.work.counts or plan.unwanted or plan.fetchable or plan.late
        return plan.dataset is not None and not asked

    def idle_result(self, outcomes: Counter[str] | None = None) -> RunResult:
        """The result of a run that had nothing to do; without ``outcomes`` they are the plan's."""
        outcomes = self.ready_plan.summary.outcomes if outcomes is None else outcomes
        return result_of(
            outcomes, run_id=self.run_id, dataset=self.options.dataset, reused=outcomes.get("succeeded", 0),
            wall_s=time.monotonic() - self.began,
        )  # fmt: skip


def new_session(options: RunOptions, settings: Settings, run_id: str, *, say: Callable[[str], None] = print) -> Session:
    """A session that ``session_of`` finds until ``forget`` is called; so long, log records are redacted."""
    redactor = Redactor(settings.secrets())
    session = Session(
        options, settings, run_id, open_store(options.dataset), lambda text: say(redactor.text(text)), redactor,
        guard_logging(redactor),
    )  # fmt: skip
    _sessions[run_id] = session
    return session


def session_of(run_id: str) -> Session:
    """The session of a run of this process; ``KeyError`` if it has none."""
    return _sessions[run_id]


def prepare(session: Session) -> None:
    """Hand a session, with its plan, to the flow that is called next: the command line plans before Prefect starts."""
    _prepared.set(session)


def prepared() -> Session | None:
    """The session handed over by ``prepare``."""
    return _prepared.get()


def forget(run_id: str) -> None:
    """Drop a session and its plan's files."""
    session = _sessions.pop(run_id, None)
    if session is None:
        return
    session.unguard()
    if session.plan is not None:
        session.plan.discard()
