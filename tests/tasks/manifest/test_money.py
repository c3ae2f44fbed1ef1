"""What one attempt costs: known, at risk, or nothing."""

import pytest

from tasks.journal import events as ev
from tasks.manifest.money import Cost, attempt_cost, share, shares, total
from tests.tasks.manifest.story import Story, at, key_of

CAP = 40_000
WITHDRAWN = ev.Withdrawn(at=at(2), key=key_of("a"), attempt="1-me", reason="stale")


def attempts(story: Story):
    return list(story.fold.keys[key_of("a")].attempts.values())


@pytest.mark.parametrize(
    ("story", "cost"),
    [
        (Story().intend("a"), Cost(0, CAP, "unknown")),
        (Story().intend("a").tell(WITHDRAWN), Cost(0, 0, "no")),
        (Story().intend("a").lose("a"), Cost(0, CAP, "unknown")),
        (Story().intend("a").answer("a", cost_micros=35_000, billed="yes"), Cost(35_000, 0, "yes")),
        (Story().intend("a").answer("a", cost_micros=None, billed="yes"), Cost(0, CAP, "yes")),
        (Story().intend("a").answer("a", cost_micros=35_000, billed="unknown"), Cost(0, CAP, "unknown")),
        (Story().intend("a").answer("a", cost_micros=35_000, billed="no"), Cost(0, 0, "no")),
    ],
    ids=["in flight", "withdrawn", "unknown", "billed", "billed, who knows what", "perhaps billed", "not billed"],
)
def test_an_attempt_costs_what_is_known_and_risks_its_cap_otherwise(story: Story, cost: Cost):
    [attempt] = attempts(story)
    assert attempt_cost(attempt) == cost


def test_the_parts_of_a_call_add_up_and_extra_results_cost_nothing():
    made = attempts(Story().want("a", samples=3).intend("a", samples=3).answer("a", cost_micros=40_001, billed="yes"))
    assert [shares(made, i, 3).known_micros for i in range(4)] == [13_335, 13_333, 13_333, 0]
    assert [share(10, i, 4) for i in range(4)] == [4, 2, 2, 2]


def test_a_sum_says_yes_before_unknown_before_no_and_hides_a_zero_that_nobody_knows():
    assert total([Cost(1, 2, "no"), Cost(3, 4, "unknown")]) == Cost(4, 6, "unknown")
    assert total([Cost(1, 0, "yes"), Cost(0, 4, "unknown")]) == Cost(1, 4, "yes")
    assert total([Cost(), Cost()]) == Cost()
    assert [Cost(0, 9, "unknown").shown_micros, Cost(0, 0, "unknown").shown_micros] == [None, None]
    assert [Cost(0, 0, "no").shown_micros, Cost(5, 9, "yes").shown_micros] == [0, 5]
