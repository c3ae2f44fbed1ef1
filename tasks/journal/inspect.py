"""Reading a dataset's journal without owning it: for status, plan, rebuild and verify."""

from collections.abc import AsyncIterator

from tasks.journal.dataset import Dataset, partition_name
from tasks.journal.driver import AsyncioRuntime, patient
from tasks.journal.events import Owner
from tasks.journal.fold import Fold
from tasks.journal.loading import Loaded, load_newest, newest_segment, segment_seq
from tasks.journal.names import AnswerId, late_answer, late_prefix, partition_prefix, segments_prefix
from tasks.journal.ports import Store


async def load_partition(store: Store, partition: str) -> Loaded:
    """The partition called ``partition`` ("07") as of now."""
    return await load_newest(patient(store), AsyncioRuntime(), partition)


async def load_fold(store: Store, partition: str) -> Fold:
    """The state of a partition as of now."""
    return (await load_partition(store, partition)).fold


async def owner_of(store: Store, partition: str) -> Owner | None:
    """Who has not let go of the partition, alive or not; from its newest segment alone."""
    tail = await newest_segment(patient(store), partition)
    return None if tail is None or tail.closed else tail.header.owner


async def load_all(store: Store, dataset: Dataset) -> AsyncIterator[tuple[int, Fold]]:
    """(index, state) of one partition after the other, so that only one is in memory."""
    for index in range(dataset.partitions):
        yield index, await load_fold(store, partition_name(index, dataset.partitions))


async def tails(store: Store, dataset: Dataset) -> dict[int, int]:
    """The newest segment number of each partition, 0 if it has none; from listings alone."""
    return (await tails_and_late(store, dataset))[0]


async def tails_and_late(store: Store, dataset: Dataset) -> tuple[dict[int, int], list[AnswerId]]:
    """The same, and the late answers that no journal has yet; it is one listing for both."""
    steady, runtime = patient(store), AsyncioRuntime()
    listings = await runtime.gather([steady.list(partition_prefix(name)) for name in dataset.partition_names])
    found: dict[int, int] = {}
    late: list[AnswerId] = []
    for index, (name, listed) in enumerate(zip(dataset.partition_names, listings, strict=True)):
        keys = [each.key for each in listed]
        found[index] = max((segment_seq(key) for key in keys if key.startswith(segments_prefix(name))), default=0)
        late += [late_answer(key) for key in keys if key.startswith(late_prefix(name))]
    return found, late
