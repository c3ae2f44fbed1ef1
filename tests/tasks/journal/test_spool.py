from pathlib import Path

import pytest

from tasks.journal.names import AnswerId
from tasks.journal.spool import LocalSpool, drain_spool
from tasks.storage.memory import MemoryStore

ANSWER = AnswerId("07", "ab" * 32 + "/0/ocr/gpt-4o", "1-0123")


async def test_an_answer_is_kept_whole_until_it_is_removed(tmp_path: Path) -> None:
    spool = LocalSpool("memory://a", tmp_path)
    await spool.put(ANSWER, b"\x00blob")
    again = LocalSpool("memory://a", tmp_path)
    assert await again.answers() == [ANSWER]
    assert await again.get(ANSWER) == b"\x00blob"
    await again.remove(ANSWER)
    await spool.remove(ANSWER)
    assert await spool.answers() == []
    with pytest.raises(FileNotFoundError):
        await spool.get(ANSWER)


async def test_datasets_do_not_see_one_another_and_nobody_else_may_read(tmp_path: Path) -> None:
    spool = LocalSpool("memory://a", tmp_path / "x" / "y")
    await spool.put(ANSWER, b"")
    assert await LocalSpool("memory://b", tmp_path / "x" / "y").answers() == []
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "x").rglob("*")}
    assert modes == {0}


async def test_a_half_written_entry_of_a_dead_process_is_not_seen(tmp_path: Path) -> None:
    spool = LocalSpool("memory://a", tmp_path)
    (spool.directory / ".tmp-1-07.ab.1-0").write_bytes(b"ha")
    assert await spool.answers() == []


async def test_draining_moves_every_answer_to_late_and_may_be_repeated(tmp_path: Path) -> None:
    spool, store = LocalSpool("memory://a", tmp_path), MemoryStore()
    other = AnswerId("00", "cd" * 32, "2-ff")
    for answer in (ANSWER, other):
        await spool.put(answer, answer.key.encode())
    assert await drain_spool(store, spool) == 2
    assert await drain_spool(store, spool) == 0
    await spool.put(ANSWER, ANSWER.key.encode())
    assert await drain_spool(store, spool) == 1
    names = [each.key for each in await store.list("journal/")]
    assert [await store.get(name) for name in names] == [other.key.encode(), ANSWER.key.encode()]
    assert list(spool.directory.iterdir()) == []
