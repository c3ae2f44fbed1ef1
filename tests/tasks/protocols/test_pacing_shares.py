import asyncio
import random

import pytest

from tasks.protocols.limits import Limit, Share
from tests.support.busiest_window import busiest_window
from tests.support.virtual_time import run
from tests.tasks.protocols.pacing_rig import Gateway, pacer_of, rate_per_s, rows


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
