"""The plain files for any reader: replaced whole, forwards only, not too often."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.manifest.alias import CALLS, MANIFEST, AliasWriter, Cadence, shown_commit, write_alias
from tasks.manifest.commits import newest_commit
from tasks.manifest.parts import GROUP_ROWS
from tasks.manifest.publish import commit_partitions
from tasks.manifest.schema import CALL_SCHEMA, MANIFEST_SCHEMA
from tasks.storage.memory import MemoryStore
from tests.tasks.manifest.story import Story, finished_fold


async def commit_rows(store, *rows: str, final: bool = False):
    story = Story()
    for row in rows:
        story.bought(row)
    return await commit_partitions(store, {0: story.fold}, run_id="r", final=final)


async def alias(store, key: str = MANIFEST) -> pa.Table:
    return pq.read_table(pa.BufferReader(await store.get(key)))


async def test_both_aliases_show_the_commit_with_the_contracts_columns():
    store = MemoryStore()
    folds = {0: finished_fold(3, 0), 2: finished_fold(4, 2)}
    commit = await commit_partitions(store, folds, run_id="r", final=True)
    await AliasWriter(store).flush(commit)
    table, calls = await alias(store), await alias(store, CALLS)
    assert table.schema.equals(MANIFEST_SCHEMA)
    assert calls.schema.equals(CALL_SCHEMA)
    assert (table.num_rows, calls.num_rows) == (7, 7)
    assert table["manifest_commit"].unique().to_pylist() == [1]
    assert {shown_commit(await store.get(key)) for key in (MANIFEST, CALLS)} == {1}


async def test_free_memory_is_given_back_between_rendering_and_joining_and_after_each_file():
    happened: list[str] = []

    class Telling(MemoryStore):
        async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
            happened.append(key)
            return await super().replace(key, body, etag=etag)

    store = Telling()
    commit = await commit_rows(store, "a")
    happened.clear()
    await AliasWriter(store, tidy=lambda: happened.append("tidy")).flush(commit)
    assert happened == ["tidy", MANIFEST, "tidy", "tidy", CALLS, "tidy"]


async def test_where_the_disk_has_no_room_for_a_copy_it_is_made_in_memory(monkeypatch):
    full = []

    def no_room(**_: str):
        full.append(Path("/dev/full").open("w+b"))  # noqa: SIM115 - the writer closes it
        return full[-1]

    monkeypatch.setattr("tasks.manifest.alias.TemporaryFile", no_room)
    store = MemoryStore()
    await write_alias(store, MANIFEST, await commit_rows(store, "a"))
    assert (await alias(store)).num_rows == 1
    assert len(full) == 1


async def test_rows_of_small_parts_share_row_groups():
    store = MemoryStore()
    folds = {p: finished_fold(3, p) for p in range(16)}
    await write_alias(store, MANIFEST, await commit_partitions(store, folds, run_id="r", final=True))
    assert pq.read_metadata(pa.BufferReader(await store.get(MANIFEST))).num_row_groups == 1
    assert GROUP_ROWS >= 48


async def test_an_older_commit_never_replaces_a_newer_one():
    store = MemoryStore()
    older = await commit_rows(store, "a")
    newer = await commit_rows(store, "a", "b")
    assert await write_alias(store, MANIFEST, newer)
    assert not await write_alias(store, MANIFEST, older)
    assert (await alias(store)).num_rows == 2


async def test_a_writer_that_loses_the_race_looks_again():
    class Racing(MemoryStore):
        rival = None

        async def get(self, key: str) -> bytes:
            if self.rival is not None and key.startswith("manifest/parts/"):  # after the look, before the replacement
                rival, self.rival = self.rival, None
                await write_alias(self, MANIFEST, rival)
            return await super().get(key)

    store = Racing()
    await write_alias(store, MANIFEST, await commit_rows(store, "a"))
    older = await commit_rows(store, "a", "b")
    store.rival = await commit_rows(store, "a", "b", "c")
    assert not await write_alias(store, MANIFEST, older)
    assert shown_commit(await store.get(MANIFEST)) == 3


@pytest.mark.parametrize("landed", [True, False])
async def test_a_lost_reply_is_looked_up(landed):
    class Unclear(MemoryStore):
        asked = 0

        async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
            self.asked += key == MANIFEST
            if self.asked == 1 and key == MANIFEST:
                if landed:
                    await super().replace(key, body, etag=etag)
                raise TimeoutError(key)
            return await super().replace(key, body, etag=etag)

    store = Unclear()
    await write_alias(store, MANIFEST, await commit_rows(store, "a"))
    assert (shown_commit(await store.get(MANIFEST)), store.asked) == (1, 1 if landed else 2)


@pytest.mark.parametrize("body", [b"", b"PAR1 torn", b"id,prompt\n"])
async def test_a_file_that_is_not_ours_is_replaced(body):
    store = MemoryStore()
    await store.put(MANIFEST, body)
    assert await write_alias(store, MANIFEST, await commit_rows(store, "a"))
    assert (await alias(store)).num_rows == 1


async def test_a_commit_whose_parts_were_collected_gives_way_to_the_newest():
    store = MemoryStore()
    older = await commit_rows(store, "a")
    await commit_rows(store, "a", "b")
    await store.delete(older.files[0].key)
    assert await write_alias(store, MANIFEST, older)
    assert shown_commit(await store.get(MANIFEST)) == 2


async def test_a_missing_part_of_the_newest_commit_is_an_error():
    store = MemoryStore()
    commit = await commit_rows(store, "a")
    await store.delete(commit.files[0].key)
    with pytest.raises(FileNotFoundError):
        await write_alias(store, MANIFEST, commit)


async def test_the_alias_of_an_empty_dataset_has_its_columns():
    store = MemoryStore()
    await AliasWriter(store).flush(await commit_partitions(store, {}, run_id="r", final=True))
    assert (await alias(store)).schema.equals(MANIFEST_SCHEMA)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("took_s", "pause_s"), [(0.1, 30.0), (3.0, 30.0), (8.0, 80.0)])
def test_the_cadence_is_thirty_seconds_or_ten_times_the_work(took_s, pause_s):
    clock = Clock()
    cadence = Cadence(clock=clock)
    assert cadence.due()
    with cadence:
        clock.now += took_s
    clock.now += pause_s - 0.001
    assert not cadence.due()
    clock.now += 0.002
    assert cadence.due()


async def test_offers_in_between_are_declined_and_the_end_is_not():
    store, clock = MemoryStore(), Clock()
    writer = AliasWriter(store, cadence=Cadence(clock=clock))
    assert await writer.offer(await commit_rows(store, "a"))
    assert not await writer.offer(await commit_rows(store, "a", "b"))
    assert shown_commit(await store.get(MANIFEST)) == 1
    clock.now += 31
    assert await writer.offer(await commit_rows(store, "a", "b", "c"))
    await writer.flush(await commit_rows(store, "a", "b", "c", "d"))
    newest = await newest_commit(store)
    assert newest is not None
    assert shown_commit(await store.get(MANIFEST)) == newest.n == 4
