"""Rebuild: the manifest is a pure function of the journal, and any damage to it is repaired."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.manifest.alias import MANIFEST, AliasWriter, shown_commit
from tasks.manifest.commits import commit_key, newest_commit
from tasks.manifest.publish import commit_partitions
from tasks.manifest.rebuild import rebuild_manifest
from tasks.manifest.verify import verify_dataset
from tasks.storage.memory import MemoryStore
from tests.tasks.manifest.story import Story, finished_fold


def journal():
    return {p: finished_fold(3, p) for p in range(3)}


async def each(folds):
    for partition, fold in folds.items():
        yield partition, fold


async def dataset() -> MemoryStore:
    store = MemoryStore()
    await AliasWriter(store).flush(await commit_partitions(store, journal(), run_id="r", final=True))
    return store


async def files(store) -> dict[str, bytes]:
    return {
        info.key: await store.get(info.key) for info in await store.list("manifest/") if info.key.endswith("parquet")
    }


async def test_an_undamaged_manifest_is_rebuilt_byte_for_byte():
    store = await dataset()
    before = await files(store)
    rebuilt = await rebuild_manifest(store, each(journal()), run_id="fix")
    assert await files(store) == before
    assert (rebuilt.differing, rebuilt.behind, rebuilt.commit.n, rebuilt.commit.final) == ((), (), 2, True)


async def test_a_manifest_that_is_gone_comes_back_byte_for_byte():
    store, fresh = await dataset(), MemoryStore()
    rebuilt = await rebuild_manifest(fresh, journal(), run_id="fix")
    assert await files(fresh) == {k: v for k, v in (await files(store)).items() if k.startswith("manifest/")}
    assert (rebuilt.commit.n, rebuilt.behind) == (1, (0, 1, 2))


async def test_a_wrong_part_is_replaced_and_named():
    store = await dataset()
    wrong = Story().want("wrong").fold
    wrong.through = journal()[1].through
    await rebuild_manifest(store, {1: wrong}, run_id="vandal")
    rebuilt = await rebuild_manifest(store, journal(), run_id="fix")
    assert rebuilt.differing == (1,)
    assert rebuilt.commit.totals.rows == 9


@pytest.mark.parametrize("body", [None, b"", b"{torn"])
async def test_torn_objects_are_whole_again_after_a_rebuild(body):
    store = await dataset()
    commit = await newest_commit(store)
    for key in (commit.files[0].key, commit.call_files[2].key, MANIFEST, commit_key(1)):
        await (store.delete(key) if body is None else store.put(key, body))
    rebuilt = await rebuild_manifest(store, journal(), run_id="fix")
    await AliasWriter(store).flush(rebuilt.commit)
    report = await verify_dataset(store)
    assert [f for f in report.findings if not f.key.startswith("images/")] == []
    assert pq.read_table(pa.BufferReader(await store.get(MANIFEST))).num_rows == 9
    assert shown_commit(await store.get(MANIFEST)) == rebuilt.commit.n


async def test_the_alias_is_replaced_even_if_every_commit_was_lost():
    store = await dataset()
    for rows in (4, 5):
        last = await commit_partitions(store, {0: finished_fold(rows, 0)}, run_id="r", final=True)
        await AliasWriter(store).flush(last)
    for info in await store.list("manifest/commits/"):
        await store.delete(info.key)
    rebuilt = await rebuild_manifest(store, journal(), run_id="fix")
    await AliasWriter(store).flush(rebuilt.commit)
    assert shown_commit(await store.get(MANIFEST)) == rebuilt.commit.n == 4


async def test_a_partition_that_has_moved_on_meanwhile_is_not_put_back():
    store, old = await dataset(), journal()
    await commit_partitions(store, {0: finished_fold(8, 0)}, run_id="live", final=False)
    rebuilt = await rebuild_manifest(store, old, run_id="fix")
    assert rebuilt.commit.parts[0].rows.rows == 8
    assert rebuilt.behind == (0,)
