"""Schedules: one from a seed, one from a script, all scripts of up to three faults."""

from collections.abc import Iterator
from typing import Any

from tasks.journal.errors import JournalProblem
from tasks.journal.fold import Fold
from tasks.journal.loading import load_newest
from tasks.journal.patient import PatientStore
from tests.faults.journal_sim.build import UNDERSTOOD, Build
from tests.faults.journal_sim.checks import check_calm, check_partition
from tests.faults.journal_sim.faults import PROFILES, ScriptedFaults, SeededFaults
from tests.faults.journal_sim.kernel import Process
from tests.faults.journal_sim.process import Life, Observer, Plan
from tests.faults.journal_sim.world import World

END = 30_000  # ticks; with nearly half of all calls lost, an honest schedule has taken 12,500
PROFILE_ORDER = ("multi", "stop", "multi", "crash", "storm", "calm", "multi", "same run")
OBSERVED = 2  # the profile in this place has a reader beside it
GRACES = (60, 60, 100, 250)


class Schedule:
    """One run of the world."""

    def __init__(self, faults: Any, build: Build, plan: Plan, *, trace: bool) -> None:
        self.world = World(faults)
        self.world.trace = [] if trace else None
        self.world.start_process = self.start
        self._build, self._plan = build, plan

    def start(self, host: str, run_id: str = "", rows: int = 0) -> None:
        world = self.world
        host = "host9" if host in world.lost_hosts else host
        number = len(world.processes) + 1
        rows = rows or max((process.rows for process in world.processes), default=2)
        process = Process(number, host, run_id or f"run{number}", rows)
        world.processes.append(process)
        world.log("START", process.token, host, process.run_id, rows)
        world.spawn(process, Life(world, self._build, self._plan, process).main())

    def observe(self) -> None:
        """Let somebody read along who owns nothing."""
        process = Process(0, "reader", "", 0)
        self.world.spawn(process, Observer(self.world, self._build, self._plan.keys, process).main())

    def run(self) -> list[tuple[Any, ...]]:
        """The violations, after every process has ended and every host has come back once."""
        world = self.world
        try:
            if not world.run(END):
                world.violation("livelock", *(p.token for p in world.processes if p.alive))
            elif self._every_host_returns():
                UNDERSTOOD.clear()  # the last reader decodes what it reads
                self._check()
        finally:
            world.close()
            UNDERSTOOD.clear()
            world.start_process = None  # no cycle is left, so no garbage needs to be collected
        return world.truth.violations

    def _every_host_returns(self) -> bool:
        world = self.world
        world.eventful = ()
        hosts = {process.host for process in world.processes} - world.lost_hosts
        for host in sorted(hosts | {"host1"}):
            if world.spools[host] or (host == "host1" and self._something_is_left()):
                self.start(host)
                if not world.run(world.now + END):
                    world.violation("livelock at the end", host)
                    return False
        return True

    def _something_is_left(self) -> bool:
        life = Life(self.world, self._build, self._plan, self.world.processes[-1])
        return not all(life.nothing_to_do(name) for name in self._plan.keys)

    def _check(self) -> None:
        world = self.world
        check_calm(world, self._plan)
        most = max(process.rows for process in world.processes)
        for partition, keys in self._plan.keys.items():
            try:
                found = self._read(partition)
            except JournalProblem as problem:
                world.violation("the journal cannot be read any more", partition, problem)
            else:
                check_partition(world, partition, found, keys[:most])

    def _read(self, partition: str) -> Fold:
        """What a reader finds when all is quiet."""
        context = self._build.context(self.world, Process(0, "reader", "", 0))
        store = PatientStore(QuietStore(self.world), context.runtime, self._build.timing)
        reading = load_newest(store, context.runtime, partition)
        try:
            reading.send(None)
        except StopIteration as end:
            return end.value.fold  # type: ignore[no-any-return]
        raise AssertionError("nothing makes a quiet reader wait")


class QuietStore:
    """A store that answers at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def get(self, key: str) -> bytes:
        return self._world.get(key)

    async def list(self, prefix: str, *, start_after: str = "") -> Any:
        return self._world.list(prefix, start_after)


def seeded(seed: int, build_class: type[Build] = Build, *, trace: bool = False) -> Schedule:
    """The schedule of one seed; its profile follows from the seed."""
    faults = SeededFaults(seed, PROFILES[PROFILE_ORDER[seed % len(PROFILE_ORDER)]])
    rng = faults.rng
    partitions = ("00", "01")[: rng.choice((1, 1, 1, 1, 1, 2))]
    rows = rng.choice((1, 1, 2, 2, 3))
    keys = {name: [f"{name}{row}" for row in range(rows + 2)] for name in partitions}
    schedule = Schedule(faults, build_class(rng.choice(GRACES)), Plan(keys, rng.choice((1, 2, 3))), trace=trace)
    for index in range(faults.owners):
        delay = 0 if index == 0 else rng.choice((0, 0, 3, 20, 150, 400, 900))
        host, more = f"host{rng.randint(1, 3)}", rng.choice((0, 0, 1, 2)) if delay > 100 else 0
        schedule.world.later(delay, schedule.start, host, "", rows + more)
    if seed % len(PROFILE_ORDER) == OBSERVED:
        schedule.observe()
    if faults.same_run:
        schedule.world.later(rng.choice((5, 20, 40)), schedule.start, "host4", "run1", rows)
    return schedule


def scripted(
    script: dict[int, str], build_class: type[Build] = Build, *, checkpoints: bool = False, trace: bool = False
) -> Schedule:
    """The schedule of one owner and one row in which faults strike as written."""
    plan = Plan({"00": ["000"]}, 1, checkpoint_chance=float(checkpoints))
    schedule = Schedule(ScriptedFaults(script), build_class(250), plan, trace=trace)
    schedule.start("host1", "run1", 1)
    return schedule


def all_scripts(
    faults: int, root: dict[int, str] | None = None, *, checkpoints: bool = False
) -> Iterator[tuple[dict[int, str], Schedule]]:
    """Every script that begins with ``root`` and has up to that many faults, with its schedule, which has been run."""
    pending: list[dict[int, str]] = [root or {}]
    while pending:
        script = pending.pop()
        schedule = scripted(script, checkpoints=checkpoints)
        points = schedule.world.faults.points
        schedule.run()
        yield script, schedule
        if len(script) < faults:
            first = max(script, default=-1) + 1
            pending += [{**script, i: option} for i in range(first, len(points)) for option in points[i]]


def report(schedule: Schedule) -> str:
    """The schedule, line by line, and what it broke."""
    lines = [f"{time:8.1f}  {' '.join(map(str, what))}" for time, *what in schedule.world.trace or ()]
    return "\n".join([*lines, *(f"VIOLATED: {' '.join(map(str, v))}" for v in schedule.world.truth.violations)])
