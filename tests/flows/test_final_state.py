"""What a run's state is called when it ends: the truth, in a word that automations can match."""

from collections import Counter
from typing import Any

import pytest

from flows.generate_dataset import final_state
from tasks.begin import CannotStart, plain_words
from tasks.engine.running.result import result_of
from tasks.journal.errors import JournalProblem, StoreDown
from tasks.settings import MissingKey

ENDS: dict[str, tuple[dict[str, int], Any, str, str]] = {
    "all rows": ({"succeeded": 3}, None, "Completed", "COMPLETED"),
    "some refused": ({"succeeded": 2, "refused": 1}, None, "CompletedWithFailures", "COMPLETED"),
    "budget": ({"succeeded": 1, "pending": 2}, "budget", "StoppedAtBudget", "COMPLETED"),
    "key": ({"pending": 3}, "provider_stopped", "ProviderStopped", "FAILED"),
    "store": ({"succeeded": 1, "pending": 2}, "store_down", "StoreDown", "FAILED"),
    "cancelled": ({"succeeded": 1, "unknown": 2}, "interrupted", "Cancelled", "CANCELLED"),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_state_says_how_the_run_ended(end: str) -> None:
    outcomes, stopped, name, kind = ENDS[end]
    result = result_of(
        Counter(outcomes), run_id="r", dataset="ds", reused=0, wall_s=1.0, stopped=stopped, message="the reason"
    )
    state = final_state(result)
    assert (state.name, state.type.value) == (name, kind)
    assert state.message
    if stopped in ("budget", "provider_stopped", "store_down"):
        assert state.message == "the reason"


@pytest.mark.parametrize(
    ("error", "state"),
    [(JournalProblem("torn"), "Damaged"), (StoreDown("away"), "StoreDown"), (MissingKey("none"), "CannotStart")],
)
async def test_what_forbids_a_run_is_told_by_its_state(error: Exception, state: str) -> None:
    with pytest.raises(CannotStart) as caught:
        async with plain_words({}, "run"):
            raise error
    assert (caught.value.state, str(caught.value)) == (state, str(error))
