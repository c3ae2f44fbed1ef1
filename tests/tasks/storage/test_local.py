"""What only a folder can get wrong: links, races between processes, full disks, leftovers."""

import ast
import asyncio
import errno
import os
import subprocess
import sys
import time
from subprocess import PIPE

import pytest

from tasks.storage.durable import OsFileSystem
from tasks.storage.local import LocalStore
from tasks.storage.store import Denied, Full, NotFound, Unavailable, Unclear


class FailingFileSystem(OsFileSystem):
    """A disk on which one operation fails."""

    def __init__(self, operation: str, number: int) -> None:
        self._operation, self._number = operation, number
        self.armed = True

    def _maybe_fail(self, operation: str) -> None:
        if self.armed and operation == self._operation:
            raise OSError(self._number, os.strerror(self._number))

    def write(self, path, body, attributes):
        self._maybe_fail("write")
        return super().write(path, body, attributes)

    def fsync(self, descriptor):
        self._maybe_fail("fsync")
        super().fsync(descriptor)

    def link(self, source, target):
        self._maybe_fail("link")
        super().link(source, target)

    def rename(self, source, target):
        self._maybe_fail("rename")
        super().rename(source, target)

    def fsync_dir(self, path):
        if not path.endswith("x"):  # folders are made before the operation under test
            self._maybe_fail("fsync_dir")
        super().fsync_dir(path)


def spares(root):
    return [entry.name for entry in (root / ".tmp").iterdir() if entry.name != "turn"]


@pytest.mark.parametrize("verb", ["create", "put"])
@pytest.mark.parametrize(
    ("operation", "number", "error"),
    [
        ("write", errno.ENOSPC, Full),
        ("write", errno.EDQUOT, Full),
        ("fsync", errno.EIO, Unavailable),
        ("write", errno.EROFS, Denied),
        ("fsync_dir", errno.EIO, Unclear),
    ],
)
async def test_a_failing_disk_says_whether_something_may_have_been_written(tmp_path, verb, operation, number, error):
    fs = FailingFileSystem(operation, number)
    fs.armed = False
    store = LocalStore(tmp_path, fs=fs)
    await store.put("d/first", b"1")
    fs.armed = True
    with pytest.raises(error) as caught:
        await getattr(store, verb)("d/k", b"body")
    assert type(caught.value) is error
    assert caught.value.key == "d/k"
    fs.armed = False
    assert (await store.head("d/k") is not None) == (error is Unclear)
    assert spares(tmp_path) == []


@pytest.mark.parametrize(("verb", "operation"), [("create", "link"), ("put", "rename")])
async def test_a_write_that_fails_at_its_last_step_leaves_nothing(tmp_path, verb, operation):
    fs = FailingFileSystem(operation, errno.EDQUOT)
    with pytest.raises(Unavailable):
        await getattr(LocalStore(tmp_path, fs=fs), verb)("k", b"body")
    assert spares(tmp_path) == []
    assert not (tmp_path / "k").exists()


class PartlyBadDisk(OsFileSystem):
    """A disk that fails at one step for bodies that say so; each step tells where it is by what was written there."""

    def __init__(self, step: str) -> None:
        self._step, self._bad = step, set()

    def _look(self, step, what):
        if step == self._step and what in self._bad:
            raise OSError(errno.EIO, "bad disk")

    def write(self, path, body, attributes):
        if body == b"bad":
            self._bad.add(path)
        self._look("write", path)
        descriptor = super().write(path, body, attributes)
        if body == b"bad":
            self._bad.add(descriptor)
        return descriptor

    def fsync(self, descriptor):
        self._look("fsync", descriptor)
        super().fsync(descriptor)

    def close(self, descriptor):
        self._bad.discard(descriptor)
        super().close(descriptor)

    def rename(self, source, target):
        self._look("rename", source)
        super().rename(source, target)

    def fsync_dir(self, path):
        if self._step == "fsync_dir" and path.endswith("bad"):
            raise OSError(errno.EIO, "bad disk")
        super().fsync_dir(path)


@pytest.mark.parametrize("step", ["write", "fsync", "rename", "fsync_dir"])
async def test_what_fails_for_one_of_many_puts_fails_for_that_one_only(tmp_path, step):
    store = LocalStore(tmp_path, fs=PartlyBadDisk(step))
    for folder in ("good", "bad"):
        (tmp_path / folder).mkdir()
    places = [("bad/k", b"bad"), *((f"good/{n}", b"good") for n in range(60)), ("bad/later", b"bad")]
    found = await asyncio.gather(*(store.put(*place) for place in places), return_exceptions=True)
    assert [place[0] for place, error in zip(places, found, strict=True) if error] == ["bad/k", "bad/later"]
    assert {type(error) for error in found if error} == {Unclear if step == "fsync_dir" else Unavailable}
    assert {error.key for error in found if error} == {"bad/k", "bad/later"}
    assert spares(tmp_path) == []
    assert len([*(tmp_path / "good").iterdir()]) == 60


async def test_without_a_turn_none_of_many_puts_is_made(tmp_path):
    store = LocalStore(tmp_path)
    await store.put("first", b"1")
    (tmp_path / ".tmp" / "turn").unlink()
    (tmp_path / ".tmp" / "turn").mkdir()
    found = await asyncio.gather(*(store.put(f"k{n}", b"x") for n in range(40)), return_exceptions=True)
    assert {type(error) for error in found} == {Unavailable}
    assert [info.key for info in await store.list("")] == ["first"]
    assert spares(tmp_path) == []


@pytest.mark.parametrize("verb", ["get", "get_with_etag", "metadata"])
async def test_a_link_out_of_the_dataset_is_not_read(tmp_path, verb):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "k").write_text("secret")
    root = tmp_path / "dataset"
    root.mkdir()
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path / "outside")
    store = LocalStore(root)
    for key in ("file", "folder/k"):
        if (verb, key) == ("metadata", "file"):
            continue  # the attributes of the link itself: none
        with pytest.raises(NotFound):
            await getattr(store, verb)(key)
        assert await store.head(key) is None
    assert await store.list("") == []


async def test_nothing_is_written_or_removed_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "k").write_text("keep")
    root = tmp_path / "dataset"
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "k")
    store = LocalStore(root)
    for attempt in (store.create("folder/new", b"x"), store.put("folder/k", b"x"), store.delete("folder/k")):
        with pytest.raises(Unavailable):
            await attempt
    await store.put("file", b"x")  # takes the place of the link
    await store.delete("file")
    assert [path.name for path in outside.iterdir()] == ["k"]
    assert (outside / "k").read_text() == "keep"


async def test_a_dataset_reached_through_a_link_works(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    await LocalStore(tmp_path / "link").put("a/k", b"x")
    assert await LocalStore(tmp_path / "real").get("a/k") == b"x"


RACE = """
async def work(store):
    return [await store.create(f"k{n}", b"%d" % os.getpid()) for n in range(20)]
"""
COUNT = """
async def work(store):
    done = 0
    while done < 15:
        body, etag = await store.get_with_etag("counter")
        done += await store.replace("counter", b"%d" % (int(body) + 1), etag=etag)
"""
PROCESS = """
import asyncio, os, sys
from tasks.storage.local import LocalStore
{work}
print("ready", flush=True)
sys.stdin.readline()
print(asyncio.run(work(LocalStore(sys.argv[1]))))
"""


def in_three_processes(work: str, root) -> list[object]:
    """What each printed; they start together once all have loaded."""
    command = [sys.executable, "-c", PROCESS.format(work=work), str(root)]
    processes = [subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [ast.literal_eval(process.communicate(timeout=60)[0]) for process in processes]


def test_of_processes_that_create_one_key_exactly_one_wins(tmp_path):
    won = in_three_processes(RACE, tmp_path)
    assert [sum(column) for column in zip(*won, strict=True)] == [1] * 20


def test_processes_that_replace_one_object_lose_no_update(tmp_path):
    (tmp_path / "counter").write_bytes(b"0")
    in_three_processes(COUNT, tmp_path)
    assert (tmp_path / "counter").read_bytes() == b"45"


FORK = """
import asyncio, os, sys
from tasks.storage.local import LocalStore
store = LocalStore(sys.argv[1])
asyncio.run(store.put("parent", b"x"))
child = os.fork()
asyncio.run(store.put("child", b"y")) if not child else os.waitpid(child, 0)
"""


async def test_a_forked_process_has_threads_of_its_own(tmp_path):
    subprocess.run([sys.executable, "-c", FORK, str(tmp_path)], check=True, timeout=60)
    assert await LocalStore(tmp_path).get("child") == b"y"


async def test_leftovers_of_killed_processes_go_after_a_day(tmp_path):
    (tmp_path / ".tmp").mkdir()
    for name, age_s in (("old", 2 * 24 * 3600), ("young", 3600)):
        path = tmp_path / ".tmp" / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s,) * 2)
    await LocalStore(tmp_path).put("k", b"x")
    assert spares(tmp_path) == ["young"]


async def test_a_folder_removed_by_someone_is_made_again(tmp_path):
    store = LocalStore(tmp_path / "dataset")
    await store.put("a/k", b"x")
    (tmp_path / "dataset" / "a" / "k").unlink()
    (tmp_path / "dataset" / "a").rmdir()
    with pytest.raises(Unavailable):
        await store.create("a/k", b"x")
    assert await store.create("a/k", b"x") is True


def test_a_store_says_where_it_is_and_makes_nothing_before_it_is_used(tmp_path):
    store = LocalStore(tmp_path / "dataset")
    assert store.uri == str(tmp_path / "dataset")
    assert store.path("a/k") == tmp_path / "dataset" / "a" / "k"
    assert not (tmp_path / "dataset").exists()
