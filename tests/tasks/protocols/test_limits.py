import random

import pytest

from tasks.protocols.limits import Adaptive, Share, Spacing
from tests.support.busiest_window import busiest_window

WALL_OFFSET_S = 1e9 / 7
WHOLE = Share()


def spacing_of(rpm: float, share: Share = WHOLE) -> Spacing:
    return Spacing(rpm, share, now_s=0.0, wall_offset_s=WALL_OFFSET_S)


def out_of_turn_s(spacing: Spacing, share: Share) -> float:
    """How far the next start is from this share's turn in the common cycle, in seconds of wall clock."""
    turn = (spacing.next_at_s + WALL_OFFSET_S) % spacing.interval_s - share.start * spacing.interval_s
    return min(abs(turn), spacing.interval_s - abs(turn))


@pytest.mark.parametrize("rpm", [600, 6000])
def test_timers_that_fire_a_little_late_lose_nothing(rpm):
    spacing, rng = spacing_of(rpm), random.Random(4)
    for _ in range(1000):
        spacing.take(spacing.next_at_s + rng.uniform(0, 0.008))
    assert spacing.next_at_s == pytest.approx(1000 * spacing.interval_s, abs=0.02)


def test_a_start_that_comes_much_later_begins_a_new_count_instead_of_catching_up():
    spacing, starts = spacing_of(600), []
    for pause_s in [0.0] * 20 + [5.0] + [0.0] * 20:
        starts.append(spacing.next_at_s + pause_s)
        spacing.take(starts[-1])
    assert busiest_window(starts, 1.0) == 10


@pytest.mark.parametrize("share", [Share(0.25, 0.0), Share(0.25, 0.75), Share(1 / 3, 1 / 3)], ids=str)
def test_a_share_begins_in_its_turn_and_comes_back_to_it_after_a_hold(share):
    spacing = spacing_of(10, share)
    assert 0 <= spacing.next_at_s < spacing.interval_s
    assert out_of_turn_s(spacing, share) == pytest.approx(0, abs=1e-4)
    spacing.hold(1234.5)
    assert spacing.next_at_s >= 1234.5
    assert out_of_turn_s(spacing, share) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("late", [0.1, 0.4, 0.6, 0.9])
def test_a_share_that_lost_its_turn_is_led_back_to_it_without_haste(late):
    share = Share(0.25, 0.5)
    spacing = spacing_of(600, share)
    spacing.take(spacing.next_at_s + late * spacing.interval_s)
    assert out_of_turn_s(spacing, share) > 0.05 * spacing.interval_s
    for _ in range(60):
        before_s = spacing.next_at_s
        spacing.take(before_s)
        assert 0.98 * spacing.interval_s < spacing.next_at_s - before_s <= 1.06 * spacing.interval_s
    assert out_of_turn_s(spacing, share) == pytest.approx(0, abs=1e-4)


def test_who_has_the_whole_limit_waits_for_no_turn():
    assert spacing_of(10).next_at_s == 0.0


def test_growth_stops_at_the_maximum_however_many_successes_come():
    adaptive = Adaptive(5)
    adaptive.rate_limited(started_at_s=0, now_s=1, in_flight=5)
    assert adaptive.limit == 3
    for _ in range(1000):
        adaptive.succeeded()
    assert adaptive.limit == 5
