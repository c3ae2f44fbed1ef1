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
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from tests.faults.journal_sim.campaign import report, scripted, seeded
from tests.faults.journal_sim.pieces import roots, run_scripts, run_seeds, run_variant
from tests.faults.journal_sim.variants import VARIANTS

CHUNK = 500


def campaign(title: str, work: Any, pieces: list[Any], jobs: int) -> bool:
    """Run the pieces on all jobs and print what came of them; True if nothing was broken."""
    began_s, count, failure = time.monotonic(), 0, ""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, future in enumerate(as_completed([pool.submit(work, piece) for piece in pieces]), 1):
            schedules, broken = future.result()
            count, failure = count + schedules, failure or broken
            if sys.stdout.isatty():
                print(f"\r{title}: {count:,} schedules, {100 * done // len(pieces)} %", end="", flush=True)
            if failure:
                pool.shutdown(cancel_futures=True)
                break
    print(
        f"\r{title}: {count:,} schedules in {time.monotonic() - began_s:.0f} s, {'BROKEN' if failure else 'all good'}"
    )
    if failure:
        print(failure)
    return not failure


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.journal_sim", description=__doc__)
    parser.add_argument("--seeds", default="0:200000")
    parser.add_argument("--exhaustive", type=int, default=3)
    parser.add_argument("--variants", type=int, default=6_000)
    parser.add_argument("--show", type=int)
    parser.add_argument("--script")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if options.show is not None or options.script is not None:
        script = {int(at): what for at, what in json.loads(options.script or "{}").items()}
        shown = scripted(script, trace=True) if options.script else seeded(options.show, trace=True)
        shown.run()
        print(report(shown))
        return bool(shown.world.truth.violations)
    first, last = map(int, options.seeds.split(":"))
    chunks = [range(i, min(i + CHUNK, last)) for i in range(first, last, CHUNK)]
    trees = list(roots(options.exhaustive)) if options.exhaustive else []
    variants = [(index, options.variants) for index in range(len(VARIANTS))] if options.variants else []
    parts = [
        ("broken variants", run_variant, variants),
        ("one owner, all faults", run_scripts, trees),
        ("seeded schedules", run_seeds, chunks),
    ]
    good = [campaign(title, work, pieces, options.jobs) for title, work, pieces in parts if pieces]
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
