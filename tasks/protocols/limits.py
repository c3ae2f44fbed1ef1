"""The limits of one model, as arithmetic without waiting: how far apart calls start, how many fly, who may prepare."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# Calls start this much further apart than the limit asks, because the network delays some more than others: at any rpm,
# a minute's starts may arrive 1.2 s closer together and still be within the limit.
_MARGIN = 1.02
# A start that one of several processes makes late is followed by the others' on time: nothing shifts the whole row.
_SHARED_MARGIN = 1.05
# A start this late (timer, busy event loop) is made up for by the next ones, or fast limits would lose a tenth to it;
# but a second's worth of starts always takes a second, and a little more for what the network does to it.
_LATE_S, _SECOND = 0.1, 1.01
_SHARED_LATE_S = 0.01  # where others start in between, making up for one start would meet theirs

_HEADROOM, _SHORTEST_LEAD_S, _LONGEST_LEAD_S = 1.5, 0.1, 10.0

_CUT = 0.7
_RATE_WINDOW, _LEAST_RATE = 20, 0.05
_PROBE_WINDOWS = 10  # windows of success at the last level that worked, before the level that failed is tried again


@dataclass(frozen=True, slots=True)
class Limit:
    """What a gateway allows for one model: requests per minute (None = no such limit) and calls in flight."""

    rpm: float | None
    concurrency: int

    def __post_init__(self) -> None:
        if self.concurrency < 1 or (self.rpm is not None and not self.rpm > 0):
            raise ValueError(f"a limit must be above zero: {self}")


@dataclass(frozen=True, slots=True)
class Share:
    """The part of every limit that belongs to this process: ``size`` of it, beginning at ``start`` (both 0..1).

    Worker k of n has ``Share(1 / n, k / n)``. Parts that tile 0..1 add up to the whole concurrency, and their calls
    start in turns, as long as the hosts' clocks agree to a fraction of the interval.
    """

    size: float = 1.0
    start: float = 0.0

    def concurrency(self, whole: int) -> int:
        """What of ``whole`` belongs to this process, in whole calls and at least one."""
        return max(1, self._below(self.start + self.size, whole) - self._below(self.start, whole))

    @staticmethod
    def _below(edge: float, whole: int) -> int:
        return math.floor(round(edge * whole, 9))


class Spacing:
    """At most ``rpm`` starts a minute, evenly: no allowance is saved up, so neither a beginning nor a pause bursts.

    A process with part of a limit aims at its own turn in a cycle shared by all parts: its first start waits for that
    turn, and later it is steered back by a few per cent of the interval at a time. Times are seconds of ``clock``;
    ``wall_offset_s`` turns them into epoch seconds.

    The rate gives way too, where fewer in flight cannot help: a second refusal within 20 successes cuts it to 0.7 (one
    now and then is cheaper than a slower run), and every 20 successes bring back a twentieth of the limit.
    """

    def __init__(self, rpm: float, share: Share, *, now_s: float, wall_offset_s: float) -> None:
        self._shared = share.size < 1
        self._full_s = (_SHARED_MARGIN if self._shared else _MARGIN) * 60.0 / (rpm * share.size)
        self._rate = 1.0  # of the limit
        self._last_s: deque[float] = deque(maxlen=max(1, round(rpm * share.size / 60)))  # a second's worth of starts
        self._successes = _RATE_WINDOW  # since the last refusal, or the last raise
        self._start, self._wall_offset_s = share.start, wall_offset_s
        self._due_s = now_s
        self.hold(now_s)

    @property
    def next_at_s(self) -> float:
        """When the next call may start."""
        if self._shared or len(self._last_s) < (self._last_s.maxlen or 1):
            return self._due_s
        return max(self._due_s, self._last_s[0] + len(self._last_s) * self.interval_s * _SECOND / _MARGIN)

    @property
    def interval_s(self) -> float:
        """Seconds from one start to the next."""
        return self._full_s / self._rate

    @property
    def _turn_s(self) -> float:
        return self._start * self.interval_s - self._wall_offset_s

    def refused(self) -> bool:
        """Too many, and not because too many are in flight; whether the rate was cut for it."""
        cut = self._successes < _RATE_WINDOW
        self._rate = max(_LEAST_RATE, _CUT * self._rate) if cut else self._rate
        self._successes = 0
        return cut

    def served(self) -> None:
        """Count one success; a window of them lets the rate rise again."""
        self._successes += 1
        if self._rate < 1 and self._successes >= _RATE_WINDOW:
            self._rate, self._successes = min(1.0, self._rate + 0.05), 0

    def take(self, now_s: float) -> None:
        """A call starts now; ``next_at_s`` says when the next one may."""
        self._last_s.append(now_s)
        self._due_s = max(self._due_s, now_s - (_SHARED_LATE_S if self._shared else _LATE_S)) + self.interval_s
        if self._shared:
            late_s = (self._due_s - self._turn_s) % self.interval_s
            ahead_s = late_s - self.interval_s if late_s > self.interval_s / 2 else late_s
            self._due_s -= min(max(ahead_s, -0.05 * self.interval_s), 0.01 * self.interval_s)

    def hold(self, until_s: float) -> None:
        """Nothing starts before ``until_s``, nor then out of turn."""
        self._due_s = max(self._due_s, until_s)
        if self._shared:
            self._due_s += (self._turn_s - self._due_s) % self.interval_s


class Adaptive:
    """How many calls may be in flight: additive increase, multiplicative decrease, and only a rate limit decreases.

    Begins at ``maximum`` and never passes it. A level that was rate limited is tried again only after
    ten windows of success just below it, so that steady work does not keep running into the same wall.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.limit = maximum
        self._wall = maximum + 1
        self._successes = 0
        self._cut_at_s = -math.inf

    def succeeded(self) -> None:
        """Count one success; a window of them (as many as may be in flight) raises the limit by one."""
        if self.limit >= self.maximum:
            return
        self._successes += 1
        windows = _PROBE_WINDOWS if self.limit + 1 >= self._wall else 1
        if self._successes >= windows * self.limit:
            self.limit += 1
            self._wall = self._wall if self.limit < self._wall else self.maximum + 1
            self._successes = 0

    def rate_limited(self, *, started_at_s: float, now_s: float, in_flight: int) -> bool:
        """Cut the limit to 0.7; False if this call left before the last cut could act.

        A limit above twice what is in flight is not what let too many through: then 0.7 of that.
        """
        if started_at_s < self._cut_at_s:
            return False
        self._wall = max(1, min(self.limit, 2 * in_flight))
        self.limit = max(1, math.floor(self._wall * _CUT))
        self._cut_at_s = now_s
        self._successes = 0
        return True


class Lead:
    """How long before its start a call must be let in, in seconds: somewhat longer than the slowest lately took.

    Rises at once, so that a store that has become slow leaves no starts unused, and falls slowly. Capped, so that an
    intent is never old when its call goes.
    """

    def __init__(self, first_s: float) -> None:
        self._slowest_s = first_s / _HEADROOM

    @property
    def lead_s(self) -> float:
        """The lead now in force."""
        return min(_LONGEST_LEAD_S, max(_SHORTEST_LEAD_S, _HEADROOM * self._slowest_s))

    def saw(self, took_s: float) -> None:
        """A call took so long from being let in until it was ready to start."""
        self._slowest_s = max(took_s, self._slowest_s + 0.02 * (took_s - self._slowest_s))


Clock = Callable[[], float]
