from collections import Counter

from tasks.journal.codec import Header, encode_event, encode_segment
from tasks.journal.driver import AsyncioRuntime
from tasks.journal.events import Closed
from tasks.journal.loading import READ_AT_ONCE, load_newest
from tasks.journal.names import segment_name
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Listed, Timing
from tasks.journal.rules import Rules
from tasks.storage.memory import MemoryStore
from tasks.storage.store import ObjectInfo
from tests.tasks.journal import samples


class Counting(MemoryStore):
    """Counts how often each object is read."""

    def __init__(self) -> None:
        super().__init__("counting")
        self.read: Counter[str] = Counter()

    async def get(self, key: str) -> bytes:
        self.read[key] += 1
        return await super().get(key)


async def written(count: int, *, closed: bool) -> Counting:
    store = Counting()
    for seq in range(1, count + 1):
        header = Header(seq=seq, nonce=f"n{seq}", checkpoint=0, at=samples.AT, owner=samples.owner())
        last = [Closed(at=samples.AT, owner_token="t1")] if closed and seq == count else [samples.intent(seq)]
        await store.put(segment_name("00", seq), encode_segment(header, [encode_event(event) for event in last]))
    return store


async def test_every_segment_is_read_once_however_many_there_are() -> None:
    store = await written(3 * READ_AT_ONCE + 2, closed=False)
    runtime = AsyncioRuntime()
    loaded = await load_newest(PatientStore(store, runtime, Timing()), runtime, "00")
    assert set(store.read.values()) == {1}
    assert len(store.read) == loaded.fold.through == 3 * READ_AT_ONCE + 2
    assert len(loaded.fold.keys[samples.KEY].attempts) == 3 * READ_AT_ONCE + 2


async def test_who_has_not_let_go_of_a_partition_is_named() -> None:
    runtime = AsyncioRuntime()
    for closed, owner in ((False, samples.owner()), (True, None)):
        patient = PatientStore(await written(3, closed=closed), runtime, Timing())
        assert (await load_newest(patient, runtime, "00")).owner == owner


def test_nothing_is_deleted_below_a_checkpoint_that_is_not_there_any_more() -> None:
    rules = Rules(Timing(grace_s=10.0))
    listed: list[Listed] = [
        ObjectInfo(key=segment_name("00", seq), size_bytes=1, etag="e", modified_at=100.0 * seq) for seq in (1, 2, 4)
    ]
    assert rules.deletable(listed, 3) == []
    assert rules.deletable(listed, 2) == [segment_name("00", 1)]
    assert rules.deletable(listed, 4) == []
