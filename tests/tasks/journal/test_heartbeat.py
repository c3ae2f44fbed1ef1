import asyncio
import threading

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


class InThread(MemoryStore):
    """Puts in a thread, as a folder does: it goes on when who waits for it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.may_end, self.ended = threading.Event(), threading.Event(), threading.Event()

    async def put(self, key: str, body: bytes) -> None:
        def work() -> None:
            self.began.set()
            self.may_end.wait(5)
            asyncio.run(MemoryStore.put(self, key, body))
            self.ended.set()

        await asyncio.to_thread(work)


async def test_a_counter_that_is_just_being_put_at_the_end_does_not_come_after_its_removal() -> None:
    store = InThread()
    async with Heartbeat(store, samples.owner("t1")):
        assert await asyncio.to_thread(store.began.wait, 5)
        asyncio.get_running_loop().call_later(0.05, store.may_end.set)
    assert await asyncio.to_thread(store.ended.wait, 5)
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
