"""How a simulated process is put together from the production parts. A broken variant overrides one of the parts."""

import itertools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tasks.journal.codec import Header, Segment
from tasks.journal.context import Context
from tasks.journal.events import Owner
from tasks.journal.fold import Policy
from tasks.journal.names import HEARTBEATS, AnswerId
from tasks.journal.partition import PartitionJournal, acquire
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Timing
from tasks.journal.rules import Rules
from tasks.journal.writer import SegmentWriter
from tests.faults.journal_sim.kernel import Process, SimFuture, Task, wait
from tests.faults.journal_sim.world import World

TAKEOVER = 100


class SimStore:
    """A process's way to the store."""

    def __init__(self, world: World) -> None:
        self.world = world

    def create(self, key: str, body: bytes) -> Any:
        return self._call(True, self.world.create, key, body)

    async def put(self, key: str, body: bytes) -> None:
        """A heartbeat takes no time, since nothing hangs on how long it takes; but it may fail."""
        world = self.world
        if not key.startswith(HEARTBEATS):
            await self._call(True, world.put, key, body)
        elif world.faults.heart_beats(world.now):
            world.objects[key] = body
        else:
            raise TimeoutError

    def get(self, key: str) -> Any:
        return self._call(False, self.world.get, key)

    def list(self, prefix: str, *, start_after: str = "") -> Any:
        return self._call(False, self.world.list, prefix, start_after)

    def delete(self, key: str) -> Any:
        return self._call(True, self.world.delete, key)

    def _call(self, write: bool, operation: Any, *args: Any) -> Any:
        world = self.world

        def start(task: Task) -> None:
            world.meet_fate(task, world.faults.store_call(world.now, write), operation, args)

        return wait(start)


class SimSpool:
    """The spool of a process's host. Only ``put`` takes time: the rest is a look at a directory."""

    def __init__(self, world: World, host: str) -> None:
        self._world, self._host = world, host

    async def put(self, answer: AnswerId, blob: bytes) -> None:
        await wait(self._world.spool_put(self._host, answer, blob))

    async def get(self, answer: AnswerId) -> bytes:
        try:
            return self._world.spools[self._host][answer]
        except KeyError:
            raise FileNotFoundError(answer) from None

    async def remove(self, answer: AnswerId) -> None:
        self._world.spools[self._host].pop(answer, None)

    async def answers(self) -> Sequence[AnswerId]:
        return list(self._world.spools[self._host])


class SimRuntime:
    """What asyncio is in production, for one process."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process
        self._nonces = itertools.count()

    def now_s(self) -> float:
        return self._world.now

    def utc(self) -> str:
        return ""

    def jitter(self) -> float:
        return self._world.faults.tie()

    def nonce(self) -> str:
        return f"{self._process.token}.{next(self._nonces)}"

    def sleep(self, seconds: float) -> Any:
        def start(task: Task) -> None:
            self._world.resume_later(seconds, task)

        return wait(start)

    def future(self) -> SimFuture:
        return SimFuture(self._world)

    def fail(self, future: SimFuture, error: Exception) -> None:
        future.set_error(error)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._world.spawn(self._process, work)

    def finish(self, work: Coroutine[Any, Any, Any]) -> Any:
        return work

    async def finished(self) -> None:
        return

    async def gather(self, works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        try:
            return [await work for work in works]
        finally:
            for work in works:  # those that a crash has left unawaited
                work.close()

    async def offload(self, work: Callable[[], Any]) -> Any:
        return work()

    def gone(self, owner: Owner) -> bool:
        process = self._world.processes[int(owner.token[1:]) - 1]
        return owner.host == self._process.host and not (process.alive and not process.exited)


READ_BACK_EVERY = 8  # segments


class NotingWriter(SegmentWriter):
    """Tells the world which events its bytes stand for, to spare decoding them again and again.

    Readers are spared it too while a schedule lasts, but for every eighth segment and all with a checkpoint: those must
    read as meant. Who reads when all is quiet decodes everything.
    """

    def _form(self, header: Header, checkpoints: Any, groups: Any) -> bytes:
        body = super()._form(header, checkpoints, groups)
        events = tuple([event for group in groups for event in group.events])
        raw: Any = self._store.raw
        formed = raw.world.formed
        formed[body] = segment = Segment(header, events)
        if not checkpoints and len(formed) % READ_BACK_EVERY:
            UNDERSTOOD[body] = segment
        return body


UNDERSTOOD: dict[bytes, Segment] = {}  # of the schedule that runs; ``pieces.prepare`` lets readers look here first


class NotingJournal(PartitionJournal):
    """The production journal with a noting writer."""

    writer_class = NotingWriter


class Build:
    """The production protocol. Subclasses break one rule each (``variants.py``)."""

    policy = Policy()
    runtime_class = SimRuntime
    spool_class = SimSpool
    store_class = SimStore
    journal_class: type[PartitionJournal] = NotingJournal
    rules_class = Rules

    def __init__(self, grace: float) -> None:
        self.timing = Timing(
            takeover_s=TAKEOVER,
            grace_s=grace,
            patience_s=100_000,
            spacing_s=0,
            poll_s=40,
            pause_s=4,
            max_pause_s=8,
            checkpoint_segments=10,
        )

    def context(self, world: World, process: Process) -> Context:
        runtime: Any = self.runtime_class(world, process)
        store: Any = self.store_class(world)
        patient = PatientStore(store, runtime, self.timing)
        return Context(patient, self.spool_class(world, process.host), runtime, self.rules_class(self.timing))

    async def acquire(self, context: Context, name: str, owner: Owner, settle: Any) -> PartitionJournal:
        owned = await acquire(context, name=name, owner=owner, settle=settle, journal_class=self.journal_class)
        assert owned is not None
        return owned

    async def buy(self, owned: PartitionJournal, intent: Any, post: Any, turn: Any) -> Any:
        return await owned.buy(intent, post=post, turn=turn)

    def drains_at_start(self) -> bool:
        return True
