import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field

import pytest

from tasks.protocols.limits import Limit, Share
from tasks.protocols.pacing import Pacer, Slot
from tests.virtual_time import now_s, run
from tests.windows import busiest_window

UNLIMITED = Limit(rpm=None, concurrency=1000)


def pacer_of(limit: Limit, *, share: Share | float = 1.0, seed: int = 0, **options) -> Pacer:
    return Pacer(
        {"m": limit},
        default=UNLIMITED,
        share=share,
        clock=now_s,
        wall=lambda: now_s() + 1e9 / 7,
        rng=random.Random(seed),
        **options,
    )


@dataclass
class Gateway:
    """A gateway with limits of its own: at most ``per_window`` arrivals in ``window_s``, ``in_flight`` at once."""

    latency_s: float
    jitter_s: float = 0.0
    per_window: int | None = None
    window_s: float = 60.0
    in_flight: int | None = None
    every_nth_refused: int = 0  # somebody else uses the account as well
    retry_after_s: float | None = None
    seed: int = 1
    log: list[tuple[float, int]] = field(default_factory=list)  # arrival, status
    busy: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    async def call(self) -> int:
        await asyncio.sleep(self.rng.uniform(0, self.jitter_s))
        status = 429 if self._full() else 200
        self.log.append((now_s(), status))
        if status == 200:
            self.busy += 1
            await asyncio.sleep(self.latency_s * self.rng.uniform(0.8, 1.2))
            self.busy -= 1
        return status

    def _full(self) -> bool:
        recent = sum(at_s > now_s() - self.window_s for at_s, status in self.log[-200:] if status == 200)
        return (
            (self.per_window is not None and recent >= self.per_window)
            or (self.in_flight is not None and self.busy >= self.in_flight)
            or (self.every_nth_refused > 0 and (len(self.log) + 1) % self.every_nth_refused == 0)
        )

    def arrivals(self) -> list[float]:
        return [at_s for at_s, _ in self.log]

    def refused(self, since: int = 0) -> float:
        tail = self.log[since:]
        return sum(status == 429 for _, status in tail) / len(tail)


async def one(pacer: Pacer, gateway: Gateway, *, journal_s: float = 0.05) -> None:
    while True:
        async with pacer.slot("m") as slot:
            await asyncio.sleep(journal_s)
            await slot.start()
            if await gateway.call() == 200:
                return slot.succeeded()
            slot.rate_limited(gateway.retry_after_s)


async def rows(pacer: Pacer, gateway: Gateway, count: int, *, journal_s: float = 0.05) -> None:
    await asyncio.gather(*(one(pacer, gateway, journal_s=journal_s) for _ in range(count)))


def rate_per_s(times_s: list[float]) -> float:
    return (len(times_s) - 1) / (max(times_s) - min(times_s))


# -- requests per minute


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


async def rows_of(gateway: Gateway, limit: Limit, count: int, *, journal_s: float = 0.05, **options) -> Pacer:
    pacer = pacer_of(limit, **options)
    await rows(pacer, gateway, count, journal_s=journal_s)
    return pacer


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


# -- several workers


def workers(count: int, gateway: Gateway, limit: Limit, rows_each: int, *, turns: bool = True) -> None:
    async def everyone() -> None:
        async def worker(k: int) -> None:
            await asyncio.sleep(random.Random(k).uniform(0, 3))  # nobody starts at the same moment
            pacer = pacer_of(limit, share=Share(1 / count, k / count) if turns else 1 / count, seed=k)
            await rows(pacer, gateway, rows_each)

        await asyncio.gather(*(worker(k) for k in range(count)))

    run(everyone())


@pytest.mark.parametrize(
    ("rpm", "count", "latency_s", "window_s"), [(10, 4, 30.0, 60.0), (10, 3, 5.0, 60.0), (600, 4, 0.7, 1.0)]
)
def test_workers_with_shares_keep_the_limit_together_and_use_it(rpm, count, latency_s, window_s):
    gateway = Gateway(latency_s, jitter_s=0.002)
    workers(count, gateway, Limit(rpm, 8 * count), 60)
    assert busiest_window(gateway.arrivals(), window_s) <= round(rpm * window_s / 60)
    assert rate_per_s(gateway.arrivals()[10:-20]) >= 0.95 * rpm / 60, "start and tail excluded"


def test_workers_that_take_no_turns_break_it():
    gateway = Gateway(30.0)
    workers(4, gateway, Limit(10, 32), 60, turns=False)
    assert busiest_window(gateway.arrivals(), 60.0) > 10


def test_workers_return_to_their_turns_after_the_gateway_paused_them():
    gateway = Gateway(0.3, per_window=10, window_s=1.0, retry_after_s=0.7)
    gateway.log = [(0.0, 200)] * 10  # somebody else has used up the first second
    workers(4, gateway, Limit(600, 32), 100)
    late = gateway.arrivals()[-200:]
    assert busiest_window(late, 1.0) <= 10
    assert gateway.refused(since=50) == 0


@pytest.mark.parametrize(("whole", "count"), [(8, 4), (10, 4), (7, 3), (1000, 6), (4, 4)])
def test_shares_of_the_concurrency_add_up_to_it(whole, count):
    shares = [Share(1 / count, k / count).concurrency(whole) for k in range(count)]
    assert sum(shares) == whole
    assert max(shares) - min(shares) <= 1


def test_a_share_is_never_nothing():
    assert [Share(0.25, k / 4).concurrency(1) for k in range(4)] == [1, 1, 1, 1]


# -- concurrency


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


def test_rate_limits_that_name_no_time_are_answered_with_longer_and_longer_rests():
    starts, seen = starts_after_limits([None] * 12)
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


# -- waiting


def test_first_come_first_served():
    async def order() -> list[int]:
        pacer, went = pacer_of(Limit(600, 2)), []

        async def row(number: int) -> None:
            async with pacer.slot("m") as slot:
                await slot.start()
                went.append(number)
                await asyncio.sleep(0.3)

        await asyncio.gather(*(row(number) for number in range(50)))
        return went

    assert run(order()) == list(range(50))


def test_cancelled_calls_leave_no_trace_and_nobody_behind_them_waits_for_ever():
    async def play() -> dict:
        pacer, rng = pacer_of(Limit(6000, 7)), random.Random(5)

        async def row() -> None:
            async with pacer.slot("m") as slot:
                await asyncio.sleep(rng.choice([0, 0.01, 0.05]))
                await slot.start()
                await asyncio.sleep(rng.choice([0, 0.01, 0.2]))

        tasks = [asyncio.create_task(row()) for _ in range(2000)]
        while not all(task.done() for task in tasks):
            for task in rng.sample(tasks, 20):
                task.cancel()
            await asyncio.sleep(rng.choice([0, 0.005, 0.02]))
        done = [task.cancelled() for task in tasks]
        assert 0 < sum(done) < len(done)
        await asyncio.wait_for(row(), 10)
        return pacer.snapshot()["m"]

    seen = run(play())
    assert (seen["in_flight"], seen["waiting"]) == (0, 0)


def test_a_call_cancelled_at_the_moment_of_its_turn_gives_the_turn_back():
    async def play() -> int:
        pacer = pacer_of(Limit(None, 1))
        async with pacer.slot("m"):
            waiter = asyncio.create_task(pacer.slot("m").__aenter__())
            await asyncio.sleep(0)
        waiter.cancel()  # it has been given the room, and has not run since
        with pytest.raises(asyncio.CancelledError):
            await waiter
        return pacer.snapshot()["m"]["in_flight"]

    assert run(play()) == 0


def test_a_start_cancelled_at_its_moment_does_not_let_later_intents_be_written_early():
    async def play() -> float:
        pacer, ages = pacer_of(Limit(10, 8)), []
        async with pacer.slot("m") as slot:
            await slot.start()
        async with pacer.slot("m") as slot:
            start = asyncio.create_task(slot.start())
            asyncio.get_running_loop().call_at(6.12 + 1e-10, start.cancel)  # it is due, and its task has not run
            with pytest.raises(asyncio.CancelledError):
                await start

        async def row() -> None:
            async with pacer.slot("m") as slot:
                entered_s = now_s()
                await slot.start()
                ages.append(now_s() - entered_s)
                await asyncio.sleep(30)

        await asyncio.gather(*(row() for _ in range(5)))
        return max(ages)

    assert run(play()) <= 1.0 + 1e-6


def test_after_a_pause_a_worker_starts_in_its_turn():
    async def play() -> float:
        pacer = pacer_of(Limit(10, 8), share=Share(0.25, 0.5))
        async with pacer.slot("m") as slot:
            await slot.start()
            first_s = now_s()
            await asyncio.sleep(1)
            slot.rate_limited(100)
        async with pacer.slot("m") as slot:
            await slot.start()
        return (now_s() - first_s) / (4 * 6.3)

    assert run(play()) == pytest.approx(5)


def test_a_closed_lane_turns_away_who_waits_and_who_comes_and_touches_nobody_who_flies():
    async def play() -> list[str]:
        pacer = pacer_of(Limit(10, 2))

        async def row(flight_s: float) -> str:
            try:
                async with pacer.slot("m") as slot:
                    await slot.start()
                    await asyncio.sleep(flight_s)
                    slot.succeeded()
            except KeyError:
                return f"closed at {now_s():g}"
            return f"done at {now_s():g}"

        tasks = [asyncio.create_task(row(60)) for _ in range(4)]
        await asyncio.sleep(5.5)  # one flies, one has entered and waits for its start, two wait to enter
        pacer.close(lambda: KeyError("closed"), model="m")
        late = await row(0)
        async with pacer.slot("other"):
            pass
        pacer.close(lambda: KeyError("closed"))
        with pytest.raises(KeyError):
            await pacer.slot("third").__aenter__()
        found = [*(await asyncio.gather(*tasks)), late]
        assert pacer.snapshot()["m"]["in_flight"] == 0
        return found

    assert run(play()) == ["done at 60"] + ["closed at 5.5"] * 4


def test_room_released_early_is_used_while_the_block_goes_on():
    async def play() -> float:
        pacer = pacer_of(Limit(None, 1))
        async with pacer.slot("m") as slot:
            await slot.start()
            slot.succeeded()
            slot.release()
            async with pacer.slot("m") as other:
                await other.start()
            return now_s()

    assert run(play()) == 0


def test_five_thousand_waiting_calls_cost_about_ten_times_five_hundred():
    def cpu_s(count: int) -> float:
        began_s = time.process_time()
        run(rows_of(Gateway(1.0), Limit(None, 50), count))
        return time.process_time() - began_s

    cpu_s(100)
    assert cpu_s(5000) < 10 * 3 * cpu_s(500)


@pytest.mark.parametrize("verb", ["succeeded", "rate_limited", "failed"])
def test_judging_a_call_that_never_started_or_twice_is_an_error(verb):
    async def unstarted() -> None:
        async with pacer_of(UNLIMITED).slot("m") as slot:
            getattr(slot, verb)()

    async def twice() -> None:
        async with pacer_of(UNLIMITED).slot("m") as slot:
            await slot.start()
            getattr(slot, verb)()
            getattr(slot, verb)()

    async def started_twice() -> None:
        async with pacer_of(UNLIMITED).slot("m") as slot:
            await slot.start()
            await slot.start()

    for wrong in (unstarted, twice, started_twice):
        with pytest.raises(RuntimeError):
            run(wrong())


@pytest.mark.parametrize(("rpm", "concurrency"), [(0, 1), (-1, 1), (float("nan"), 1), (10, 0)])
def test_a_limit_of_nothing_is_refused(rpm, concurrency):
    with pytest.raises(ValueError, match="above zero"):
        Limit(rpm, concurrency)


def test_a_snapshot_says_what_is_in_force_and_why():
    async def play() -> dict:
        pacer = pacer_of(Limit(120, 10))
        async with pacer.slot("m") as slot:
            await slot.start()
            await asyncio.sleep(1)
            slot.rate_limited(20)
            return pacer.snapshot()

    assert run(play()) == {
        "m": {
            "in_flight": 1, "preparing": 0, "waiting": 0, "concurrency": 10, "concurrency_max": 10, "rpm": 117.647,
            "paused_s": 20.0, "started": 1, "succeeded": 0, "rate_limited": 1, "failed": 0, "pauses": 1,
            "why": "rests 20 s as the gateway asked; 10 in flight then",
        }
    }  # fmt: skip


async def test_in_real_time_the_limit_is_kept_and_used():
    pacer, starts = Pacer({}, default=Limit(rpm=1800, concurrency=20)), []

    async def row() -> None:
        async with pacer.slot("m") as slot:
            await slot.start()
            starts.append(time.monotonic())
            await asyncio.sleep(0.02)
            slot.succeeded()

    await asyncio.gather(*(row() for _ in range(30)))
    assert busiest_window(starts, 0.5) <= 15 + 1
    assert len(starts) == 30


@pytest.mark.parametrize(
    ("times_s", "window_s", "most"), [([], 1, 0), ([0, 1, 2], 1, 1), ([0, 0.9, 1.8], 1, 2), ([5, 5, 1, 5], 0.1, 3)]
)
def test_the_busiest_window_is_half_open(times_s, window_s, most):
    assert busiest_window(times_s, window_s) == most
