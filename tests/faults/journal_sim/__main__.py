"""The long form of the simulation: ``python -m tests.faults.journal_sim``.

    --seeds 0:200000      seeded schedules of two and three owners (0:0 = none)
    --exhaustive 3        every schedule of one owner with up to so many faults (0 = none)
    --variants 4000       every broken variant, for up to so many seeds, until it is noticed (0 = none)
    --show 4711           one schedule, line by line
    --script '{"3": "crash after"}'   one schedule of the exhaustive part, line by line
    --jobs 2

Exits with 1 if a promise was broken, or a broken variant went unnoticed.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from tests.faults.journal_sim.campaign import report, scripted, seeded
from tests.faults.journal_sim.pieces import prepare, roots, run_scripts, run_seeds, run_variant
from tests.faults.journal_sim.variants import VARIANTS

CHUNK = 500


def campaign(title: str, work: Any, pieces: list[Any], jobs: int) -> bool:
    """Run the pieces on all jobs and print what came of them; True if nothing was broken."""
    began_s, began_cpu_s, count, failure = time.monotonic(), cpu_s(), 0, ""
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), prepare) as pool:
        for done, future in enumerate(as_completed([pool.submit(work, piece) for piece in pieces]), 1):
            schedules, broken = future.result()
            count, failure = count + schedules, failure or broken
            if sys.stdout.isatty():
                print(f"\r{title}: {count:,} schedules, {100 * done // len(pieces)} %", end="", flush=True)
            if failure:
                pool.shutdown(cancel_futures=True)
                break
    took_s, used_s = time.monotonic() - began_s, cpu_s() - began_cpu_s
    verdict = "BROKEN" if failure else "all good"
    each = f"{1000 * used_s / max(count, 1):.2f} ms each"
    print(f"\r{title}: {count:,} schedules in {took_s:.0f} s, {used_s:.0f} CPU-s ({each}), {verdict}", flush=True)
    if failure:
        print(failure)
    return not failure


def cpu_s() -> float:
    """What the processes of the pools have used; unlike the clock, it tells little of what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_campaign(seeds: range, *, exhaustive: int, variants: int, jobs: int) -> bool:
    """The broken variants, every fault of one owner, and the seeded schedules; True if all is as it should be."""
    parts: list[tuple[str, Any, list[Any]]] = [
        ("broken variants", run_variant, [(i, variants) for i in range(len(VARIANTS))] if variants else []),
        ("one owner, all faults", run_scripts, list(roots(exhaustive)) if exhaustive else []),
        ("seeded schedules", run_seeds, [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]),
    ]
    good = [campaign(title, work, pieces, jobs) for title, work, pieces in parts if pieces]
    return all(good)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.journal_sim", description=__doc__)
    parser.add_argument("--seeds", default="0:200000")
    parser.add_argument("--exhaustive", type=int, default=3)
    parser.add_argument("--variants", type=int, default=6_000)
    parser.add_argument("--show", type=int)
    parser.add_argument("--script")
    parser.add_argument(
        "--checkpoints", action="store_true", help="with --script: the schedule that writes checkpoints"
    )
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if options.show is not None or options.script is not None:
        return _show(options)
    first, last = map(int, options.seeds.split(":"))
    good = run_campaign(range(first, last), exhaustive=options.exhaustive, variants=options.variants, jobs=options.jobs)
    return 0 if good else 1


def _show(options: argparse.Namespace) -> int:
    if options.script is None:
        shown = seeded(options.show, trace=True)
    else:
        script = {int(at): what for at, what in json.loads(options.script).items()}
        shown = scripted(script, checkpoints=options.checkpoints, trace=True)
    shown.run()
    print(report(shown))
    return 1 if shown.world.truth.violations else 0


if __name__ == "__main__":
    sys.exit(main())
