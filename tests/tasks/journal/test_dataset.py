import asyncio

import orjson
import pytest

from tasks.journal.dataset import open_dataset
from tasks.journal.errors import DatasetProblem
from tasks.journal.inspect import load_all, tails
from tasks.journal.partition import open_partition
from tasks.storage.memory import MemoryStore
from tests.tasks.journal import samples
from tests.tasks.journal.conftest import Place, settle


async def test_a_dataset_keeps_what_it_was_created_with() -> None:
    store = MemoryStore()
    made = await open_dataset(store, partitions=4, create=True)
    assert (made.partitions, made.layout) == (4, 1)
    assert made.partition_names == ["00", "01", "02", "03"]
    assert await open_dataset(store, create=False) == made
    assert await open_dataset(store, create=True) == made
    assert await open_dataset(store, partitions=4, create=True) == made


async def test_sixteen_partitions_unless_asked_otherwise() -> None:
    assert (await open_dataset(MemoryStore(), create=True)).partitions == 16


async def test_all_who_create_at_once_get_the_same_dataset() -> None:
    store = MemoryStore()
    made = await asyncio.gather(*(open_dataset(store, create=True) for _ in range(5)))
    assert len({each.id for each in made}) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "no dataset here"),
        (b"{", "cannot be read"),
        (orjson.dumps({"layout": 1}), "cannot be read"),
        (orjson.dumps({"layout": 2}), "use a newer one"),
        (orjson.dumps({"layout": 0}), "older layout 0"),
    ],
)
async def test_what_is_no_dataset_of_this_layout_is_refused_with_a_reason(body: bytes | None, words: str) -> None:
    store = MemoryStore()
    if body is not None:
        await store.put("dataset.json", body)
    with pytest.raises(DatasetProblem, match=words):
        await open_dataset(store, create=False)


async def test_another_number_of_partitions_is_refused() -> None:
    store = MemoryStore()
    await open_dataset(store, partitions=4, create=True)
    with pytest.raises(DatasetProblem, match="has 4 partitions"):
        await open_dataset(store, partitions=8, create=True)
    with pytest.raises(DatasetProblem, match="between 1 and"):
        await open_dataset(store, partitions=0, create=True)


async def test_a_journal_without_its_dataset_file_is_not_made_anew(place: Place) -> None:
    await place.open()
    await place.store.delete("dataset.json")
    with pytest.raises(DatasetProblem, match="damaged"):
        await open_dataset(place.store, create=True)


async def test_tails_and_folds_of_all_partitions_are_read_without_owning_them(place: Place) -> None:
    store = MemoryStore()
    dataset = await open_dataset(store, partitions=3, create=True)
    owned = await open_partition(store, dataset, 1, samples.owner(), spool=place.spool, settle=settle)
    assert owned is not None
    await owned.append(samples.wanted())
    assert await tails(store, dataset) == {0: 0, 1: 2, 2: 0}
    folds = {index: fold async for index, fold in load_all(store, dataset)}
    assert {index: len(fold.wants) for index, fold in folds.items()} == {0: 0, 1: 1, 2: 0}
    assert folds[1].through == 2
