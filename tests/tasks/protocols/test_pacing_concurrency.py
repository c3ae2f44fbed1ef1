import asyncio
import itertools

import pytest

from tasks.protocols.limits import Limit
from tasks.protocols.pacing import Pacer, Slot
from tests.support.virtual_time import now_s, run
from tests.tasks.protocols.pacing_rig import Gateway, pacer_of, rate_per_s, rows, rows_of


@pytest.mark.parametrize("retry_after_s", [None, 0.5])
@pytest.mark.parametrize("concurrency", [8, 24])
@pytest.mark.parametrize(("rpm", "per_window"), [(600, 10), (None, None)])
def test_a_gateway_that_serves_8_at_once_is_used_without_being_pressed(rpm, per_window, concurrency, retry_after_s):
    gateway = Gateway(0.9, in_flight=8, per_window=per_window, window_s=1.0, retry_after_s=retry_after_s)
    run(rows_of(gateway, Limit(rpm, concurrency), 600))
    served = [at_s for at_s, status in gateway.log if status == 200]
    assert rate_per_s(served[100:]) >= 0.90 * 8 / 0.95  # 0.9 s of latency and 0.05 s of journal
    assert gateway.refused(since=150) <= 0.05


@pytest.mark.parametrize(("latency_s", "window_s"), [(0.3, 1.0), (0.9, 1.0), (30.0, 60.0)])
def test_a_rate_that_nobody_configured_is_found_by_concurrency_alone(latency_s, window_s):
    gateway = Gateway(latency_s, per_window=10, window_s=window_s)
    run(rows_of(gateway, Limit(None, 100), 1000))
    served = [at_s for at_s, status in gateway.log if status == 200]
    assert rate_per_s(served[200:]) >= 0.5 * 10 / window_s
    assert gateway.refused(since=300) <= 0.10


@pytest.mark.parametrize("retry_after_s", [None, 0.2])
def test_a_limit_that_is_half_of_what_was_configured_is_found_although_nothing_is_in_flight(retry_after_s):
    gateway = Gateway(0.01, per_window=5, window_s=1.0, retry_after_s=retry_after_s)
    pacer = run(rows_of(gateway, Limit(600, 64), 500))
    served = [at_s for at_s, status in gateway.log if status == 200]
    assert rate_per_s(served[100:]) >= 0.75 * 5
    assert gateway.refused(since=50) <= 0.05
    assert pacer._lanes["m"]._spacing.interval_s >= 60 / 330


def test_a_rate_that_gave_way_comes_back_when_the_gateway_allows_more():
    gateway = Gateway(0.01, per_window=5, window_s=1.0, retry_after_s=0.2)

    async def play() -> None:
        pacer = pacer_of(Limit(600, 64))
        await rows(pacer, gateway, 100)
        gateway.per_window = None
        await rows(pacer, gateway, 500)

    run(play())
    assert rate_per_s(gateway.arrivals()[-100:]) >= 0.97 * 10


def test_without_adapting_the_same_gateway_refuses_most_calls():
    async def hammer(gateway: Gateway) -> None:
        async def row() -> None:
            while await gateway.call() == 429:
                await asyncio.sleep(0.05)

        await asyncio.gather(*(row() for _ in range(100)))

    gateway = Gateway(0.9, per_window=10, window_s=1.0)
    run(hammer(gateway))
    assert gateway.refused() > 0.5


def slot_results(limit: int, results: list[str]) -> list[int]:
    """The limit after each result; all calls of a round trip start before any of them ends."""

    async def play() -> list[int]:
        pacer, limits = pacer_of(Limit(None, limit)), []
        for result in results:
            async with pacer.slot("m") as slot:
                await slot.start()
                await asyncio.sleep(1)
                getattr(slot, result)()
                limits.append(pacer.snapshot()["m"]["concurrency"])
        return limits

    return run(play())


def test_only_a_rate_limit_shrinks_the_limit():
    assert slot_results(8, ["failed"] * 5 + ["succeeded"] * 5) == [8] * 10


def test_the_limit_never_grows_past_its_maximum_nor_shrinks_to_nothing():
    assert max(slot_results(3, ["succeeded"] * 20)) == 3
    assert min(slot_results(3, ["rate_limited"] * 5)) == 1


async def in_flight_together(pacer: Pacer, count: int) -> list[Slot]:
    slots = [pacer.slot("m") for _ in range(count)]
    for slot in slots:
        await slot.__aenter__()
        await slot.start()
    await asyncio.sleep(1)
    return slots


def test_calls_of_one_round_trip_shrink_the_limit_once():
    async def limits() -> list[int]:
        pacer = pacer_of(Limit(None, 20))
        found = []
        for slot in await in_flight_together(pacer, 20):
            slot.rate_limited()
            slot.release()
            found.append(pacer.snapshot()["m"]["concurrency"])
        return found

    assert set(run(limits())) == {14}


def test_a_window_of_successes_raises_the_limit_by_one_until_just_below_the_wall():
    async def limits() -> list[int]:
        pacer = pacer_of(Limit(None, 10))
        first, *rest = await in_flight_together(pacer, 10)
        first.rate_limited()
        for slot in (first, *rest):
            slot.release()
        found = [pacer.snapshot()["m"]["concurrency"]]
        for _ in range(7 + 8 + 9 * 10):
            async with pacer.slot("m") as slot:
                await slot.start()
                slot.succeeded()
            found.append(pacer.snapshot()["m"]["concurrency"])
        return found

    found = run(limits())
    assert (found[0], found[6], found[7], found[14], found[15]) == (7, 7, 8, 8, 9)
    assert (found[-2], found[-1]) == (9, 10), "ten windows at 9 before 10, which failed, is tried again"


# -- pauses


def starts_after_limits(retry_after_s: list[float | None]) -> tuple[list[float], dict]:
    async def play() -> tuple[list[float], dict]:
        pacer, starts = pacer_of(Limit(None, 4)), []
        for value in retry_after_s:
            async with pacer.slot("m") as slot:
                await slot.start()
                starts.append(now_s())
                await asyncio.sleep(0.1)
                slot.rate_limited(value)
        return starts, pacer.snapshot()["m"]

    return run(play())


@pytest.mark.parametrize(("asked_s", "waited_s"), [(12.0, 12.0), (54_749.0, 300.0), (0.0, 0.0)])
def test_retry_after_stops_the_whole_model_and_is_capped(asked_s, waited_s):
    starts, seen = starts_after_limits([asked_s, None])
    assert starts[1] - starts[0] == pytest.approx(0.1 + waited_s)
    assert seen["rate_limited"] == 2


@pytest.mark.parametrize("asked_s", [None, 0.0], ids=["no header", "Retry-After: 0"])
def test_rate_limits_that_name_no_time_are_answered_with_longer_and_longer_rests(asked_s):
    starts, seen = starts_after_limits([asked_s] * 12)
    rests = [b - a - 0.1 for a, b in itertools.pairwise(starts)]
    assert rests[0] == pytest.approx(0), "one rate limit may be mere bad luck"
    for doubling, rest_s in enumerate(rests[1:]):
        most_s = min(60.0, 2.0**doubling)
        assert most_s / 2 <= rest_s + 1e-9
        assert rest_s <= most_s + 1e-9
    assert seen["pauses"] == 11
    assert "repeated rate limits" in seen["why"]


def test_a_pause_of_one_model_is_none_of_another():
    async def play() -> float:
        pacer = pacer_of(Limit(None, 4))
        async with pacer.slot("m") as slot:
            await slot.start()
            slot.rate_limited(100)
        async with pacer.slot("other") as slot:
            await slot.start()
        return now_s()

    assert run(play()) == 0


def test_a_call_between_its_intent_and_its_start_waits_out_a_pause():
    async def play() -> tuple[float, int]:
        pacer = pacer_of(Limit(None, 4))
        async with pacer.slot("m") as early, pacer.slot("m") as late:
            await early.start()
            early.rate_limited(30)
            early.release()
            await late.start()
            return now_s(), late.queue_ms

    assert run(play()) == (30.0, 30_000)


def test_a_call_that_is_back_is_no_longer_counted_at_the_gateway():
    async def play() -> list[tuple[int, int]]:
        pacer, found = pacer_of(Limit(None, 2)), []
        for slot in await in_flight_together(pacer, 2):
            slot.succeeded()
            slot.returned()
            found.append(tuple(pacer.snapshot()["m"][name] for name in ("in_flight", "recording")))
            slot.release()
            found.append(tuple(pacer.snapshot()["m"][name] for name in ("in_flight", "recording")))
        return found

    assert run(play()) == [(1, 1), (1, 0), (0, 1), (0, 0)]
