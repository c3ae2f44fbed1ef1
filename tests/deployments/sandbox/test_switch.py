"""When scenarios fire: by rate, by attempt, by prompt, and the same again for the same seed."""

import pytest

from deployments.sandbox.switch import Switch, UnknownScenario, parse


def hits(switch: Switch, count: int = 2_000) -> list[list[str]]:
    return [switch.fire(f"request-{number}", "a", "images").names for number in range(count)]


def test_a_rate_hits_about_that_share_and_one_and_none_hit_all_and_nothing() -> None:
    share = sum(map(bool, hits(Switch(["b64:0.2"], seed=1)))) / 2_000
    assert 0.17 < share < 0.23
    assert all(hits(Switch(["b64"], seed=1), 50))
    assert not any(hits(Switch(["b64:0"], seed=1), 50))


def test_the_same_seed_decides_the_same_whatever_the_order_and_another_seed_otherwise() -> None:
    there = [Switch(["b64:0.5"], 1).fire(f"r{number}", "a", "images").names for number in range(100)]
    back = Switch(["b64:0.5"], 1)
    again = {number: back.fire(f"r{number}", "a", "images").names for number in reversed(range(100))}
    assert there == [again[number] for number in range(100)]
    assert there != [Switch(["b64:0.5"], 2).fire(f"r{number}", "a", "images").names for number in range(100)]


def test_a_storm_hits_one_at_a_time_at_the_rate_asked_for() -> None:
    names = hits(Switch(["storm:0.4"], seed=3))
    assert max(map(len, names)) == 1
    assert 0.2 < sum(map(bool, names)) / len(names) < 0.4
    assert len({name[0] for name in names if name}) > 15


def test_a_scenario_for_first_attempts_lets_the_next_ones_pass() -> None:
    switch = Switch(["server_error@2"], seed=0)
    assert [bool(switch.fire("same", "a", "images").names) for _ in range(4)] == [True, True, False, False]


def test_a_prompt_can_call_for_a_scenario_and_an_unknown_name_in_it_is_nothing() -> None:
    switch = Switch([], seed=0)
    assert switch.fire("a", "x [[scenario:empty_data]]", "images").names == ["empty_data"]
    assert switch.fire("b", "x [[scenario:nothing]] [[scenario:]]", "images").names == []


def test_a_scenario_of_another_kind_of_request_does_not_fire() -> None:
    assert Switch(["chat_plain"], 0).fire("a", "x", "images").names == []
    assert Switch(["chat_plain"], 0).fire("a", "x", "chat").names == ["chat_plain"]


@pytest.mark.parametrize("spelling", ["no_such", "b64:2", "b64:x", "b64:1:1", "", "B64"])
def test_a_spelling_that_means_nothing_is_refused(spelling: str) -> None:
    with pytest.raises(UnknownScenario):
        parse(spelling)
