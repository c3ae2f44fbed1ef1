import asyncio
import random

import pytest

from tasks.protocols.circuit import Circuit
from tests.support.virtual_time import now_s, run


async def attempt(circuit: Circuit, came: list[float], *, up: bool, takes_s: float = 0.0) -> None:
    async with circuit.call() as call:
        came.append(now_s())
        await asyncio.sleep(takes_s)
        if up:
            call.replied()
        else:
            call.lost()


async def opened() -> Circuit:
    circuit = Circuit()
    for _ in range(5):
        await attempt(circuit, [], up=False)
    assert circuit.is_open
    return circuit


def test_four_lost_connections_open_nothing_and_a_reply_begins_the_count_again():
    async def play() -> bool:
        circuit = Circuit()
        for up in [False] * 4 + [True] + [False] * 4:
            await attempt(circuit, [], up=up)
        return circuit.is_open

    assert run(play()) is False


def test_after_five_one_probe_at_a_time_goes_at_growing_intervals():
    async def play() -> list[float]:
        circuit, came = await opened(), []
        rows = [asyncio.create_task(attempt(circuit, came, up=False)) for _ in range(9)]
        await asyncio.gather(*rows)
        return came

    assert run(play()) == [1, 3, 7, 15, 31, 63, 123, 183, 243]


def test_who_comes_while_a_probe_is_out_waits_for_its_word():
    async def play() -> list[float]:
        circuit, came = await opened(), []
        await asyncio.sleep(5)  # the rest is over, and nobody has waited for it
        await asyncio.gather(*(attempt(circuit, came, up=True, takes_s=2) for _ in range(3)))
        return came

    assert run(play()) == [5, 7, 7]


def test_patience_is_lost_once_when_probes_are_still_lost_after_ten_minutes():
    async def play() -> list[float]:
        lost_at: list[float] = []
        circuit = Circuit(on_patience_lost=lambda: lost_at.append(now_s()))
        for _ in range(30):
            await attempt(circuit, [], up=False)
        return lost_at

    assert run(play()) == [603]


def test_it_is_told_how_long_probes_are_still_sent():
    async def body() -> None:
        circuit = await opened()
        await asyncio.sleep(240)
        assert circuit.gives_up_in_s == pytest.approx(360)
        circuit.replied()
        assert circuit.gives_up_in_s == 600
        for _ in range(30):
            await attempt(circuit, [], up=False)
        assert circuit.gives_up_in_s == 0

    run(body())


def test_patience_begins_anew_after_a_reply():
    async def play() -> list[float]:
        lost_at: list[float] = []
        circuit = Circuit(on_patience_lost=lambda: lost_at.append(now_s()))
        for _ in range(4):
            for up in [False] * 10 + [True]:
                await attempt(circuit, [], up=up)
            await asyncio.sleep(300)
        return lost_at

    assert run(play()) == []


def test_a_probe_that_is_answered_lets_everybody_go():
    async def play() -> list[float]:
        circuit, came = await opened(), []
        await asyncio.gather(*(attempt(circuit, came, up=True, takes_s=2) for _ in range(50)))
        return came

    assert run(play()) == [1.0] + [3.0] * 49


def test_a_reply_to_a_call_from_before_closes_the_circuit_too():
    async def play() -> list[float]:
        circuit = Circuit()
        early = asyncio.create_task(attempt(circuit, [], up=True, takes_s=0.5))
        await asyncio.sleep(0)
        for _ in range(5):
            await attempt(circuit, [], up=False)
        came: list[float] = []
        await attempt(circuit, came, up=True)
        await early
        return came

    assert run(play()) == [0.5]


def test_stragglers_lost_while_it_is_open_do_not_lengthen_the_rest():
    async def play() -> list[float]:
        circuit = Circuit()
        await asyncio.gather(*(attempt(circuit, [], up=False, takes_s=k / 100) for k in range(40)))
        came: list[float] = []
        await attempt(circuit, came, up=True)
        return came

    assert run(play()) == [pytest.approx(1.04)], "1 s after the fifth"


def test_after_it_closed_the_first_rest_is_short_again():
    async def play() -> float:
        circuit = await opened()
        for up in (False, False, True):
            await attempt(circuit, [], up=up)
        for _ in range(5):
            await attempt(circuit, [], up=False)
        before_s = now_s()
        await attempt(circuit, [], up=True)
        return now_s() - before_s

    assert run(play()) == pytest.approx(1)


def test_a_probe_that_says_nothing_or_is_cancelled_hands_over_to_the_next():
    async def play() -> list[float]:
        circuit, came, rng = await opened(), [], random.Random(2)

        async def silent() -> None:
            async with circuit.call():
                await asyncio.sleep(rng.uniform(0, 0.1))

        tasks = [asyncio.create_task(silent()) for _ in range(100)]
        await asyncio.sleep(1.05)
        for task in rng.sample(tasks, 50):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await attempt(circuit, came, up=True)
        return came

    assert run(play())[0] < 1 + 0.1 * 100


def test_a_closed_circuit_turns_away_who_waits_and_who_comes():
    async def play() -> list[type]:
        circuit = await opened()
        waiting = asyncio.create_task(attempt(circuit, [], up=True))
        await asyncio.sleep(0)
        circuit.close(lambda: KeyError("closed"))
        results = await asyncio.gather(waiting, attempt(circuit, [], up=True), return_exceptions=True)
        return [type(result) for result in results]

    assert run(play()) == [KeyError, KeyError]
