"""Partitions open one by one, and more of them when they are too small to keep the limits full."""

import asyncio
from contextlib import AsyncExitStack

from tasks.engine.shared.gate import PartitionGate


async def opened_at_once(gate: PartitionGate, rows: list[int]) -> int:
    """How many of these partitions get in before any of their rows is done."""
    inside = 0

    async def one(count: int) -> None:
        nonlocal inside
        async with gate.open(count):
            inside += 1
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(one(count)) for count in rows]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return inside


async def test_large_partitions_open_one_at_a_time() -> None:
    assert await opened_at_once(PartitionGate(32), [500] * 16) == 1


async def test_small_partitions_open_until_their_rows_fill_the_limits() -> None:
    assert await opened_at_once(PartitionGate(32), [2] * 100) == 16


async def test_the_next_partition_opens_as_rows_end_and_not_only_when_a_partition_does() -> None:
    gate = PartitionGate(10)
    async with AsyncExitStack() as held:
        places = [await held.enter_async_context(gate.open(5)) for _ in range(2)]
        waiting = asyncio.create_task(held.enter_async_context(gate.open(5)))
        await asyncio.sleep(0)
        assert not waiting.done()
        for place in places:
            for _ in range(3):
                place.row_done()
        await asyncio.wait_for(waiting, 1)


async def test_rows_that_end_together_let_in_one_large_partition_and_not_one_each() -> None:
    gate, inside = PartitionGate(10), 0

    async def one() -> None:
        nonlocal inside
        async with gate.open(500):
            inside += 1
            await asyncio.Event().wait()

    async with AsyncExitStack() as held:
        places = [await held.enter_async_context(gate.open(9)) for _ in range(2)]
        waiting = [asyncio.create_task(one()) for _ in range(12)]
        await asyncio.sleep(0)
        for place in places:
            for _ in range(8):
                place.row_done()
        await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert inside == 1


async def test_a_cancelled_wait_gives_its_place_to_the_next() -> None:
    gate = PartitionGate(1)
    async with gate.open(9):
        first, second = (asyncio.create_task(gate.open(1).__aenter__()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
    await asyncio.wait_for(second, 1)
