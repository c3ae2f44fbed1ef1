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
    whole storm. ``between`` is told the number of kills so far, after each.
    """
    rng, done, began = Random(seed), Storm(), time.monotonic()
    while done.kills < kills and not done.dry:
        child = start()
        time.sleep(rng.uniform(0.0, longest_s))
        if child.kill():
            done.kills += 1
            between(done.kills)
        else:
            done.ended_by_themselves.append(child.wait().code)
        ahead = work_left() < 1 - done.kills / kills
        longest_s = max(0.05, longest_s * (0.8 if ahead else 1.08))
    done.wall_s = time.monotonic() - began
    return done
