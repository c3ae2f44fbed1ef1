import asyncio
import itertools
import random

import pytest

from tasks.protocols.limits import Limit, Share
from tests.support.busiest_window import busiest_window
from tests.support.virtual_time import now_s, run
from tests.tasks.protocols.pacing_rig import Gateway, pacer_of, rate_per_s, rows_of


@pytest.mark.parametrize(
    ("rpm", "concurrency", "latency_s", "jitter_s", "window_s"),
    [
        (10, 8, 30.0, 1.0, 60.0),
        (10, 64, 60.0, 1.0, 60.0),
        (10, 1, 2.0, 0.5, 60.0),
        (60, 32, 10.0, 1.0, 60.0),
        (600, 32, 1.0, 0.005, 1.0),
        (6000, 64, 0.2, 0.005, 1.0),
    ],
)
def test_no_window_holds_more_than_the_limit_and_nearly_all_of_it_is_used(
    rpm, concurrency, latency_s, jitter_s, window_s
):
    gateway = Gateway(latency_s, jitter_s)
    run(rows_of(gateway, Limit(rpm, concurrency), 200))
    assert busiest_window(gateway.arrivals(), window_s) <= round(rpm * window_s / 60)
    assert rate_per_s(gateway.arrivals()) >= 0.97 * rpm / 60


@pytest.mark.parametrize("journal_s", [0.05, 0.4, 2.5])
def test_a_limit_is_used_however_long_an_intent_takes_to_write(journal_s):
    gateway = Gateway(0.01, 0.005)
    run(rows_of(gateway, Limit(600, 64), 200, journal_s=journal_s))
    assert busiest_window(gateway.arrivals(), 1.0) <= 10
    assert rate_per_s(gateway.arrivals()[30:]) >= 0.97 * 10, "after the first, which teach it"


def test_starts_that_a_busy_machine_makes_late_are_made_up_for_and_no_second_is_too_full():
    from tasks.protocols.limits import Spacing

    spacing, rng, now, starts = Spacing(600, Share(), now_s=0.0, wall_offset_s=0.0), random.Random(2), 0.0, []
    for _ in range(2000):
        now = max(now, spacing.next_at_s) + rng.uniform(0, 0.05)
        spacing.take(now)
        starts.append(now)
    assert rate_per_s(starts) >= 0.95 * 10
    assert busiest_window(starts, 1.0) <= 10
    assert all(late - early > 0.001 for early, late in itertools.pairwise(starts)), "never a burst"


@pytest.mark.parametrize("latency_s", [0.01, 0.15])
def test_a_no_now_and_then_to_quick_replies_does_not_let_starts_pass_unused(latency_s):
    """Hardly a call is at the gateway when it says no: fewer of them would only be slower."""
    gateway = Gateway(latency_s, every_nth_refused=25, retry_after_s=0.05)
    run(rows_of(gateway, Limit(600, 64), 300, journal_s=0.4))
    assert rate_per_s(gateway.arrivals()) >= 0.93 * 10


def test_calls_prepare_while_others_fly_without_passing_the_maximum_together():
    async def most_together() -> tuple[int, float]:
        pacer, together, most, rng = pacer_of(Limit(None, 32)), 0, 0, random.Random(4)

        async def row() -> None:
            nonlocal together, most
            async with pacer.slot("m") as slot:
                together += 1
                most = max(most, together)
                await asyncio.sleep(0.06)
                await slot.start()
                await asyncio.sleep(2 * rng.uniform(0.9, 1.1))
                slot.succeeded()
                together -= 1

        await asyncio.gather(*(row() for _ in range(640)))
        return most, now_s()

    most, took_s = run(most_together())
    assert most == 32
    assert took_s <= 640 / 32 * 2 / 0.95


def test_after_a_cut_starts_follow_each_other_although_intents_take_time():
    """Four of 32 may be at the gateway: the next call is ready when one of them returns."""
    gateway = Gateway(1.0, in_flight=4)
    run(rows_of(gateway, Limit(None, 32), 400, journal_s=0.5))
    served = [at_s for at_s, status in gateway.log if status == 200]
    assert rate_per_s(served[100:]) >= 0.9 * 4
    assert gateway.refused(since=100) <= 0.05


def test_a_bucket_that_saves_tokens_fails_the_same_check():
    tokens, starts = 10.0, []
    for _ in range(200):  # the first ten at once, then one each six seconds
        tokens, wait_s = (tokens - 1, 0.0) if tokens >= 1 else (tokens, 6.0)
        starts.append((starts[-1] if starts else 0.0) + wait_s)
    assert busiest_window(starts, 60.0) > 10


def test_starts_exactly_a_tenth_of_a_minute_apart_fail_it_too_once_the_network_is_uneven():
    rng = random.Random(3)
    assert busiest_window([6.0 * k + rng.uniform(0, 1.0) for k in range(200)], 60.0) > 10


def test_the_first_call_goes_at_once_and_the_second_waits_its_turn():
    async def two() -> list[float]:
        pacer, starts = pacer_of(Limit(10, 8)), []
        for _ in range(2):
            async with pacer.slot("m") as slot:
                await slot.start()
                starts.append(now_s())
        return starts

    first, second = run(two())
    assert first == 0
    assert second == pytest.approx(6.12)


def test_intents_are_written_at_most_a_second_before_they_go():
    async def ages() -> list[float]:
        pacer, found = pacer_of(Limit(10, 8)), []

        async def row() -> None:
            async with pacer.slot("m") as slot:
                entered_s = now_s()
                await slot.start()
                found.append(now_s() - entered_s)
                await asyncio.sleep(30)

        await asyncio.gather(*(row() for _ in range(30)))
        return found

    assert max(run(ages())) <= 1.0 + 1e-6


def test_a_call_given_up_before_its_start_uses_no_start():
    async def starts() -> list[float]:
        pacer, found = pacer_of(Limit(10, 8)), []
        for withdrawn in (False, True, True, False):
            async with pacer.slot("m") as slot:
                if not withdrawn:
                    await slot.start()
                    found.append(now_s())
        return found

    assert run(starts())[1] == pytest.approx(6.12)
