"""The life of a simulated process: a small runner over the production journal, as the real one is a large one."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from types import coroutine
from typing import Any

from tasks.journal import events as ev
from tasks.journal.context import Context
from tasks.journal.errors import Fenced, JournalError, Lost
from tasks.journal.fold import Fold, decide
from tasks.journal.heartbeat import beat
from tasks.journal.late import drain
from tasks.journal.loading import load_newest
from tasks.journal.names import AnswerId, late_prefix
from tasks.journal.partition import PartitionJournal
from tasks.journal.patient import PatientStore
from tests.faults.journal_sim.build import Build
from tests.faults.journal_sim.kernel import Heart, Process, SimFuture, wait
from tests.faults.journal_sim.world import SHELF, World

RANK = {"fetch": 0, "wait": 1, "buy": 1, "hold": 2, "nothing": 3}


class Plan:
    """What a schedule asks for: the keys of each partition, oldest first, and how eagerly they are worked on."""

    def __init__(self, keys: dict[str, list[str]], concurrency: int, *, checkpoint_chance: float = 0.4) -> None:
        self.keys, self.concurrency, self.checkpoint_chance = keys, concurrency, checkpoint_chance

    def wanted(self, partition: str, process: Process) -> list[str]:
        """A later process knows of more rows: catalogs grow."""
        return self.keys[partition][: process.rows]


class Life:
    """One process from its start to its exit."""

    def __init__(self, world: World, build: Build, plan: Plan, process: Process) -> None:
        self.world, self.build, self.plan, self.process = world, build, plan, process
        self.context: Context = build.context(world, process)
        self.owner = ev.Owner(
            token=process.token,
            run_id=process.run_id,
            host=process.host,
            boot_id="",
            pid_ns="",
            pid=process.number,
            started="",
        )

    async def main(self) -> None:
        world, process = self.world, self.process
        pulse: Any = Pulse()
        process.heart = Heart(world, beat(self.context.store.raw, pulse, self.owner, self.build.timing))
        if self.build.drains_at_start():
            await drain(self.context.store, self.context.spool)
        process.started_at = world.now
        ends = [self._beside(self._partition, name) for name in self.plan.keys]
        for end in ends:
            await end
        process.exited = True
        world.end(process)
        world.log("EXIT", process.token)

    def _beside(self, work: Any, *args: Any) -> SimFuture:
        end = SimFuture(self.world)

        async def run() -> None:
            await work(*args)
            end.set_result(None)

        self.world.spawn(self.process, run())
        return end

    async def _partition(self, name: str) -> None:
        if self.nothing_to_do(name):
            return
        while True:
            owned = await self.build.acquire(self.context, name, self.owner, self._settle)
            self.world.log("OPEN", self.process.token, name, "at", owned.fold.through)
            try:
                await self._work_on(owned)
                await owned.close()
            except Fenced:
                self.world.log("FENCED", self.process.token, name)
            if not owned.fenced:
                return
            await self.context.runtime.sleep(5)

    def nothing_to_do(self, name: str) -> bool:
        """What the plan says, which has read the journal: here the truth, so that reading it again costs nothing."""
        late = self.world.shelves[late_prefix(name)[:SHELF]]
        return not late and not self._open_keys(self.world.truth.folds[name], name)

    def _open_keys(self, fold: Fold, name: str) -> list[str]:
        doings = {key: self._decide(fold, key) for key in self.plan.wanted(name, self.process)}
        todo = [key for key in doings if doings[key] != "nothing"]
        return sorted(todo, key=lambda key: (RANK[doings[key]], key in fold.keys))  # re-buys come last

    def _decide(self, fold: Fold, key: str) -> str:
        return decide(fold.keys.get(key), self.build.policy)

    async def _work_on(self, owned: PartitionJournal) -> None:
        queue = self._open_keys(owned.fold, owned.name)
        workers = [self._beside(self._worker, owned, queue) for _ in range(min(self.plan.concurrency, len(queue)))]
        if self.world.faults.random() < self.plan.checkpoint_chance:
            self._beside(self._checkpoint, owned)
        for worker in workers:
            await worker
        if self.world.faults.random() < self.plan.checkpoint_chance and not owned.fenced:
            await owned.checkpoint()

    async def _checkpoint(self, owned: PartitionJournal) -> None:
        await self.context.runtime.sleep(40 * self.world.faults.random())
        with suppress(JournalError):  # fenced, or closed meanwhile
            await owned.checkpoint()

    async def _worker(self, owned: PartitionJournal, queue: list[str]) -> None:
        try:
            while queue:
                await self._row(owned, queue.pop(0))
        except Fenced:
            return

    async def _row(self, owned: PartitionJournal, key: str) -> None:
        while (doing := self._decide(owned.fold, key)) != "nothing":
            if doing == "fetch":
                await self._fetch(owned, key)
            elif doing == "buy":
                await self._buy(owned, key)
            elif doing == "hold":
                await owned.hold(key, "attempts_exhausted")
            else:
                await self.context.runtime.sleep(20)

    async def _fetch(self, owned: PartitionJournal, key: str) -> None:
        answer = owned.fold.keys[key].answer
        assert answer is not None
        image = f"images/{key}.{answer.attempt}"
        while True:
            try:
                await self.context.store.raw.put(image, b"")
                break
            except (ConnectionError, TimeoutError):
                await self.context.runtime.sleep(4)
        await owned.append(ev.Finished(at="", key=key, outcome="succeeded", reason=image))

    async def _buy(self, owned: PartitionJournal, key: str) -> None:
        number = len(owned.fold.key(key).attempts) + 1
        intent = ev.Intent(
            at="",
            key=key,
            attempt=f"{number}-{self.process.token}",
            number=number,
            purpose="generate",
            run_id=self.process.run_id,
            catalog="",
            row_id="",
            take=1,
            provider="",
            model="",
            endpoint="",
            samples=1,
            cap_micros=1,
        )

        async def post() -> bytes:
            try:
                blob: bytes = await wait(self.world.post(key, intent.attempt, self.process))
            except TimeoutError:
                raise Lost("timeout") from None
            return blob

        async def turn() -> None:
            if ticks := self.world.faults.turn():
                await self.context.runtime.sleep(ticks)

        await self.build.buy(owned, intent, post, turn)

    async def _settle(self, intent: ev.Intent, _blob: bytes) -> ev.Answered:
        answer = AnswerId(_partition_of(intent.key), intent.key, intent.attempt)
        if answer not in self.world.spools[self.process.host] and (intent.key, intent.attempt) not in (
            self.world.truth.recorded
        ):
            self.world.violation("settled before it was spooled", intent.key, intent.attempt)
        return ev.Answered(at="", key=intent.key, attempt=intent.attempt)


class Pulse:
    """All of ``ports.Runtime`` that a heartbeat needs."""

    @coroutine
    def sleep(self, seconds: float) -> Generator[float, None, None]:
        """Tell its ``Heart`` how long to the next beat."""
        yield seconds


class Observer:
    """A process that only reads, slowly: status, plan, rebuild."""

    def __init__(self, world: World, build: Build, partitions: Iterable[str], process: Process) -> None:
        self.world, self.process, self.partitions = world, process, partitions
        runtime: Any = build.runtime_class(world, process)
        self.store, self.runtime = (
            PatientStore(_SlowStore(build.store_class(world), runtime), runtime, build.timing),
            runtime,
        )

    async def main(self) -> None:
        while any(process.alive for process in self.world.processes):
            for partition in self.partitions:
                await self.runtime.sleep(60 * self.world.faults.random())
                found = (await load_newest(self.store, self.runtime, partition)).fold
                if found != self.world.truth.fold_through(partition, found.through):
                    self.world.violation("a reader saw what was never written", partition, found.through)


class _SlowStore:
    def __init__(self, store: Any, runtime: Any) -> None:
        self._store, self._runtime = store, runtime

    async def list(self, prefix: str, *, start_after: str = "") -> Any:
        return await self._store.list(prefix, start_after=start_after)

    async def get(self, key: str) -> Any:
        await self._runtime.sleep(40)
        return await self._store.get(key)


def _partition_of(key: str) -> str:
    return key[:2]


__all__ = ["Life", "Observer", "Plan"]
