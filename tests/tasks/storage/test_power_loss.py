"""The folder store after a power cut at any moment: what it confirmed is there, and nothing is torn."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from tasks.storage.local import LocalStore
from tests.support.power import RecordingFileSystem, states_after

Log = list[tuple[str, object, object]]


class Program:
    """Works on a store and notes what it may have done and what it was told is done (None = gone)."""

    def __init__(self, root: Path) -> None:
        self.fs = RecordingFileSystem()
        self.store = LocalStore(root, fs=self.fs)

    async def create(self, key: str, body: bytes) -> None:
        self.fs.note("may", (key, body))
        if await self.store.create(key, body):
            self.fs.note("is", (key, body))

    async def put(self, key: str, body: bytes) -> None:
        self.fs.note("may", (key, body))
        await self.store.put(key, body)
        self.fs.note("is", (key, body))

    async def replace(self, key: str, body: bytes) -> None:
        etag = (await self.store.get_with_etag(key))[1] if await self.store.head(key) else None
        self.fs.note("may", (key, body))
        assert await self.store.replace(key, body, etag=etag)
        self.fs.note("is", (key, body))

    async def delete(self, key: str) -> None:
        self.fs.note("may", (key, None))
        await self.store.delete(key)
        self.fs.note("is", (key, None))


async def one_thing_after_another(root: Path) -> Log:
    program = Program(root)
    for n in range(3):
        await program.create(f"journal/00/{n}.jsonl", b"segment %d " % n * 50)
        await program.create(f"journal/01/{n}.jsonl", b"other %d " % n * 50)
        await program.put(f"images/a{n}/picture.png", b"pixels %d " % n * 50)
    await asyncio.gather(*(program.put(f"images/b/{n}.png", b"together %d " % n * 50) for n in range(6)))
    await program.store.create("journal/00/2.jsonl", b"too late")
    for version in range(4):
        await program.replace("manifest.parquet", b"version %d " % version * 50)
    await program.delete("journal/01/0.jsonl")
    return program.fs.log


async def many_things_at_once(root: Path) -> Log:
    program = Program(root)

    async def partition(name: str) -> None:
        for n in range(6):
            await program.create(f"journal/{name}/{n}.jsonl", f"{name} {n} ".encode() * 50)
            await program.put(f"images/{name}{n % 2}/{n}.png", f"pixels {name} {n} ".encode() * 50)
        await program.delete(f"journal/{name}/0.jsonl")

    await asyncio.gather(*(partition(f"{n:02d}") for n in range(8)))
    return program.fs.log


def cuts(log: Log, root: Path) -> Iterator[str | None]:
    """For each state of each moment: None if it is fine, else what is wrong."""
    for end in range(len(log) + 1):
        for state in states_after(log[:end], str(root)):
            yield judged(log[:end], state, root)


def judged(log: Log, state: dict[str, bytes], root: Path) -> str | None:
    believed: dict[str, bytes | None] = {}
    possible: dict[str, list[bytes | None]] = {}
    for kind, what, detail in log:
        if kind == "note":
            key, body = detail
            if what == "is":
                believed[key] = body
                possible[key] = [body]
            else:
                possible.setdefault(key, [None]).append(body)
    for key, bodies in possible.items():
        found = state.get(f"{root}/{key}")
        if found not in bodies:
            return f"{key} holds {found!r}, believed {believed.get(key)!r}"
    strangers = set(state) - {f"{root}/{key}" for key in possible}
    return f"unknown names {strangers}" if strangers else None


async def test_every_state_that_a_power_cut_can_leave_is_whole_and_holds_what_was_confirmed(tmp_path):
    root = tmp_path / "dataset"
    verdicts = [*cuts(await one_thing_after_another(root), root)]
    verdicts += cuts(await many_things_at_once(tmp_path / "other"), tmp_path / "other")
    assert len(verdicts) >= 2_000
    assert [verdict for verdict in verdicts if verdict] == []


async def test_without_any_one_sync_some_state_breaks_a_promise(tmp_path):
    """The negative control, once for every sync that the store makes."""
    root = tmp_path / "dataset"
    log = await one_thing_after_another(root)
    syncs = [at for at, (kind, _, _) in enumerate(log) if kind in {"fsync", "fsync_dir"} and matters(log, at, root)]
    assert len(syncs) >= 30
    missed = [log[at] for at in syncs if not any(cuts(log[:at] + log[at + 1 :], root))]
    assert missed == []


def matters(log: Log, at: int, root: Path) -> bool:
    """Whether the sync confirms anything: some are made in case another process was cut off before its own."""
    kind, folder, _ = log[at]
    if kind == "fsync":
        return (
            any(entry[:2] in {("link", folder), ("rename", folder)} for entry in log[at:])
            and b"too late" not in log[at - 1]
        )
    since = max((n for n in range(at) if log[n][:2] == ("fsync_dir", folder)), default=0)
    names = [two if kind in {"link", "rename"} else one for kind, one, two in log[since:at] if kind != "note"]
    mine = {str(name) for name in names if Path(str(name)).parent == Path(str(folder))}
    return bool(mine - {str(root), f"{root}/.tmp"}) and not str(folder).endswith(".tmp")


async def test_a_state_left_by_a_cut_opens_and_goes_on(tmp_path):
    root = tmp_path / "dataset"
    log = await one_thing_after_another(root)
    *_, state = states_after(log[: len(log) // 2], str(root))
    reopened = tmp_path / "reopened"
    for path, body in state.items():
        target = reopened / Path(path).relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    (reopened / ".tmp").mkdir(parents=True, exist_ok=True)
    (reopened / ".tmp" / "left-behind").write_bytes(b"half a pict")
    store = LocalStore(reopened)
    assert len(await store.list("")) == len(state) > 3
    assert await store.create("journal/00/9.jsonl", b"next")
