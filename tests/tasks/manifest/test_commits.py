"""Commits under races, lost replies and late writes: no partition ever goes back, and nothing is half there."""

import asyncio

import pytest

from tasks.manifest.commits import (
    BadCommit,
    commit_entries,
    commit_key,
    commit_number,
    from_json,
    newest_commit,
    to_json,
)
from tasks.manifest.parts import encode, snapshot
from tasks.manifest.publish import commit_partitions
from tasks.storage.local import LocalStore
from tasks.storage.memory import MemoryStore
from tests.tasks.manifest.story import Story, finished_fold


def entry(partition: int, through: int):
    story = Story().bought(f"p{partition}")
    story.fold.through = through
    return encode(snapshot(story.fold, partition)).entry


class Troubled(MemoryStore):
    """A store whose creates of commits go wrong as told: one word per create, then all goes well."""

    def __init__(self, *troubles: str) -> None:
        super().__init__()
        self.troubles = list(troubles)
        self.late: list[tuple[str, bytes]] = []
        self.bodies: list[bytes] = []

    async def create(self, key: str, body: bytes) -> bool:
        if commit_number(key) is None:
            return await super().create(key, body)
        self.bodies.append(body)
        for held in self.late:
            await super().create(*held)
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "conflict with nothing":
            return False
        if trouble == "lost request":
            raise TimeoutError(key)
        if trouble == "late":
            self.late.append((key, body))
            raise TimeoutError(key)
        won = await super().create(key, body)
        if trouble == "lost reply":
            raise TimeoutError(key)
        return won and trouble != "conflict with itself"


async def test_a_commit_survives_the_way_to_its_file_and_back():
    commit = await commit_entries(MemoryStore(), [entry(0, 3), entry(5, 9)], run_id="r", final=True)
    assert from_json(to_json(commit)) == commit
    assert (commit.n, commit.final, commit.through, commit.totals.rows) == (1, True, {0: 3, 5: 9}, 2)


async def test_nothing_new_makes_no_commit():
    store = MemoryStore()
    folds = {0: finished_fold(2)}
    first = await commit_partitions(store, folds, run_id="r", final=False)
    writes = len(await store.list(""))
    assert await commit_partitions(store, folds, run_id="r", final=False) == first
    assert len(await store.list("")) == writes


async def test_the_end_of_a_run_is_said_even_if_nothing_is_new():
    store = MemoryStore()
    folds = {0: finished_fold(2)}
    await commit_partitions(store, folds, run_id="r", final=False)
    last = await commit_partitions(store, folds, run_id="r", final=True)
    assert (last.n, last.final) == (2, True)
    assert (await commit_partitions(store, folds, run_id="r", final=True)).n == 2


async def test_only_partitions_that_moved_are_written_again():
    store = MemoryStore()
    folds = {0: finished_fold(2, 0), 1: finished_fold(2, 1)}
    before = await commit_partitions(store, folds, run_id="r", final=False)
    folds[1] = finished_fold(3, 1)
    after = await commit_partitions(store, folds, run_id="r", final=False)
    assert after.parts[0] == before.parts[0]
    assert (after.parts[1].rows.rows, after.totals.rows) == (3, 5)


async def test_an_empty_dataset_can_be_committed():
    commit = await commit_partitions(MemoryStore(), {}, run_id="r", final=True)
    assert (commit.n, commit.totals.rows, commit.parts) == (1, 0, {})


async def test_a_partition_never_goes_back():
    store = MemoryStore()
    await commit_entries(store, [entry(0, 5)], run_id="new", final=False)
    commit = await commit_entries(store, [entry(0, 4), entry(1, 1)], run_id="slow", final=False)
    assert commit.through == {0: 5, 1: 1}


@pytest.mark.parametrize("kind", ["memory", "local"])
async def test_of_racing_commits_each_finds_its_place(kind, tmp_path):
    store = MemoryStore() if kind == "memory" else LocalStore(tmp_path)
    writers = 8
    commits = await asyncio.gather(
        *(commit_entries(store, [entry(p, 1)], run_id=f"r{p}", final=False) for p in range(writers))
    )
    newest = await newest_commit(store)
    assert newest is not None
    assert newest.through == dict.fromkeys(range(writers), 1)
    assert all(commit.parts[p] == newest.parts[p] for p, commit in enumerate(commits))
    for n in range(2, newest.n + 1):
        older, newer = [from_json(await store.get(commit_key(k))) for k in (n - 1, n)]
        assert older.parts.items() <= newer.parts.items()


TROUBLES = ["lost reply", "lost request", "conflict with itself", "conflict with nothing", "late"]


@pytest.mark.parametrize("first", TROUBLES)
@pytest.mark.parametrize("second", ["", "late"])
@pytest.mark.parametrize("rebuilt", [False, True])
async def test_an_unclear_write_is_tried_again_with_the_same_bytes_until_it_is_decided(first, second, rebuilt):
    store = Troubled(first, second)
    commit = await commit_entries(store, [entry(0, 1)], run_id="r", final=False, rebuilt=rebuilt)
    assert (commit.n, len(set(store.bodies))) == (1, 1)
    assert await newest_commit(store) == commit


async def test_a_number_won_by_another_while_the_reply_was_lost_is_left_to_it():
    class Overtaken(Troubled):
        async def create(self, key: str, body: bytes) -> bool:
            if self.troubles == ["overtaken"]:
                self.troubles.clear()
                await commit_entries(self, [entry(1, 7)], run_id="other", final=False)
                raise TimeoutError(key)
            return await super().create(key, body)

    store = Overtaken("overtaken")
    commit = await commit_entries(store, [entry(0, 1)], run_id="r", final=False)
    assert (commit.n, commit.through) == (2, {0: 1, 1: 7})


async def test_a_win_below_newer_commits_does_not_count():
    # A writer slept while numbers 2 and 3 were made and 2 was collected: its number 2 is free again, and worthless.
    class Asleep(MemoryStore):
        woken = False

        async def create(self, key: str, body: bytes) -> bool:
            if not self.woken:
                self.woken = True
                await commit_entries(self, [entry(1, 1)], run_id="other", final=False)
                await commit_entries(self, [entry(1, 2)], run_id="other", final=False)
                await self.delete(commit_key(2))
            return await super().create(key, body)

    store = Asleep()
    store.woken = True
    await commit_entries(store, [entry(1, 0)], run_id="other", final=False)
    store.woken = False
    commit = await commit_entries(store, [entry(0, 1)], run_id="slow", final=False)
    assert (commit.n, commit.through) == (4, {0: 1, 1: 2})
    assert await newest_commit(store) == commit


async def test_a_store_that_never_answers_is_given_up(monkeypatch):
    async def at_once(_seconds: float) -> None:
        return

    monkeypatch.setattr(asyncio, "sleep", at_once)
    store = Troubled(*["lost request"] * 50)
    with pytest.raises(TimeoutError):
        await commit_entries(store, [entry(0, 1)], run_id="r", final=False)
    assert await newest_commit(store) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"layout": 1}', b'{"layout": 2, "parts": []}'])
async def test_a_commit_that_cannot_be_read_is_an_error_and_not_an_empty_manifest(body):
    store = MemoryStore()
    await store.put(commit_key(1), body)
    with pytest.raises(BadCommit):
        await newest_commit(store)


async def test_fields_of_a_newer_writer_are_skipped():
    commit = await commit_entries(MemoryStore(), [entry(0, 3)], run_id="r", final=True)
    newer = (
        to_json(commit).replace(b'"rows": {', b'"bloom": 1, "rows": {').replace(b'"n": 1', b'"n": 1, "mood": "good"')
    )
    assert b"bloom" in newer
    assert b"mood" in newer
    assert from_json(newer) == commit


async def test_other_objects_among_the_commits_are_not_commits():
    store = MemoryStore()
    await commit_entries(store, [entry(0, 3)], run_id="r", final=True)
    for name in ("zzz.json", "0000000009.json.tmp", "9.json", "0000000009.parquet"):
        await store.put(f"manifest/commits/{name}", b"?")
    newest = await newest_commit(store)
    assert newest is not None
    assert newest.n == 1
