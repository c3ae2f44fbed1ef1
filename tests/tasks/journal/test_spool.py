import asyncio
import gc
import threading
from pathlib import Path

import pytest

from tasks.journal.files import SystemFiles
from tasks.journal.names import AnswerId, late_name
from tasks.journal.spool import LocalSpool, drain_former_spool, drain_spool
from tasks.journal.spool_log import SpoolLog, put_record, records, removal_record
from tasks.storage.memory import MemoryStore

ANSWER = AnswerId("07", "ab" * 32 + "/0/ocr/gpt-4o", "1-0123")
OTHER = AnswerId("00", "cd" * 32, "2-ff")


async def test_an_answer_is_kept_whole_until_it_is_removed_by_whoever_comes_next(tmp_path: Path) -> None:
    spool = LocalSpool("memory://a", tmp_path)
    await spool.put(ANSWER, b"\x00blob\n{}\n")
    spool.close()
    again = LocalSpool("memory://a", tmp_path)
    assert await again.answers() == [ANSWER]
    assert await again.get(ANSWER) == b"\x00blob\n{}\n"
    await again.remove(ANSWER)
    with pytest.raises(FileNotFoundError):
        await again.get(ANSWER)
    assert await again.answers() == []
    assert list(spool.directory.iterdir()) == []


async def test_what_a_process_removed_itself_does_not_come_back_after_its_death(tmp_path: Path) -> None:
    spool = LocalSpool("memory://a", tmp_path)
    await asyncio.gather(spool.put(ANSWER, b"1"), spool.put(OTHER, b"2"))
    await spool.remove(ANSWER)
    assert await spool.answers() == [OTHER]
    died_with = spool._log._mine.pop()  # else its number would be closed once more, when it is somebody else's
    spool._log._files.close(died_with.handle)  # type: ignore[arg-type] - what the end of a process does
    again = LocalSpool("memory://a", tmp_path)
    assert await again.answers() == [OTHER]
    assert await again.get(OTHER) == b"2"


async def test_the_answers_of_a_living_process_are_seen_and_left_to_it(tmp_path: Path) -> None:
    spool, neighbour = LocalSpool("memory://a", tmp_path), LocalSpool("memory://a", tmp_path)
    await spool.put(ANSWER, b"1")
    assert await neighbour.answers() == [ANSWER]
    assert await neighbour.get(ANSWER) == b"1"
    await neighbour.remove(ANSWER)
    assert await neighbour.answers() == []
    assert await spool.get(ANSWER) == b"1"
    await spool.put(OTHER, b"2")
    assert await neighbour.answers() == [OTHER, ANSWER]  # its log has grown, so it was read again


async def test_datasets_do_not_see_one_another_and_nobody_else_may_read(tmp_path: Path) -> None:
    spool = LocalSpool("memory://a", tmp_path / "x" / "y")
    await spool.put(ANSWER, b"")
    assert await LocalSpool("memory://b", tmp_path / "x" / "y").answers() == []
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "x").rglob("*")}
    assert modes == {0}


def test_a_torn_log_is_read_up_to_where_it_is_torn() -> None:
    body = put_record(ANSWER, b"first") + put_record(OTHER, b"second") + removal_record(ANSWER)
    whole = list(records(body))
    assert [(kind, answer) for kind, answer, _, _ in whole] == [("put", ANSWER), ("put", OTHER), ("removed", ANSWER)]
    ends = [body.index(b"second") - 1, len(body) - len(removal_record(ANSWER))]
    for cut in range(len(body)):
        assert list(records(body[:cut])) == whole[: len(list(records(body[:cut])))]
        for garbage in (b"", b"\x00" * 600, b"{}\n" * 200):
            assert len(list(records(body[:cut] + garbage))) <= 3
    assert len(list(records(body[: ends[0]]))) == 1
    assert len(list(records(body[: ends[1]]))) == 2


@pytest.mark.parametrize("at", ["append", "sync"])
def test_after_a_write_that_failed_the_next_one_begins_another_file(tmp_path: Path, at: str) -> None:
    files = _FullDisk(at)
    log = SpoolLog(tmp_path / "s", files)
    log.write([(ANSWER, b"1")], [])
    files.full = True
    with pytest.raises(OSError, match="full"):
        log.write([(OTHER, b"2")], [])
    files.full = False
    third = AnswerId("03", "ef" * 32, "1-0")
    log.write([(third, b"3")], [])
    assert {ANSWER, third} <= set(SpoolLog(tmp_path / "s", SystemFiles()).answers())
    assert len(list((tmp_path / "s").iterdir())) == 2


class _FullDisk(SystemFiles):
    def __init__(self, at: str) -> None:
        self.at, self.full = at, False

    def append(self, handle: int, body: bytes) -> None:
        if self.full and self.at == "append":
            super().append(handle, body[: len(body) // 2])
            raise OSError("full")
        super().append(handle, body)

    def sync(self, handle: int) -> None:
        if self.full:
            raise OSError("full")
        super().sync(handle)


def test_a_large_log_is_left_behind_and_removed_when_nothing_of_it_is_left(tmp_path: Path) -> None:
    log = SpoolLog(tmp_path / "s", SystemFiles())
    big = b"x" * 30_000_000
    answers = [AnswerId("00", f"{i:064x}", "1-0") for i in range(4)]
    for answer in answers[:3]:
        log.write([(answer, big)], [])
    log.write([(answers[3], b"small")], [])
    assert len(list((tmp_path / "s").iterdir())) == 2
    log.write([], answers[:3])
    assert len(list((tmp_path / "s").iterdir())) == 1
    assert log.answers() == [answers[3]]


async def test_draining_moves_every_answer_to_late_and_may_be_repeated(tmp_path: Path) -> None:
    dead, spool, store = LocalSpool("memory://a", tmp_path), LocalSpool("memory://a", tmp_path), MemoryStore()
    for answer in (ANSWER, OTHER):
        await dead.put(answer, answer.key.encode())
    dead.close()
    assert await drain_spool(store, spool) == 2
    assert await drain_spool(store, spool) == 0
    await spool.put(ANSWER, ANSWER.key.encode())
    assert await drain_spool(store, spool) == 1
    names = [each.key for each in await store.list("journal/")]
    assert [await store.get(name) for name in names] == [OTHER.key.encode(), ANSWER.key.encode()]
    assert await spool.answers() == []
    spool.close()
    assert list(spool.directory.iterdir()) == []


async def test_a_folder_named_after_the_address_is_drained_as_well(tmp_path: Path) -> None:
    store = MemoryStore()
    assert await drain_former_spool(store, store.uri, tmp_path) == 0
    assert list(tmp_path.iterdir()) == []
    former = LocalSpool(store.uri, tmp_path)
    await former.put(OTHER, b"1")
    former.close()
    assert await drain_former_spool(store, store.uri, tmp_path) == 1
    assert [each.key for each in await store.list("journal/")] == [late_name(OTHER)]


def test_a_spool_that_nobody_refers_to_is_collected_without_waiting_for_its_thread(tmp_path: Path) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    class SlowFiles(SystemFiles):
        def sizes(self, directory: Path) -> dict[str, int]:
            at_work.set()
            go_on.wait(60)
            return super().sizes(directory)

    async def leave_a_job_behind() -> None:
        spool = LocalSpool("memory://a", tmp_path, files=SlowFiles())
        looking = asyncio.ensure_future(spool.answers())
        await asyncio.to_thread(at_work.wait, 60)
        looking.cancel()
        await asyncio.wait([looking])

    def leave_and_collect() -> None:
        asyncio.run(leave_a_job_behind())
        gc.collect()

    collecting = threading.Thread(target=leave_and_collect)
    collecting.start()
    collecting.join(30)
    waited = collecting.is_alive()
    go_on.set()
    collecting.join()
    assert not waited


async def test_a_spool_that_is_collected_forgets_what_was_removed_last(tmp_path: Path) -> None:
    spool = LocalSpool("memory://a", tmp_path)
    folder = spool.directory
    await spool.put(ANSWER, b"1")
    await spool.remove(ANSWER)
    assert spool._timer is not None
    spool._timer.cancel()  # its moment does not come any more; a timer would also keep the spool alive
    spool._timer = None
    del spool
    gc.collect()
    assert list(folder.iterdir()) == []
