"""Runs killed at random times, one after the other, until there were as many kills as asked for."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.faults.nursery import Child


@dataclass
class Storm:
    """What a storm did."""

    kills: int = 0
    ended_by_themselves: list[int] = field(default_factory=list)  # exit codes
    wall_s: float = 0.0

    @property
    def dry(self) -> bool:
        """Nothing was left to be killed: the work was done before the storm was over."""
        return len(self.ended_by_themselves) > 3


SHORT = 20  # kills; in a longer storm there is room for a life that gets much done


def storm(
    start: Callable[[], Child],
    *,
    kills: int,
    seed: int,
    work_left: Callable[[], float],
    longest_s: float = 1.2,
    between: Callable[[int], None] = lambda _: None,
) -> Storm:
    """Start a run, SIGKILL it after a random time, and so on.

    ``work_left`` is the share of the work still to be done: lives are made longer or shorter so that it lasts for the
    whole storm, and a life ends early that uses up more than its share of a short one. ``between`` is told the number
    of kills so far, after each.
    """
    rng, done, began = Random(seed), Storm(), time.monotonic()
    while done.kills < kills and not done.dry:
        child = start()
        _live(
            child,
            rng.uniform(0.0, longest_s),
            lambda: kills <= SHORT and work_left() <= 1 - (done.kills + 1) / (kills + 1),
        )
        if child.kill():
            done.kills += 1
            between(done.kills)
        else:
            done.ended_by_themselves.append(child.wait().code)
        ahead = work_left() < 1 - done.kills / kills
        longest_s = max(0.05, longest_s * (0.8 if ahead else 1.08))
    done.wall_s = time.monotonic() - began
    return done


def _live(child: Child, seconds: float, enough: Callable[[], bool]) -> None:
    """Let a run go on for so long, or until it has done enough, or has ended by itself."""
    until = time.monotonic() + seconds
    while child.end is None and (left_s := until - time.monotonic()) > 0 and not enough():
        time.sleep(min(left_s, 0.03))
