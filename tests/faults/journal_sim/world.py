"""What the simulated processes share: the store, the gateway, the hosts and their disks; and what really happened."""

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable
from heapq import heappush
from typing import Any, NamedTuple

from tasks.journal.codec import Segment, decode_segment
from tasks.journal.events import Answered, Checkpoint, Intent, Unknown
from tasks.journal.fold import Fold
from tasks.journal.names import HEARTBEATS, AnswerId, late_answer, segment_seq
from tests.faults.journal_sim.faults import Fate
from tests.faults.journal_sim.kernel import Kernel, Process, Start, Task

SHELF = len("journal/00/0")  # so many letters tell a partition's segments from its late answers


class SimListed(NamedTuple):
    """One object of a listing."""

    key: str
    modified_at: float


class Truth:
    """What really happened, as only the world knows it."""

    def __init__(self) -> None:
        self.folds: dict[str, Fold] = defaultdict(
            Fold
        )  # of every segment that ever counted; checkpoints say nothing new
        self.history: dict[str, list[Segment]] = defaultdict(list)
        self.newest: Counter[str] = Counter()
        self.intents: dict[tuple[str, str], float] = {}  # durable, by (key, attempt), since when; so are the next two
        self.unknown: set[tuple[str, str]] = set()
        self.recorded: dict[tuple[str, str], float] = {}  # answers in a segment or in late/, and since when
        self.spooled: dict[tuple[str, AnswerId], float] = {}  # by host: put and promised to be durable
        self.posted: set[tuple[str, str]] = set()
        self.charges: Counter[tuple[str, str]] = Counter()
        self.charges_of_key: Counter[str] = Counter()
        self.images: set[str] = set()
        self.violations: list[tuple[Any, ...]] = []

    def fold_through(self, partition: str, seq: int) -> Fold:
        """What the segments up to ``seq`` add up to."""
        fold = Fold()
        for segment in self.history[partition]:
            if segment.header.seq <= seq:
                for event in segment.events:
                    if not isinstance(event, Checkpoint):
                        fold.apply(event)
                fold.through = segment.header.seq
        return fold


class World(Kernel):
    """The kernel with a store, a gateway, spools and hosts."""

    def __init__(self, faults: Any) -> None:
        super().__init__(faults)
        self.objects: dict[str, bytes] = {}
        self.formed: dict[bytes, Segment] = {}  # what a writer meant by its bytes, to spare decoding them here
        self.shelves: dict[str, list[str]] = defaultdict(list)  # names of segments and of late answers, in order
        self.listed: dict[str, SimListed] = {}  # what a listing says of each object
        self.spools: dict[str, dict[AnswerId, bytes]] = defaultdict(dict)
        self.lost_hosts: set[str] = set()
        self.processes: list[Process] = []
        self.truth = Truth()
        self.start_process: Any = None  # set by the campaign: (world, host, run_id) -> None

    def violation(self, kind: str, *what: Any) -> None:
        self.truth.violations.append((kind, *what))
        self.log("VIOLATION", kind, *what)

    def failed(self, process: Process, failure: Exception) -> None:
        self.violation("a process failed", process.token, type(failure).__name__, failure)
        self.end(process)

    # -- the store: every operation is atomic at the moment it takes effect

    def meet_fate(self, task: Task, fate: Fate, operation: Callable[..., Any], args: tuple[Any, ...] = ()) -> None:
        """Let an operation take effect, and its caller hear of it, as ``fate`` will have it."""
        effect_after, heard_after, error, death = fate
        if effect_after is not None:
            if effect_after == heard_after:
                self._order += 1
                entry = (self.now + effect_after, self._order, self._effect_and_resume, (task, operation, args))
                heappush(self._heap, entry)
                return
            if error is None and death is None:
                self.later(effect_after, self._effect_then_reply, task, operation, args, heard_after - effect_after)
                return
            self.later(effect_after, operation, *args)
        if death is not None:
            self.died(task.process, death, 1)
        elif error is not None:
            self.resume_later(heard_after, task, None, error())

    def _effect_and_resume(self, task: Task, operation: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            value = operation(*args)
        except FileNotFoundError as error:
            self.resume(task, None, error)
        else:
            self.resume(task, value, None)

    def _effect_then_reply(
        self, task: Task, operation: Callable[..., Any], args: tuple[Any, ...], delay: float
    ) -> None:
        try:
            value = operation(*args)
        except FileNotFoundError as error:
            self.resume_later(delay, task, None, error)
        else:
            self.resume_later(delay, task, value)

    def create(self, key: str, body: bytes) -> bool:
        if key in self.objects:
            return False
        self.objects[key], self.listed[key] = body, SimListed(key, self.now)
        insort(self.shelves[key[:SHELF]], key)
        if key.endswith(".jsonl"):
            self._segment_landed(key, body)
        elif "/late/" in key:
            answer = late_answer(key)
            self.truth.recorded.setdefault((answer.key, answer.attempt), self.now)
            self.log("LATE", key)
        return True

    def put(self, key: str, body: bytes) -> None:
        if key.startswith("images/"):
            self.truth.images.add(key)
        else:
            self.objects[key], self.listed[key] = body, SimListed(key, self.now)

    def get(self, key: str) -> bytes:
        if key.startswith(HEARTBEATS):
            self._hear(key.removeprefix(HEARTBEATS))
        body = self.objects.get(key)
        if body is None:
            raise FileNotFoundError(key)
        return body

    def _hear(self, token: str) -> None:
        heart = self.processes[int(token[1:]) - 1].heart
        if heart is not None:
            heart.catch_up()

    def list(self, prefix: str, start_after: str) -> list[SimListed]:
        shelf, listed = self.shelves[prefix[:SHELF]], self.listed
        names = shelf[bisect_right(shelf, start_after) :] if start_after else shelf
        if len(prefix) == SHELF:
            return [listed[name] for name in names]
        return [listed[name] for name in names if name.startswith(prefix)]

    def delete(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            self.shelves[key[:SHELF]].remove(key)
            self.log("DELETE", key)

    def _segment_landed(self, name: str, body: bytes) -> None:
        truth, partition, seq = self.truth, name[8:10], segment_seq(name)
        segment = self.formed.get(body) or decode_segment(body)
        dead = seq <= truth.newest[partition]
        if self.trace is not None:
            events = [f"{e.kind} {getattr(e, 'key', '')} {getattr(e, 'attempt', '')}".strip() for e in segment.events]
            by = segment.header.owner.token
            self.log("SEGMENT", partition, seq, "by", by, events, "IN A DEAD NUMBER" if dead else "")
        if dead:
            return
        truth.newest[partition] = seq
        truth.history[partition].append(segment)
        fold = truth.folds[partition]
        for event in segment.events:
            if isinstance(event, Intent):
                truth.intents[event.key, event.attempt] = self.now
            elif isinstance(event, Answered):
                truth.recorded.setdefault((event.key, event.attempt), self.now)
            elif isinstance(event, Unknown):
                truth.unknown.add((event.key, event.attempt))
            if not isinstance(event, Checkpoint):
                fold.apply(event)
        fold.through = seq

    # -- the gateway

    def post(self, key: str, attempt: str, process: Process) -> Start:
        """The paid call; checked against the promises at the moment it is made."""
        paid, truth = (key, attempt), self.truth
        if paid not in truth.intents:
            self.violation("posted without a durable intent", *paid)
        if paid in truth.unknown:
            self.violation("posted after somebody declared it unknown", *paid)
        for other, since in truth.recorded.items():
            if other[0] == key and other != paid and since < truth.intents.get(paid, 0):
                self.violation("bought again although the answer was recorded", *other, *paid)
        for (host, answer), since in truth.spooled.items():
            here = host == process.host and host not in self.lost_hosts and since < process.started_at
            if here and answer.key == key and answer.attempt != attempt:
                self.violation("bought again although the answer was on this host", *paid)
        truth.posted.add(paid)
        self.log("POST", process.token, *paid)

        def charge() -> bytes:
            truth.charges[paid] += 1
            truth.charges_of_key[key] += 1
            if truth.charges[paid] > 1:
                self.violation("one attempt charged twice", *paid)
            return b"%b %b" % (key.encode(), attempt.encode())

        def start(task: Task) -> None:
            self.meet_fate(task, self.faults.paid_call(), charge)

        return start

    # -- hosts

    def spool_put(self, host: str, answer: AnswerId, blob: bytes) -> Start:
        def write() -> None:
            if host not in self.lost_hosts:
                self.spools[host][answer] = blob
                self.truth.spooled[host, answer] = self.now

        def start(task: Task) -> None:
            self.meet_fate(task, self.faults.spooling(), write)

        return start

    def died(self, process: Process, how: str, restart_after: float) -> None:
        """A process is no more; another one starts somewhere to finish the job."""
        if not process.alive:
            return
        self.end(process)
        host = process.host
        if how == "disk lost" and not self.lost_hosts:
            self.lost_hosts.add(host)
            self.spools.pop(host, None)
            for other in self.processes:
                if other.host == host:
                    self.end(other)
            next_host = "host5"
        elif how == "same host":
            next_host = host
        elif how == "other host":
            next_host = "host2"
        else:
            next_host = f"host{self.faults.rng.randint(1, 4)}"
        if next_host in self.lost_hosts:
            next_host = "host9"
        self.log("CRASH", process.token, how, "->", next_host)
        self.later(restart_after, self.start_process, next_host)
