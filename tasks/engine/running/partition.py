"""One partition of a run: own its journal, record what is wanted, finish what is known, buy what is new."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from tasks.engine.buying.pictures import deadline
from tasks.engine.buying.purchase import Buyer
from tasks.engine.buying.row import RowWorker
from tasks.engine.buying.settling import Settler, now
from tasks.engine.planning.latecomers import take_up
from tasks.engine.planning.planned import PartitionWork, Plan
from tasks.engine.planning.spill import PlannedRow
from tasks.engine.running.committing import Committer
from tasks.engine.shared.gate import OpenPartition
from tasks.engine.shared.services import Services
from tasks.journal import events as ev
from tasks.journal.errors import Fenced, StoreDown
from tasks.journal.fold import outcome
from tasks.journal.names import late_prefix
from tasks.journal.partition import PartitionJournal, open_partition
from tasks.journal.rules import open_attempts

_EVENTS_PER_APPEND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionResult:
    """What became of a partition's rows in this run: requested results by outcome."""

    partition: int
    rows: int
    outcomes: dict[str, int]


async def run_partition(
    services: Services,
    plan: Plan,
    work: PartitionWork,
    committer: Committer,
    place: OpenPartition,
    *,
    wait: bool = True,
    known_only: bool = False,
) -> PartitionResult | None:
    """Work one partition to its end. None = another run owns it, and ``wait`` is false or the run is to stop.

    ``known_only``: get the bytes of answers that are known already, and leave everything else for later.
    Being fenced (another run took the partition over) means waiting for it and looking again: what it finished is
    finished. Raises ``StoreDown`` when outcomes cannot be recorded.
    """
    while True:
        settle = Settler(
            services.store,
            services.table,
            services.inspector,
            services.redactor,
            patience_s=services.pace.journal.patience_s,
        )
        journal = await open_partition(
            services.store, services.dataset, work.partition, services.owner, spool=services.spool, settle=settle,
            on_wait=services.say, wait=wait, give_up=lambda: services.stop.stopped, timing=services.pace.journal,
        )  # fmt: skip
        if journal is None:
            return None
        committer.watch(work.partition, journal)
        try:
            if not known_only:
                await _stop_if_replaced(services)
            partition = _Partition(services, plan, work, journal, settle, place)
            return await (partition.fetch_known() if known_only else partition.run())
        except Fenced:
            services.say(f"partition {work.partition}: another run took over; waiting for it")
            wait = True
        finally:
            await committer.leave(work.partition, journal)


async def _stop_if_replaced(services: Services) -> None:
    """Buy nothing in a partition just opened if a later process of this run counts on its spend: it may have looked."""
    if services.claim is not None and await services.patiently(services.claim.replaced):
        services.stop.stop("interrupted", "another process of this run has taken its place")


async def fetch_known(services: Services, plan: Plan, work: PartitionWork, committer: Committer) -> None:
    """Get what is paid for, in all partitions at once: no URL may die while another partition still buys."""
    name = services.dataset.partition_names[work.partition]
    with services.stop.if_store_is_down():
        known = "fetch" in work.verbs or work.partition in plan.late
        if known or len(await services.patiently(lambda: services.store.list(late_prefix(name)))):
            place = OpenPartition(services.gate, 0)
            await run_partition(services, plan, work, committer, place, wait=False, known_only=True)
        plan.late.discard(work.partition)  # in the journal now, or the business of whoever owns the partition


class _Partition:
    def __init__(
        self,
        services: Services,
        plan: Plan,
        work: PartitionWork,
        journal: PartitionJournal,
        settler: Settler,
        place: OpenPartition,
    ) -> None:
        self._services, self._plan, self._work, self._journal = services, plan, work, journal
        self._place = place
        self._planned: list[tuple[str, int]] = []  # call key and samples of each row
        self._buyer = Buyer(services, journal, settler)
        self._rows = RowWorker(services, journal, self._buyer)

    async def run(self) -> PartitionResult:
        """Known answers first (nearest deadline first), then what is new, then what may have been paid before.

        Last come readings of pictures that other rows were to buy.
        """
        watcher = asyncio.create_task(self._watch_stop())
        try:
            await self._record()
            known, again = self._known_and_again()
            await self._pool(iter(known))
            done = {row.wanted.key for row in known}
            turns: list[Callable[[PlannedRow], bool]] = [lambda r: r.action != "read" and r.wanted.key not in again]
            if again:
                turns.append(lambda r: r.action != "read" and r.wanted.key in again)
            if "read" in self._work.verbs:
                turns.append(lambda r: r.action == "read")
            for its_turn in turns:
                await self._pool(r for r in self._rows_to_work() if r.wanted.key not in done and its_turn(r))
            if self._services.stop.stopped:
                await self._pause_the_rest()
        finally:
            watcher.cancel()
        return self._result()

    async def fetch_known(self) -> PartitionResult:
        """The bytes of known answers, nearest deadline first."""
        take_up(self._plan, self._work, self._journal.fold)
        known, _ = self._known_and_again()
        once = {row.wanted.key: row for row in known}  # rows that share a call share its pictures
        await self._pool(once.values(), self._rows.fetch)
        return PartitionResult(partition=self._work.partition, rows=self._work.rows, outcomes={})

    async def _record(self) -> None:
        """Append what the catalogs want now, and what they no longer want.

        Every reading of the plan costs a tenth of a row, so this one takes down what the result will be counted from.
        """
        events = self._opening_events()
        while chunk := list(islice(events, _EVENTS_PER_APPEND)):
            await self._journal.append(*chunk)

    def _opening_events(self) -> Iterator[ev.Event]:
        at, fold = now(), self._journal.fold
        for event in self._work.unwanted:
            want = fold.wants.get((event.catalog, event.row_id, event.take, event.key))
            if want is not None and want.current:
                yield replace(event, at=at)
        gone = {(event.catalog, event.row_id, event.take, event.key) for event in self._work.unwanted}
        for row in self._plan.rows(self._work, at=at):
            wanted = row.wanted
            identity = (wanted.catalog, wanted.row_id, wanted.take, wanted.key)
            if identity in gone:
                continue  # it waited for a picture behind a URL, and has got its key since it was planned
            self._planned.append((wanted.key or "", wanted.samples))
            known = fold.wants.get(identity)
            if row.record and (known is None or not known.current or known.event.digest != wanted.digest):
                yield wanted
            if row.action == "fail" and wanted.key:
                run_id = self._services.run_id
                yield ev.Finished(at=at, key=wanted.key, outcome="failed", reason="input_unavailable", run_id=run_id)

    def _known_and_again(self) -> tuple[list[PlannedRow], set[str | None]]:
        """Rows whose answer is known already, nearest deadline first; and keys whose earlier attempt is unknown."""
        known: list[tuple[str, PlannedRow]] = []
        again: set[str | None] = set()
        if not self._journal.fold.keys:
            return [], again
        for row in self._rows_to_work():
            state = self._journal.fold.keys.get(row.wanted.key or "")
            if state is None:
                continue
            if state.answer is not None:
                known.append((deadline(state.answer), row))
            elif any(a.state == "unknown" for a in state.attempts.values()):
                again.add(row.wanted.key)
        known.sort(key=lambda pair: pair[0])
        return [row for _, row in known], again

    def _rows_to_work(self) -> Iterable[PlannedRow]:
        limit = self._plan.summary.limit_seq
        for row in self._plan.rows(self._work):
            if row.action in ("hold", "fetch", "read") or (row.action == "buy" and (limit is None or row.seq <= limit)):
                yield row

    async def _pool(
        self, rows: Iterable[PlannedRow], work: Callable[[PlannedRow], Awaitable[None]] | None = None
    ) -> None:
        """Work rows with bounded concurrency. When the run stops, only rows with a known answer are still finished."""
        shared = iter(rows)

        async def worker() -> None:
            for row in shared:
                if self._services.stop.stopped and not self._answered(row):
                    continue
                try:
                    await (work or self._rows.work)(row)
                except StoreDown as error:  # now, not when all rows have ended: nobody is to wait once more
                    self._services.stop.stop("store_down", f"outcomes cannot be recorded: {error}")
                    raise
                self._place.row_done()

        count = min(self._services.rows_in_flight, max(1, self._work.rows))
        tasks = [asyncio.create_task(worker()) for _ in range(count)]
        try:
            results = await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError:
            self._services.stop.stop("interrupted", "cancelled")
            results = await asyncio.gather(*tasks, return_exceptions=True)
        # A fenced or cut-off owner still waits for its open calls: what they answer is paid for and goes to late/.
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    def _answered(self, row: PlannedRow) -> bool:
        state = self._journal.fold.keys.get(row.wanted.key or "")
        return state is not None and state.answer is not None

    async def _watch_stop(self) -> None:
        """When the run stops, end the waiting at once; when the grace is over, give up what is still posting."""
        stop = self._services.stop
        await stop.wait()
        for task in list(self._buyer.waiting):
            task.cancel()
        await stop.wait_grace()
        for task in list(self._buyer.posting):
            task.cancel()

    async def _pause_the_rest(self) -> None:
        """Say of every row whose turn did not come why that is."""
        reason = self._services.stop.reason
        word = reason if reason in ("budget", "provider_stopped") else "interrupted"
        if open_attempts(self._journal.fold):  # those who were cancelled have queued what became of their intents
            await self._journal.append()
        states = self._journal.fold.keys
        keys = (row.wanted.key or "" for row in self._rows_to_work())
        left = (key for key in keys if outcome(states.get(key))[0] == "pending")
        while chunk := tuple(islice(left, _EVENTS_PER_APPEND)):
            await self._journal.append(ev.Paused(at=now(), reason=word, keys=chunk))

    def _result(self) -> PartitionResult:
        counts: dict[str, int] = {}
        keys = self._journal.fold.keys
        for key, samples in self._planned:
            now_is, _, _ = outcome(keys.get(key))
            counts[now_is] = counts.get(now_is, 0) + samples
        return PartitionResult(partition=self._work.partition, rows=self._work.rows, outcomes=counts)
