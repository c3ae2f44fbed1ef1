"""Verify: every kind of damage is found and named, and a whole dataset is found whole."""

import pytest

from tasks.journal import events as ev
from tasks.manifest.alias import CALLS, MANIFEST, AliasWriter
from tasks.manifest.commits import commit_key, newest_commit
from tasks.manifest.publish import commit_partitions
from tasks.manifest.verify import verify_dataset
from tasks.storage.memory import MemoryStore
from tests.tasks.manifest.story import Story, key_of, sha_of


def image(row: str) -> str:
    return f"images/{sha_of(f'{row}/0')[:2]}/{sha_of(f'{row}/0')}.png"


async def dataset(store=None, rows: int = 5) -> MemoryStore:
    store = store or MemoryStore()
    story = Story()
    for n in range(rows):
        story.bought(f"r{n}", row_number=n)
        await store.put(image(f"r{n}"), f"r{n}/0".encode())
    story.want("v", operation="vision", vision="ask").intend("v").answer("v", pictures=0, text="yes").finish("v")
    story.want("never")
    commit = await commit_partitions(store, {0: story.fold}, run_id="r", final=True)
    await AliasWriter(store).flush(commit)
    return store


async def test_a_whole_dataset_is_found_whole():
    progress = []
    report = await verify_dataset(await dataset(), on_progress=progress.append)
    assert (report.ok, report.damaged, report.findings) == (True, False, [])
    assert (report.commit, report.rows, report.images, report.size_bytes) == (1, 7, 5, 20)
    assert progress == [1, 2, 3, 4, 5]


async def part_key(store, calls: bool = False) -> str:
    commit = await newest_commit(store)
    assert commit is not None
    return (commit.call_files if calls else commit.files)[0].key


async def _flip(store, key: str) -> None:
    body = bytearray(await store.get(key))
    body[len(body) // 2] ^= 1
    await store.put(key, bytes(body))


async def lose_image(store):
    await store.delete(image("r3"))
    return "missing", image("r3")


async def tear_image(store):
    await store.put(image("r2"), b"r2")
    return "torn", image("r2")


async def flip_image(store):
    await _flip(store, image("r1"))
    return "torn", image("r1")


async def add_image(store):
    await store.put(image("stranger"), b"stranger/0")
    return "orphaned", image("stranger")


async def leave_rubbish(store):
    await store.put("images/half-written.tmp", b"x")
    return "orphaned", "images/half-written.tmp"


async def lose_calls(store):
    key = await part_key(store, calls=True)
    await store.delete(key)
    return "missing", key


async def flip_calls(store):
    key = await part_key(store, calls=True)
    await _flip(store, key)
    return "torn", key


async def lose_alias(store):
    await store.delete(MANIFEST)
    return "missing", MANIFEST


async def cut_alias(store):
    await store.put(CALLS, (await store.get(CALLS))[:-20])
    return "torn", CALLS


async def foreign_alias(store):
    await store.put(MANIFEST, b"not ours")
    return "torn", MANIFEST


async def cut_commit(store):
    key = commit_key(1)
    await store.put(key, (await store.get(key))[:-20])
    return "torn", key


DAMAGE = [
    cut_commit, lose_image, tear_image, flip_image, add_image, leave_rubbish, lose_calls, flip_calls, lose_alias,
    cut_alias, foreign_alias,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE, ids=[d.__name__ for d in DAMAGE])
async def test_each_damage_is_found_and_nothing_else(damage):
    store = await dataset()
    kind, key = await damage(store)
    report = await verify_dataset(store)
    assert [(f.kind, f.key) for f in report.findings] == [(kind, key)]
    assert report.keys(kind) == [key]
    assert (report.ok, report.damaged) == (False, kind != "orphaned")


@pytest.mark.parametrize("fate", ["lost", "flipped"])
async def test_a_damaged_part_is_found_and_its_images_are_not_called_lost(fate):
    store = await dataset()
    key = await part_key(store)
    await (store.delete(key) if fate == "lost" else _flip(store, key))
    report = await verify_dataset(store)
    assert ("missing" if fate == "lost" else "torn", key) in {(f.kind, f.key) for f in report.findings}
    assert not [f for f in report.findings if f.kind != "orphaned" and f.key.startswith("images/")]


async def test_an_orphan_that_is_not_what_its_name_says_is_told_apart():
    store = await dataset()
    await store.put(image("stranger"), b"something else")
    (finding,) = (await verify_dataset(store)).findings
    assert "not what its name says" in finding.detail


async def test_a_row_that_succeeded_without_an_image_is_damage():
    store, story = MemoryStore(), Story().want("a").tell(ev.Finished(at="", key=key_of("a"), outcome="succeeded"))
    story.fold.keys[key_of("a")].finished = ev.Finished(at="2026-01-01T00:00:00Z", key=key_of("a"), outcome="succeeded")
    await AliasWriter(store).flush(await commit_partitions(store, {0: story.fold}, run_id="r", final=True))
    assert [f.kind for f in (await verify_dataset(store)).findings] == ["missing"]


async def test_an_alias_behind_the_newest_commit_is_not_damage():
    store = await dataset()
    await commit_partitions(store, {1: Story().want("x").fold}, run_id="r", final=True)
    assert (await verify_dataset(store)).ok


async def test_a_dataset_without_a_manifest_has_nothing_wrong():
    assert (await verify_dataset(MemoryStore())).ok


async def test_a_store_that_does_not_answer_is_an_error_and_not_a_finding():
    class Away(MemoryStore):
        away = False

        async def get(self, key: str) -> bytes:
            if self.away and key.startswith("images/"):
                raise ConnectionError(key)
            return await super().get(key)

    store = await dataset(Away())
    store.away = True
    with pytest.raises(ConnectionError):
        await verify_dataset(store)


async def test_many_images_are_listed_folder_by_folder_and_give_the_same_report():
    store = await dataset(rows=40)
    for damage in (lose_image, tear_image, add_image):
        await damage(store)
    whole = await verify_dataset(store)
    assert await verify_dataset(store, listed_at_once=10) == whole
    assert len(whole.findings) == 3
