"""The journal's simulation in its long form; a slice of it runs with the journal's own tests."""

import time

import pytest

from tests.faults.journal_sim.__main__ import cpu_s, run_campaign

SEEDS = 200_000
LIMIT_S = 180


@pytest.mark.slow
def test_no_schedule_breaks_a_promise_and_every_broken_variant_is_noticed() -> None:
    began_s, began_cpu_s = time.monotonic(), cpu_s()
    good = run_campaign(range(SEEDS), exhaustive=3, variants=6_000, jobs=2)
    used_s = cpu_s() - began_cpu_s
    print(
        f"simulation: {time.monotonic() - began_s:.0f} s on this machine, {used_s:.0f} CPU-s (two cores: {LIMIT_S} s)"
    )
    assert good
    assert used_s <= 2 * LIMIT_S
