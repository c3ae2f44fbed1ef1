import asyncio
import random
import time

import pytest

from tasks.protocols.limits import Limit, Share
from tasks.protocols.pacing import Pacer
from tests.support.busiest_window import busiest_window
from tests.support.virtual_time import now_s, run
from tests.tasks.protocols.pacing_rig import UNLIMITED, Gateway, pacer_of, rows_of


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


def test_a_call_that_is_back_leaves_the_gateway_to_a_ready_one_and_keeps_its_place_until_its_outcome_is_on_record():
    async def play() -> list[tuple[str, float]]:
        pacer, story = pacer_of(Limit(None, 2)), []

        async def row(name: str, preparing_s: float) -> None:
            async with pacer.slot("m") as slot:
                story.append((f"{name} has a place", now_s()))
                await asyncio.sleep(preparing_s)
                await slot.start()
                await asyncio.sleep(5)
                slot.succeeded()
                slot.returned()
                await asyncio.sleep(3)  # its answer is being recorded
                story.append((f"{name} is on record", now_s()))

        await asyncio.gather(row("one", 0), row("two", 4), row("three", 0))
        return story

    assert run(play()) == [
        ("one has a place", 0), ("two has a place", 0), ("one is on record", 8), ("three has a place", 8),
        ("two is on record", 12), ("three is on record", 16),
    ]  # fmt: skip


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
            "in_flight": 1, "preparing": 0, "recording": 0, "waiting": 0, "concurrency": 10, "concurrency_max": 10,
            "rpm": 117.647, "paused_s": 20.0, "started": 1, "succeeded": 0, "rate_limited": 1, "failed": 0, "pauses": 1,
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
