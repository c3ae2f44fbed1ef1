"""The index finds what the newest commit knows, row by row and by the thousand."""

import subprocess
import sys

import numpy as np
import pytest

from catalogs.keys import call_key
from tasks.journal import events as ev
from tasks.manifest.index import Entry, load_index
from tasks.manifest.publish import commit_partitions
from tasks.storage.local import LocalStore
from tasks.storage.memory import MemoryStore
from tests.tasks.manifest.story import Story, finished_fold, key_of


async def index_of(*stories: Story):
    store = MemoryStore()
    await commit_partitions(store, {p: s.fold for p, s in enumerate(stories)}, run_id="r", final=True)
    return await load_index(store)


async def test_a_row_is_found_with_everything_a_plan_asks():
    index = await index_of(Story().want("z"), Story().bought("a", digest="e" * 16, ocr=True))
    assert index.find("cat", "a", 1, key_of("a")) == Entry(
        catalog="cat", row_id="a", take=1, key=key_of("a"), digest="e" * 16, current=True, outcomes=("succeeded",),
        reason=None, billed="yes", attempts=1, reading_missing=True,
    )  # fmt: skip
    assert (index.commit, index.through, len(index)) == (1, {0: 1, 1: 5}, 2)


@pytest.mark.parametrize(
    "identity",
    [("other", "a", 1, "a"), ("cat", "b", 1, "a"), ("cat", "a", 2, "a"), ("cat", "a", 1, "b"), ("cat", "a", 1, None)],
    ids=["catalog", "row", "take", "key", "no key"],
)
async def test_a_row_that_differs_in_anything_is_not_found(identity):
    index = await index_of(Story().bought("a"))
    catalog, row, take, key = identity
    assert index.find(catalog, row, take, key and key_of(key)) is None


async def test_rows_that_share_a_key_are_told_apart():
    story = Story().bought("a").want("b", key=key_of("a")).want("a", catalog="other")
    index = await index_of(story)
    assert [e.row_id for e in index.with_key(key_of("a"))] == ["a", "b", "a"]
    assert index.find("other", "a", 1, key_of("a")).catalog == "other"
    assert index.with_key(key_of("nobody")) == []


async def test_a_waiting_row_is_found_without_a_key():
    index = await index_of(Story().want("w", key=None, waiting_for=("a",)))
    entry = index.find("cat", "w", 1, None)
    assert (entry.key, entry.outcomes, entry.reason) == (None, ("pending",), "waiting_for_input")


async def test_every_result_of_a_row_has_its_outcome_and_extras_have_none():
    story = Story().want("a", samples=3).intend("a", samples=3).answer("a", pictures=3).store("a", 0).store("a", 2)
    story.want("b").intend("b").answer("b", pictures=2).store("b", 0).store("b", 1).finish("b")
    index = await index_of(story.finish("a"))
    assert index.find("cat", "a", 1, key_of("a")).outcomes == ("succeeded", "failed", "succeeded")
    assert index.find("cat", "b", 1, key_of("b")).outcomes == ("succeeded",)
    assert index.counts(index.current_in("cat"))["succeeded"] == 3


async def test_only_rows_a_catalog_still_asks_for_are_current_in_it():
    story = Story().bought("a").bought("b").want("c", catalog="other")
    story.tell(ev.Unwanted(at="", run_id="r", catalog="cat", row_id="a", take=1, key=key_of("a")))
    index = await index_of(story)
    assert [index.entry(int(at)).row_id for at in index.current_in("cat")] == ["b"]
    assert list(index.current_in("nobody")) == []
    assert index.counts(index.current_in("other")) == {
        "succeeded": 0, "refused": 0, "failed": 0, "unknown": 0, "held": 0, "pending": 1,
    }  # fmt: skip


async def test_many_rows_are_matched_at_once():
    store = MemoryStore()
    folds = {p: finished_fold(200, p) for p in range(3)}
    await commit_partitions(store, folds, run_id="r", final=True)
    index = await load_index(store)
    names = [f"p{p}-r{n}" for p in range(4) for n in range(200)]
    found = index.match("cat", names, [1] * 800, [key_of(name) for name in names])
    assert (found[:600] >= 0).all()
    assert (found[600:] == -1).all()
    assert len(np.unique(found[:600])) == 600
    assert all(index.entry(int(found[i])).row_id == names[i] for i in range(0, 600, 37))


async def test_the_index_of_an_empty_dataset_is_empty():
    index = await load_index(MemoryStore())
    assert (len(index), index.commit, index.through) == (0, 0, {})
    assert index.find("cat", "a", 1, call_key({})) is None
    assert list(index.current_in("cat")) == []


async def test_a_plan_that_loads_the_index_does_not_import_pandas(tmp_path):
    await commit_partitions(LocalStore(tmp_path), {0: Story().bought("a").fold}, run_id="r", final=True)
    code = """if True:
        import asyncio, sys
        from tasks.manifest.index import load_index
        from tasks.storage.local import LocalStore
        index = asyncio.run(load_index(LocalStore(sys.argv[1])))
        assert index.find("cat", "a", 1, sys.argv[2]) is not None
        assert index.counts(index.current_in("cat"))["succeeded"] == 1
        assert "pandas" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code, str(tmp_path), key_of("a")], check=True)
