"""The journal's simulation in its long form; a slice of it runs with the journal's own tests."""

import os
import resource
import time

import pytest

from tests.faults.journal_sim.__main__ import run_campaign

SEEDS = 200_000
LIMIT_S = 180


@pytest.mark.slow
def test_no_schedule_breaks_a_promise_and_every_broken_variant_is_noticed() -> None:
    began_s, began_cpu_s = time.monotonic(), _cpu_s()
    good = run_campaign(range(SEEDS), exhaustive=3, variants=6_000, jobs=max(2, os.cpu_count() or 2))
    cpu_s = _cpu_s() - began_cpu_s
    print(f"simulation: {time.monotonic() - began_s:.0f} s on this machine, {cpu_s:.0f} CPU-s (two cores: {LIMIT_S} s)")
    assert good
    assert cpu_s <= 2 * LIMIT_S


def _cpu_s() -> float:
    """What the processes of the pool have used; unlike the clock, it tells little of what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
