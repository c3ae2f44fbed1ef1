import asyncio

import pytest

from tasks.protocols.breaker import ModelBreaker, ProviderStopped, Stop
from tests.support.virtual_time import now_s, run
from tests.tasks.protocols.failures import failure

KEY = failure("auth", reason="provider_stopped", message="invalid key")
PURSE = failure("quota", reason="provider_stopped")
GONE = failure("model_unavailable", reason="model_unavailable")
NO_CHANNEL = failure("model_unavailable", reason="model_unavailable", resend=True, max_resends=2)


def test_a_stopped_run_says_why_and_the_first_reason_stays():
    stop = Stop()
    stop.check()
    stop.trip(KEY)
    stop.trip(PURSE)
    with pytest.raises(ProviderStopped) as caught:
        stop.check()
    assert caught.value.failure is stop.failure is KEY


def test_whoever_waits_for_the_stop_or_sleeps_before_a_resend_wakes_at_once():
    async def play() -> tuple[float, list[object]]:
        stop = Stop()
        waits = [asyncio.create_task(stop.wait()), asyncio.create_task(stop.sleep(300))]
        asyncio.get_running_loop().call_later(2, stop.trip, KEY)
        woken = await asyncio.gather(*waits, return_exceptions=True)
        return now_s(), woken

    at_s, (reason, error) = run(play())
    assert at_s == 2
    assert reason is KEY
    assert isinstance(error, ProviderStopped)


def test_a_sleep_without_a_stop_is_a_sleep():
    async def play() -> float:
        await Stop().sleep(17)
        return now_s()

    assert run(play()) == pytest.approx(17)


def test_those_who_asked_to_be_told_are_told_once_even_when_they_ask_late():
    told = []
    stop = Stop()
    stop.then(told.append)
    stop.trip(KEY)
    stop.trip(PURSE)
    stop.then(told.append)
    assert told == [KEY, KEY]


def given_up_after(failures: list[tuple[float, float]], what, *, succeeds_at: float | None = None) -> list[bool]:
    """(started, ended) of calls that failed, in order of their end -> whether the model is given up after each."""
    breaker = ModelBreaker()
    found = []
    for started_s, ended_s in failures:
        if succeeds_at is not None and ended_s > succeeds_at:
            breaker.succeeded("m")
            succeeds_at = None
        breaker.failed("m", what, started_at_s=started_s, now_s=ended_s)
        found.append(breaker.given_up("m") is what)
    return found


def test_a_model_that_does_not_exist_is_given_up_at_once():
    assert given_up_after([(0, 1)], GONE) == [True]


def test_a_model_without_a_channel_is_given_up_after_three_times_in_a_row():
    assert given_up_after([(0, 1), (2, 3), (4, 5)], NO_CHANNEL) == [False, False, True]


def test_forty_calls_at_the_same_bad_moment_count_once():
    assert not any(given_up_after([(0, 1 + k / 100) for k in range(40)], NO_CHANNEL))


def test_a_success_in_between_begins_the_count_again():
    assert given_up_after([(0, 1), (2, 3), (5, 6), (7, 8)], NO_CHANNEL, succeeds_at=4) == [False] * 4


def test_one_model_given_up_is_no_other():
    breaker = ModelBreaker()
    breaker.failed("m", GONE, started_at_s=0, now_s=1)
    assert breaker.given_up("other") is None
    assert breaker.snapshot() == {"m": "…"}
