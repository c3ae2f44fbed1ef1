"""A slice of the simulation. The long form: ``python -m tests.faults.journal_sim``."""

import gc
from collections.abc import Iterator

import pytest

from tasks.journal import loading
from tests.faults.journal_sim.build import Build
from tests.faults.journal_sim.campaign import all_scripts, report, seeded
from tests.faults.journal_sim.pieces import broken_seed, understood
from tests.faults.journal_sim.variants import VARIANTS

# The first seeds that tell the rarest breaches; a change of the protocol moves them. The long form searches from 0
# (``--variants 20000``) and prints the new ones.
NOTICED_AT = {
    "BuysAgainWithoutLooking": 201,
    "LooksOnlyBeforeTheIntent": 862,
    "DoesNotBeat": 151,
}
SLICE = range(100_000, 100_600)


@pytest.fixture(autouse=True)
def _as_in_the_long_form(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(loading, "decode_segment", understood)
    gc.disable()
    yield
    gc.enable()


def test_no_seeded_schedule_of_two_or_three_owners_breaks_a_promise() -> None:
    seed = broken_seed(SLICE)
    if seed is not None:
        schedule = seeded(seed, trace=True)
        schedule.run()
        pytest.fail(f"seed {seed}\n{report(schedule)}")


def test_no_single_or_double_fault_of_one_owner_breaks_a_promise() -> None:
    broken = [script for script, schedule in all_scripts(2) if schedule.world.truth.violations]
    assert broken == []


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_every_broken_variant_of_the_protocol_is_noticed(variant: type[Build]) -> None:
    first = NOTICED_AT.get(variant.__name__, 0)
    assert broken_seed(range(first, first + 600), variant) is not None, variant.__doc__


def test_a_schedule_leaves_no_garbage_to_be_looked_for() -> None:
    gc.collect()
    assert broken_seed(range(30)) is None
    assert gc.collect() == 0


def test_a_seed_replays_to_the_same_schedule() -> None:
    traces = []
    for _ in range(2):
        schedule = seeded(12, trace=True)
        schedule.run()
        traces.append(report(schedule))
    assert traces[0] == traces[1]
    assert len(traces[0].splitlines()) > 10
