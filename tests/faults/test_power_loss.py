"""A power cut at any moment of a few purchases: what the journal or the spool confirmed is there, on the next start.

The store's own promises are proved in ``tests/tasks/storage/test_power_loss.py``; here the local store and the spool
stand on the same disk, and every state that the cut could have left there is opened by the production code.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.journal.dataset import open_dataset
from tasks.journal.errors import JournalError, Lost
from tasks.journal.events import Intent
from tasks.journal.fold import Fold
from tasks.journal.partition import open_partition
from tasks.journal.ports import Result, Timing
from tasks.journal.spool import LocalSpool
from tasks.storage.local import LocalStore
from tasks.storage.memory import MemoryStore
from tests.support.power import RecordingFileSystem, states_after
from tests.tasks.journal import samples

Log = list[tuple[str, object, object]]
QUICK_PUTS, AT_ONCE = Timing(spacing_s=0), Timing(takeover_s=0, spacing_s=0)


class RecordingFiles:
    """The spool's operations, done by and noted in the same recorder as the store's."""

    def __init__(self, disk: RecordingFileSystem) -> None:
        self._disk = disk

    def make_directory(self, path: Path) -> None:
        if not path.is_dir():
            self.make_directory(path.parent)
            self._disk.mkdir(str(path))
            self.sync_directory(path.parent)

    def open_new(self, path: Path) -> int:
        return self._disk.write(str(path), b"", {})

    def append(self, handle: int, body: bytes) -> None:
        self._disk.append(handle, body)

    def sync(self, handle: int) -> None:
        self._disk.fsync(handle)

    def sync_directory(self, path: Path) -> None:
        self._disk.fsync_dir(str(path))

    def unlink(self, path: Path) -> None:
        self._disk.unlink(str(path))

    def sizes(self, directory: Path) -> dict[str, int]:
        return {path.name: path.stat().st_size for path in directory.iterdir()}

    def close(self, handle: int) -> None:
        self._disk.close(handle)


class FilesAfterwards:
    """The spool's files as the cut has left them, for whoever starts next; in memory, since there are thousands."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def make_directory(self, path: Path) -> None:
        pass

    def sizes(self, directory: Path) -> dict[str, int]:
        within = f"{directory}/"
        return {path.removeprefix(within): len(body) for path, body in self._files.items() if path.startswith(within)}

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        body = self._files[str(path)]
        return body[offset:] if size < 0 else body[offset : offset + size]

    def lock_abandoned(self, path: Path) -> int:
        return len(str(path))

    def unlink(self, path: Path) -> None:
        self._files.pop(str(path), None)

    def close(self, handle: int) -> None:
        pass


async def some_purchases(base: Path, purchases: int) -> Log:
    """What the disk was asked to do while some pictures were bought, and what the program was told meanwhile."""
    disk = RecordingFileSystem()
    store = LocalStore(base / "ds", fs=disk)
    dataset = await open_dataset(store, partitions=1, create=True)
    spool = LocalSpool("ds", base / "spool", files=RecordingFiles(disk))  # type: ignore[arg-type] - all it uses

    async def settle(intent: Intent, _blob: bytes) -> Result:
        disk.note("spooled", (intent.key, intent.attempt))
        return samples.answered(intent)

    async def buy(number: int) -> None:
        intent = samples.intent(key=f"{number:064x}")

        async def post() -> bytes:
            disk.note("posted", (intent.key, intent.attempt))
            await asyncio.sleep(0.002 * (number % 8))
            if number % 8 == 3:
                raise Lost("timeout")
            return b"answer %d " % number * 300

        result = await owned.buy(intent, post=post)
        disk.note("answered" if result.kind == "answered" else "posted", (intent.key, intent.attempt))

    owned = await open_partition(store, dataset, 0, samples.owner("t1"), spool=spool, settle=settle, timing=QUICK_PUTS)
    assert owned is not None
    await buy(1)
    for start in range(2, 2 + purchases, 8):
        await asyncio.gather(*(buy(number) for number in range(start, start + 8)))
        await owned.checkpoint()
    await owned.close()
    spool.close()
    return disk.log


async def judged(log: Log, state: dict[str, bytes], base: Path) -> str | None:
    """None if everything the program was told is found by the next process; else what is missing."""
    store, spools = MemoryStore("ds"), {}
    for path, body in state.items():
        if path.startswith(f"{base}/ds/"):
            await store.put(path.removeprefix(f"{base}/ds/"), body)
        else:
            spools[path] = body
    spool = LocalSpool("ds", base / "spool", files=FilesAfterwards(spools))  # type: ignore[arg-type] - all it uses
    try:
        fold = await _reopened(store, spool)
    except JournalError as error:
        return str(error)
    for kind, what, detail in log:
        if kind == "note":
            key, attempt = detail  # type: ignore[misc] - as noted above
            made = fold.keys[key].attempts.get(attempt) if key in fold.keys else None
            if made is None or (what != "posted" and made.state != "answered"):
                return f"{what} {key[-2:]} {attempt}, but it is {made.state if made else 'not there'}"
    return None


async def _reopened(store: MemoryStore, spool: LocalSpool) -> Fold:
    async def settle(intent: Intent, blob: bytes) -> Result:
        assert blob == b"answer %d " % int(intent.key, 16) * 300
        return samples.answered(intent)

    dataset = await open_dataset(store, partitions=1, create=True)
    owned = await open_partition(store, dataset, 0, samples.owner("t2"), spool=spool, settle=settle, timing=AT_ONCE)
    assert owned is not None
    return owned.fold


def cuts(log: Log, base: Path) -> Iterator[tuple[Log, dict[str, bytes]]]:
    """Each state of each moment."""
    for end in range(len(log) + 1):
        for state in states_after(log[:end], str(base), most=40):
            yield log[:end], state


def without(log: Log, kind: str, below: str) -> Log:
    """The same run, had the program left out one kind of fsync."""
    left_out = re.compile(below)
    return [("note", "posted", None) if one[0] == kind and left_out.search(str(one[1])) else one for one in log]


async def first_loss(log: Log, base: Path) -> tuple[int, str | None]:
    """(states tried, what the first bad one lost)."""
    count = 0
    for seen, state in cuts(log, base):
        count += 1
        told = [entry for entry in seen if entry[2] is not None]
        if lost := await judged(told, state, base):
            return count, lost
    return count, None


async def test_no_state_that_a_power_cut_leaves_has_lost_what_was_confirmed(tmp_path: Path) -> None:
    log = await some_purchases(tmp_path, 8)
    states, lost = await first_loss(log, tmp_path)
    assert lost is None
    assert states > 200


@pytest.mark.slow
async def test_no_state_of_a_longer_run_has_lost_what_was_confirmed(tmp_path: Path) -> None:
    log = await some_purchases(tmp_path, 64)
    states, lost = await first_loss(log, tmp_path)
    print(f"power loss: {states:,} states of {len(log)} operations on two folders, lost: {lost or 'nothing'}")
    assert lost is None
    assert states >= 2_000


@pytest.mark.parametrize(
    ("kind", "below"),
    [
        pytest.param("fsync", "/ds/", id="content of what is in the store"),
        pytest.param("fsync_dir", "/ds/journal/", id="names of segments"),
        pytest.param("fsync", "/spool/", id="content of the spool"),
        pytest.param("fsync_dir", "/spool/", id="names of the spool's logs"),
        pytest.param("fsync_dir", "/spool$", id="name of the spool's folder"),
    ],
)
async def test_leaving_out_any_one_fsync_loses_something(tmp_path: Path, kind: str, below: str) -> None:
    log = await some_purchases(tmp_path, 8)
    _, lost = await first_loss(without(log, kind, below), tmp_path)
    assert lost is not None
