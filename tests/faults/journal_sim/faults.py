"""Where faults come from: drawn from a seed, or written down in a script so that all of them can be enumerated."""

import random
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.faults.journal_sim.kernel import Kernel, Process

CLIENT_TIMEOUT = 14
LATE_BY = (0, 1, 3, 9, 60, 300, 900)
# (ticks until it takes effect or None, ticks until the caller hears of it, with which error, how the caller dies)
Fate = tuple[float | None, float, type[OSError] | None, str | None]
GOES_WELL: Fate = (1, 1, None, None)
STOPS = (20, 80, 300, 700, 1500)


@dataclass(frozen=True)
class Profile:
    """From which values a schedule draws its hardships."""

    owners: tuple[int, ...]
    crashes: tuple[int, ...] = (0,)
    stops: tuple[int, ...] = (0,)
    loss: tuple[float, ...] = (0.0,)  # of the calls to the store
    post_loss: tuple[float, ...] = (0.0,)  # of the replies of the gateway
    slow: tuple[float, ...] = (0.0,)
    down: float = 0.0  # probability that the store is away for a while
    same_run: bool = False  # a second process works for the same run


PROFILES = {
    "calm": Profile(owners=(2, 3), loss=(0, 0.05, 0.15), slow=(0, 0.05), down=0.1),
    "crash": Profile(
        owners=(1, 2), crashes=(1, 2, 3, 5), loss=(0, 0.05, 0.2), post_loss=(0, 0.1), slow=(0, 0.1), down=0.2
    ),
    "multi": Profile(
        owners=(2, 3),
        crashes=(0, 1, 2, 3),
        stops=(0, 1, 2, 3),
        loss=(0, 0.05, 0.2),
        post_loss=(0, 0.1),
        slow=(0, 0.1),
        down=0.2,
    ),
    "stop": Profile(owners=(2, 3), stops=(1, 2, 3), loss=(0, 0.05), down=0.1),
    "storm": Profile(
        owners=(2, 3),
        crashes=(2, 4, 8),
        stops=(0, 2, 4),
        loss=(0.1, 0.3, 0.45),
        post_loss=(0, 0.2),
        slow=(0, 0.2),
        down=0.5,
    ),
    "same run": Profile(owners=(1,), same_run=True),
}


class SeededFaults:
    """Everything that is left to chance in one schedule."""

    def __init__(self, seed: int, profile: Profile) -> None:
        self.rng = rng = random.Random(seed)
        self.random = rng.random
        pick = rng.choice
        self.owners, self.same_run = pick(profile.owners), profile.same_run
        self.loss, self.post_loss, self.slow = pick(profile.loss), pick(profile.post_loss), pick(profile.slow)
        self.down_from = self.down_until = -1.0
        if rng.random() < profile.down:
            self.down_from = rng.randint(5, 200)
            self.down_until = self.down_from + pick((10, 60, 150))
        self._crash_at = {rng.randint(3, pick((40, 120, 300))) for _ in range(pick(profile.crashes))}
        self._stop_at = {rng.randint(3, pick((40, 120, 250))) for _ in range(pick(profile.stops))}
        self.eventful: Any = self._crash_at | self._stop_at
        self._turns = random.Random(~seed) if seed % 5 == 1 else None  # in one of five, calls wait for their turn
        self.crashes = self.long_stops = self.lost_replies = 0

    def tie(self) -> float:
        """A delay that decides among things which happen at the same tick."""
        return self.random()

    def store_call(self, now: float, write: bool) -> Fate:
        """The fate of one call to the store."""
        if self.down_from <= now < self.down_until:
            return None, 3, ConnectionError, None
        chance, loss = self.random(), self.loss
        if chance < loss:
            third = int(3 * chance / loss)
            if third == 0 or not write:
                return None, CLIENT_TIMEOUT, TimeoutError, None
            delay = 2 * self.random() if third == 1 else CLIENT_TIMEOUT + self.rng.choice(LATE_BY)
            return delay, CLIENT_TIMEOUT, TimeoutError, None
        if self.slow and self.random() < self.slow:
            delay = 35 * self.random()
            return delay, delay + 35 * self.random(), None, None
        delay = 1 + 3 * self.random()
        return delay, delay, None, None

    def heart_beats(self, now: float) -> bool:
        """Whether a heartbeat reaches the store."""
        return not self.down_from <= now < self.down_until and self.random() >= self.loss

    def paid_call(self) -> Fate:
        """The fate of one call to the gateway, which charges in any case."""
        ticks = self.rng.choice((5, 10, 20, 40)) if self.random() > 0.08 else self.rng.choice((90, 180))
        ticks += self.random()
        if self.random() < self.post_loss:
            self.lost_replies += 1
            return ticks, ticks + 2, TimeoutError, None
        return ticks, ticks, None, None

    def turn(self) -> float:
        """How long a call waits between its intent and its POST."""
        return self._turns.choice((0, 0, 5, 30, 120)) if self._turns else 0

    def spooling(self) -> Fate:
        """The fate of one write to the spool."""
        return 1, 1, None, None

    def step(self, kernel: Kernel, process: Process) -> str:
        """What befalls a process at an eventful step."""
        if kernel.steps in self._crash_at:
            if self.random() < 0.5:
                self.kill(kernel, process)
                return "dead"
            return "dies"
        stopped_for = self.rng.choice(STOPS)
        process.wake_at = kernel.now + stopped_for
        process.stopped_for += stopped_for
        self.long_stops += stopped_for > 30
        kernel.log("STOP", process.token, "for", stopped_for)
        return "stopped"

    def kill(self, kernel: Kernel, process: Process) -> None:
        """The end of a process, and where the next one starts."""
        chance = self.random()
        fate = "same host" if chance < 0.6 else "another host" if chance < 0.85 else "disk lost"
        self.crashes += 1
        kernel.died(process, fate, self.rng.choice((1, 5, 40, 200)))  # type: ignore[attr-defined] - a World is a Kernel


class ScriptedFaults:
    """Faults at numbered choice points; everywhere else all goes well. One owner, one row, equal delays.

    ``points`` collects what could have struck where, so that whoever wrote the script can write the next ones.
    """

    WRITE: ClassVar[dict[str, Fate]] = {
        "request lost": (None, CLIENT_TIMEOUT, TimeoutError, None),
        "reply lost": (1, CLIENT_TIMEOUT, TimeoutError, None),
        "lands late": (CLIENT_TIMEOUT + 30, CLIENT_TIMEOUT, TimeoutError, None),
        "crash before": (None, 0, None, "same host"),
        "crash after": (1, 0, None, "same host"),
    }
    READ: ClassVar[dict[str, Fate]] = {
        "request lost": (None, CLIENT_TIMEOUT, TimeoutError, None),
        "crash": (None, 0, None, "same host"),
    }
    PAID: ClassVar[dict[str, Fate]] = {
        "reply lost": (1, 3, TimeoutError, None),
        "crash before": (None, 0, None, "same host"),
        "crash after": (1, 0, None, "same host"),
    }
    SPOOL: ClassVar[dict[str, Fate]] = {
        "crash before": (None, 0, None, "same host"),
        "crash after": (1, 0, None, "same host"),
        "crash after, goes on elsewhere": (1, 0, None, "other host"),
        "disk lost": (1, 0, None, "disk lost"),
    }

    def __init__(self, script: dict[int, str]) -> None:
        self.script = script
        self.points: list[dict[str, Fate]] = []
        self.rng = random.Random(0)
        self.random = self.rng.random
        self.owners, self.same_run, self.eventful = 1, False, ()
        self.crashes = self.long_stops = self.lost_replies = 0

    def tie(self) -> float:
        """Nothing is left to chance: whoever comes first goes first."""
        return 0.0

    def store_call(self, _now: float, write: bool) -> Fate:
        """As the script says."""
        return self._choose(self.WRITE if write else self.READ)

    def heart_beats(self, _now: float) -> bool:
        """They do, or every beat would be a place for faults."""
        return True

    def turn(self) -> float:
        """A call goes as soon as its intent is durable."""
        return 0

    def paid_call(self) -> Fate:
        """As the script says."""
        fate = self._choose(self.PAID)
        self.lost_replies += fate[2] is not None
        return fate

    def spooling(self) -> Fate:
        """As the script says."""
        return self._choose(self.SPOOL)

    def _choose(self, options: dict[str, Fate]) -> Fate:
        self.points.append(options)
        choice = self.script.get(len(self.points) - 1)
        fate = GOES_WELL if choice is None else options[choice]
        self.crashes += fate[3] is not None
        return fate
