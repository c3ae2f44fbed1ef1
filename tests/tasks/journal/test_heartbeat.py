import asyncio

from tasks.journal.heartbeat import Heartbeat
from tasks.journal.ports import Timing
from tasks.storage.memory import MemoryStore
from tests.tasks.journal import samples
from tests.tasks.journal.conftest import QUICK, Place

NAME = "journal/heartbeats/t1"


async def test_a_run_raises_its_counter_and_removes_it_at_the_end() -> None:
    store = MemoryStore()
    async with Heartbeat(store, samples.owner("t1"), timing=Timing(takeover_s=0.05)):
        await asyncio.sleep(0.1)
        assert int(await store.get(NAME)) > 1
    assert await store.list("journal/heartbeats/") == []


async def test_an_owner_that_only_beats_is_not_taken_for_dead(place: Place) -> None:
    async with Heartbeat(place.store, samples.owner("t1"), timing=QUICK):
        await place.open("t1")
        waiting = asyncio.create_task(place.open("t2"))
        await asyncio.sleep(3 * QUICK.takeover_s)
        assert not waiting.done()
    second = await waiting
    assert second.waited_s > 3 * QUICK.takeover_s


async def test_counters_left_behind_long_ago_are_removed_and_recent_ones_stay() -> None:
    now = [0.0]
    store = MemoryStore(clock=lambda: now[0])
    await store.put("journal/heartbeats/ancient", b"1")
    now[0] = 8 * 86_400.0
    await store.put("journal/heartbeats/recent", b"1")
    async with Heartbeat(store, samples.owner("t1")):
        names = {each.key for each in await store.list("journal/heartbeats/")}
        assert "journal/heartbeats/ancient" not in names
        assert "journal/heartbeats/recent" in names
