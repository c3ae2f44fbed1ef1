"""The journal's simulation in its long form; a slice of it runs with the journal's own tests."""

import os
import time

import pytest

from tests.faults.journal_sim.__main__ import run_campaign

SEEDS = 200_000
LIMIT_S = 180


@pytest.mark.slow
def test_no_schedule_breaks_a_promise_and_every_broken_variant_is_noticed() -> None:
    began_s = time.monotonic()
    good = run_campaign(range(SEEDS), exhaustive=3, variants=6_000, jobs=max(2, os.cpu_count() or 2))
    print(f"simulation: {time.monotonic() - began_s:.0f} s (to be at most {LIMIT_S} s on two idle cores)")
    assert good
