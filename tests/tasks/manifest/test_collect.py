"""Garbage collection: old and unnamed things go, everything a kept commit names stays."""

import pytest

from tasks.manifest.collect import collect_garbage
from tasks.manifest.commits import commit_key, from_json, newest_commit
from tasks.manifest.parts import encode, snapshot
from tasks.manifest.publish import commit_partitions, publish
from tasks.storage.memory import MemoryStore
from tests.tasks.manifest.story import Story

DAY_S = 86_400.0


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def history(days: int) -> tuple[MemoryStore, Clock]:
    """One commit a day, each with a new part of partition 0; partition 1 never changes."""
    clock = Clock()
    store, story = MemoryStore(clock=clock), Story()
    await commit_partitions(store, {1: Story().want("still").fold}, run_id="r", final=False)
    for day in range(days):
        clock.now += DAY_S
        await commit_partitions(store, {0: story.want(f"r{day}").fold}, run_id="r", final=False)
    return store, clock


async def assert_whole(store) -> None:
    for info in await store.list("manifest/commits/"):
        commit = from_json(await store.get(info.key))
        for file in (*commit.files, *commit.call_files):
            assert await store.head(file.key) is not None, f"{info.key} names {file.key}"


async def test_old_commits_and_their_parts_go_and_the_rest_stays_whole():
    store, _ = await history(30)
    gone = await collect_garbage(store, keep_commits=3)
    assert len(gone.commits) == 23
    assert len(gone.parts) == 2 * 22  # the still partition's part is named by every commit
    assert gone.size_bytes > 0
    assert len(await store.list("manifest/commits/")) == 8  # those of the last seven days
    await assert_whole(store)


async def test_the_newest_commits_stay_whatever_their_age():
    store, clock = await history(30)
    clock.now += 400 * DAY_S
    await store.put("manifest/parts/99-new.parquet", b"")
    gone = await collect_garbage(store, keep_commits=20)
    assert len(gone.commits) == 11
    assert len(await store.list("manifest/commits/")) == 20
    await assert_whole(store)


async def test_nothing_younger_than_the_grace_goes():
    store, _ = await history(6)
    before = await store.list("")
    assert (await collect_garbage(store, keep_commits=1)).commits == ()
    assert await store.list("") == before


async def test_a_dry_run_removes_nothing():
    store, _ = await history(30)
    before = await store.list("")
    would = await collect_garbage(store, keep_commits=3, dry_run=True)
    assert await store.list("") == before
    assert await collect_garbage(store, keep_commits=3) == would


async def test_a_part_that_no_commit_ever_named_goes_when_it_is_old():
    store, clock = await history(1)
    lost = await publish(store, 5, Story().want("lost race").fold)
    clock.now += 8 * DAY_S
    await commit_partitions(store, {0: Story().want("a").want("b").want("c").fold}, run_id="r", final=False)
    gone = await collect_garbage(store)
    assert set(gone.parts) == {lost.rows.key, lost.calls.key}


async def test_a_part_made_again_while_it_is_collected_survives():
    store, clock = await history(1)
    story = Story().want("lost race")
    lost = await publish(store, 5, story.fold)
    clock.now += 8 * DAY_S
    await commit_partitions(store, {0: Story().want("a").want("b").want("c").fold}, run_id="r", final=False)

    class Meanwhile(MemoryStore):
        async def head(self, key: str):
            if key == lost.rows.key:
                await publish(store, 5, story.fold)
            return await store.head(key)

        get, list, delete = store.get, store.list, store.delete

    assert lost.rows.key not in (await collect_garbage(Meanwhile())).parts
    assert await store.head(lost.rows.key) is not None


async def test_nothing_goes_if_a_commit_that_stays_cannot_be_read():
    store, _ = await history(30)
    newest = await newest_commit(store)
    assert newest is not None
    await store.put(commit_key(newest.n - 1), b"torn")
    before = await store.list("")
    assert await collect_garbage(store, keep_commits=3) == await collect_garbage(store, keep_commits=3, dry_run=True)
    assert await store.list("") == before


async def test_images_and_journal_are_never_touched():
    store, _ = await history(30)
    for key in ("images/ab/abc.png", "journal/00/0000000001.jsonl", "manifest.parquet"):
        await store.put(key, b"x")
    gone = await collect_garbage(store, keep_commits=1, grace_s=0)
    assert all(
        key.startswith(("manifest/parts/", "manifest/calls/", "manifest/commits/"))
        for key in (*gone.commits, *gone.parts)
    )
    assert len(await store.list("images/")) == len(await store.list("journal/")) == 1


@pytest.mark.parametrize("keep", [0, 1])
async def test_the_newest_commit_always_stays(keep):
    store, _ = await history(3)
    await collect_garbage(store, keep_commits=keep, grace_s=0)
    newest = await newest_commit(store)
    assert newest is not None
    assert newest.totals.rows == 4
    assert encode(snapshot(Story().want("still").fold, 1)).entry == newest.parts[1]
    await assert_whole(store)
