"""Pieces of a campaign, each for one process of a pool."""

import gc
import json
from collections.abc import Iterator
from functools import lru_cache

from tasks.journal import loading
from tasks.journal.codec import Segment, decode_segment
from tests.faults.journal_sim.build import UNDERSTOOD, Build
from tests.faults.journal_sim.campaign import all_scripts, report, scripted, seeded
from tests.faults.journal_sim.variants import VARIANTS

REMEMBERED = 8_192  # segments; half of what is read was read before, by another process of this world or of an earlier
_decoded_once = lru_cache(REMEMBERED)(decode_segment)  # it is pure


def prepare() -> None:
    """For a process that only simulates: no search for cycles, and the same bytes are decoded once, if at all."""
    gc.disable()
    loading.decode_segment = understood  # type: ignore[assignment] - the same, sooner


def understood(body: bytes) -> Segment:
    """What ``decode_segment`` gives."""
    return UNDERSTOOD.get(body) or _decoded_once(body)


def broken_seed(seeds: range, build_class: type[Build] = Build) -> int | None:
    """The first of the seeds whose schedule breaks a promise."""
    return next((seed for seed in seeds if seeded(seed, build_class).run()), None)


def run_seeds(chunk: range) -> tuple[int, str]:
    """(schedules, the first one that broke a promise, line by line)."""
    seed = broken_seed(chunk)
    if seed is None:
        return len(chunk), ""
    failed = seeded(seed, trace=True)
    failed.run()
    return len(chunk), f"seed {seed}:\n{report(failed)}"


def run_scripts(work: tuple[int, dict[int, str], bool]) -> tuple[int, str]:
    """The same for the tree of scripts below a root."""
    faults, root, checkpoints = work
    count = 0
    for script, schedule in all_scripts(faults, root, checkpoints=checkpoints):
        count += 1
        if schedule.world.truth.violations:
            failed = scripted(script, checkpoints=checkpoints, trace=True)
            failed.run()
            return count, f"script {json.dumps(script)}:\n{report(failed)}"
    return count, ""


def run_variant(work: tuple[int, int]) -> tuple[int, str]:
    """(schedules until a broken variant was noticed, its name if it was not)."""
    index, seeds = work
    seed = broken_seed(range(seeds), VARIANTS[index])
    name = VARIANTS[index].__name__
    if seed is None:
        return seeds, f"unnoticed: {name}"
    print(f"\r{name}: noticed at seed {seed}")
    return seed + 1, ""


def roots(faults: int) -> Iterator[tuple[int, dict[int, str], bool]]:
    """The exhaustive part in pieces: each script of one fault is the root of its own tree."""
    for most, checkpoints in ((faults, False), (faults - 1, True)):
        if most >= 0:
            yield 0, {}, checkpoints
        if most >= 1:
            yield from ((most, script, checkpoints) for script, _ in all_scripts(1, checkpoints=checkpoints) if script)
