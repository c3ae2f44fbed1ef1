from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.journal import events as ev
from tasks.journal.dataset import Dataset, open_dataset
from tasks.journal.partition import PartitionJournal, open_partition
from tasks.journal.ports import Result, Timing
from tasks.journal.spool import LocalSpool
from tasks.storage.memory import MemoryStore
from tests.tasks.journal import samples

QUICK = Timing(takeover_s=0.3, poll_s=0.05, patience_s=0.2, pause_s=0.005, max_pause_s=0.02, spacing_s=0.0)


async def settle(intent: ev.Intent, blob: bytes) -> Result:
    """A gateway whose answers say how they are to be understood."""
    if blob.startswith(b"unknown"):
        return samples.unknown(intent, "malformed_reply")
    if blob.startswith(b"no"):
        return samples.rejected(intent, final=True)
    return samples.answered(intent, text=blob.decode())


def replying(blob: bytes) -> Callable[[], Awaitable[bytes]]:
    async def post() -> bytes:
        return blob

    return post


class Place:
    """A dataset with one partition, a host with its spool, and processes that come and go."""

    def __init__(self, store: MemoryStore, dataset: Dataset, spool: LocalSpool) -> None:
        self.store, self.dataset, self.spool = store, dataset, spool

    async def open(self, token: str = "t1", **options: Any) -> PartitionJournal:
        owned = await self.maybe_open(token, **options)
        assert owned is not None
        return owned

    async def maybe_open(self, token: str = "t1", *, store: Any = None, **options: Any) -> PartitionJournal | None:
        filled = {"spool": self.spool, "settle": settle, "timing": QUICK, **options}
        return await open_partition(store or self.store, self.dataset, 0, samples.owner(token), **filled)

    async def late(self) -> list[str]:
        return [each.key for each in await self.store.list("journal/00/late/")]

    async def spooled(self) -> int:
        return len(await self.spool.answers())


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    store = MemoryStore("dataset")
    dataset = await open_dataset(store, partitions=1, create=True)
    return Place(store, dataset, LocalSpool(store.uri, tmp_path / "spool"))
