"""The controls: every detector of these tests sees what it is there to see."""

import asyncio
import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.journal import events as ev
from tasks.journal.codec import Header, encode_event, encode_segment
from tasks.journal.names import segment_name, segments_prefix
from tasks.manifest.commits import newest_commit
from tasks.storage.open import open_store
from tests.faults.audit import audit, read_books
from tests.faults.nursery import Nursery
from tests.faults.reader import ENGINES, JUDGED, Watcher, readers_of
from tests.faults.settled import bill_when_settled

ROWS = 6
NAMES = [f"c/r{i}" for i in range(ROWS)]
Charges = list[dict[str, Any]]


@pytest.fixture(scope="module")
def made(runs: Nursery, _gateway: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Charges]:
    """A small dataset without fault, and its bill."""
    folder = tmp_path_factory.mktemp("made")
    lines = [f"r{i},lighthouse number {i},dall-e-2,256x256" for i in range(ROWS)]
    (folder / "c.csv").write_text("\n".join(["id,prompt,model,size", *lines]))
    _gateway.switch(scenarios=[], latency_scale=0)
    _gateway.reset()
    child = runs.start(
        folder / "c.csv", folder / "ds", _gateway.base_url, spool=str(folder / "spool"), options={"partitions": 2}
    )
    assert child.wait(60).code == 0, child.log()
    return folder / "ds", bill_when_settled(_gateway)


async def add_segment(dataset: Path, *events: ev.Event) -> None:
    """Write events into partition 00 as an owner would."""
    store = open_store(str(dataset))
    listed = await store.list(segments_prefix("00"))
    owner = ev.Owner(token="f" * 16, run_id="r", host="h", boot_id="b", pid_ns="p", pid=1, started="1")
    header = Header(len(listed) + 1, uuid.uuid4().hex, 0, "2026-11-21T00:00:00+00:00", owner)
    body = encode_segment(header, [encode_event(event) for event in events])
    assert await store.create(segment_name("00", len(listed) + 1), body)


async def buy_again(dataset: Path, charges: Charges) -> None:
    """An intent, a charge and an answer for a key that has one."""
    books = await read_books(open_store(str(dataset)))
    intent = next(a.intent for a in books.attempts.values() if int(a.intent.key[:8], 16) < 2**31)
    again = replace(intent, attempt="2-again", number=2)
    answer = ev.Answered(at=intent.at, key=intent.key, attempt="2-again", cost_micros=20_000)
    await add_segment(dataset, again, answer)
    charges.append({**charges[0], "idempotency_key": f"{intent.key}.2-again"})


async def leave_open(dataset: Path, _charges: Charges) -> None:
    books = await read_books(open_store(str(dataset)))
    intent = next(a.intent for a in books.attempts.values() if int(a.intent.key[:8], 16) < 2**31)
    await add_segment(dataset, replace(intent, attempt="2-open", number=2))


async def bill_twice(_dataset: Path, charges: Charges) -> None:
    charges.append(charges[0])


async def bill_unrecorded(_dataset: Path, charges: Charges) -> None:
    charges.append({**charges[0], "idempotency_key": "0" * 64 + ".1-nobody"})


async def bill_nothing(_dataset: Path, charges: Charges) -> None:
    charges.pop()


async def lose_image(dataset: Path, _charges: Charges) -> None:
    next((dataset / "images").rglob("*.png")).unlink()


async def flip_a_byte(dataset: Path, _charges: Charges) -> None:
    path = next((dataset / "images").rglob("*.png"))
    body = bytearray(path.read_bytes())
    body[-20] ^= 1
    path.write_bytes(body)


async def forget_a_partition(dataset: Path, _charges: Charges) -> None:
    """A commit that leaves a partition out."""
    path = max((dataset / "manifest" / "commits").iterdir())
    commit = json.loads(path.read_bytes())
    commit["parts"] = commit["parts"][:1]
    path.write_text(json.dumps(commit))


async def falsify_a_part(dataset: Path, _charges: Charges) -> None:
    """A part with another cost, under the name and hash of the true one."""
    commit = await newest_commit(open_store(str(dataset)))
    assert commit is not None
    path = dataset / commit.files[0].key
    table = pq.read_table(path)
    column = table.schema.get_field_index("cost_usd")
    costs = pa.array([cost * 2 for cost in table["cost_usd"].to_pylist()], table.schema.field(column).type)
    pq.write_table(table.set_column(column, table.schema.field(column), costs), path)


async def disagree_with_the_journal(dataset: Path, _charges: Charges) -> None:
    """A commit whose part has another hash than what the journal gives."""
    path = max((dataset / "manifest" / "commits").iterdir())
    commit = json.loads(path.read_bytes())
    commit["parts"][0]["rows"]["sha256"] = "0" * 64
    path.write_text(json.dumps(commit))


FAULTS: Mapping[str, tuple[Callable[[Path, Charges], Any], str]] = {
    "an attempt billed twice": (bill_twice, "was billed 2 times"),
    "a charge without an intent": (bill_unrecorded, "is not in the journal"),
    "an answer without a charge": (bill_nothing, "was never billed"),
    "a known answer bought again": (buy_again, "although an answer was on record"),
    "an attempt left open": (leave_open, "still open"),
    "a missing image": (lose_image, "missing: images/"),
    "an image with a flipped bit": (flip_a_byte, "torn: images/"),
    "a partition left out of the manifest": (forget_a_partition, "rows are not in the manifest"),
    "a manifest with another cost": (falsify_a_part, "the manifest knows $"),
    "a part that the journal does not give": (disagree_with_the_journal, "have other bytes"),
}


async def test_the_audit_finds_nothing_where_nothing_is_wrong(made: tuple[Path, Charges]) -> None:
    found = await audit(open_store(str(made[0])), made[1], NAMES)
    assert (found.broken, found.rows, found.billed) == ([], ROWS, ROWS)


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_audit_finds_each_fault(fault: str, made: tuple[Path, Charges], tmp_path: Path) -> None:
    dataset, charges = tmp_path / "ds", list(made[1])
    shutil.copytree(made[0], dataset)
    do, expected = FAULTS[fault]
    await do(dataset, charges)
    found = await audit(open_store(str(dataset)), charges, NAMES)
    assert any(expected in sentence for sentence in found.broken), found.broken


async def test_the_audit_misses_a_row_that_the_dataset_never_had(made: tuple[Path, Charges]) -> None:
    found = await audit(open_store(str(made[0])), made[1], [*NAMES, "c/r99"])
    assert any("c/r99" in sentence for sentence in found.broken)


@pytest.mark.parametrize(
    ("reads", "kind"),
    [
        ([(5, {1}), (9, {1, 2})], "mixed"),
        ([(5, {2}), (4, {3})], "backwards"),
        ([(5, {2}), (5, {1})], "backwards"),
        ([(5, {2}), OSError("torn")], "unreadable"),
        ([(5, {2}), FileNotFoundError("gone")], "unreadable"),
    ],
)
def test_the_reader_sees_what_must_not_be(reads: list[Any], kind: str) -> None:
    watcher = Watcher()
    for one in reads:

        def read(one: Any = one) -> tuple[int, set[int]]:
            if isinstance(one, Exception):
                raise one
            return one  # type: ignore[no-any-return]  # a pair, or an error

        watcher.look("pandas", read)
    assert {name: len(getattr(watcher.readings, name)) for name in ("mixed", "backwards", "unreadable")} == {
        **dict.fromkeys(("mixed", "backwards", "unreadable"), 0),
        kind: 1,
    }


def cut_short(manifest: Path) -> None:
    manifest.write_bytes(manifest.read_bytes()[:-10])


def of_two_commits(manifest: Path) -> None:
    table = pq.read_table(manifest)
    commits = pa.array([1, *[2] * (ROWS - 1)], table.schema.field("manifest_commit").type)
    pq.write_table(table.set_column(table.column_names.index("manifest_commit"), "manifest_commit", commits), manifest)


def with_fewer_rows(manifest: Path) -> None:
    pq.write_table(pq.read_table(manifest).slice(1), manifest)


def of_an_older_commit(manifest: Path) -> None:
    table = pq.read_table(manifest)
    commits = pa.array([0] * ROWS, table.schema.field("manifest_commit").type)
    pq.write_table(table.set_column(table.column_names.index("manifest_commit"), "manifest_commit", commits), manifest)


DAMAGE: Mapping[str, Callable[[Path], None]] = {
    "unreadable": cut_short, "mixed": of_two_commits, "backwards": with_fewer_rows, "backwards too": of_an_older_commit,
}  # fmt: skip


@pytest.mark.parametrize("columns", [None, JUDGED], ids=["all columns", "judged columns"])
@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_reads_and_notices_what_must_not_be(
    name: str, columns: list[str] | None, made: tuple[Path, Charges], tmp_path: Path
) -> None:
    for kind, damage in DAMAGE.items():
        dataset, watcher = tmp_path / kind, Watcher()
        dataset.mkdir()
        shutil.copy(made[0] / "manifest.parquet", dataset)
        read = readers_of(str(dataset), columns)[name]
        watcher.look(name, read)
        seen = watcher.readings
        assert (seen.reads, seen.rows, seen.commits) == (1, ROWS, 1)
        assert (seen.unreadable, seen.mixed, seen.backwards) == ([], [], [])
        damage(dataset / "manifest.parquet")
        watcher.look(name, read)
        assert getattr(seen, kind.split()[0]), f"{name} saw nothing wrong with a manifest that is {kind}"


def test_our_own_reader_notices_a_part_cut_short(made: tuple[Path, Charges], tmp_path: Path) -> None:
    dataset, watcher = tmp_path / "ds", Watcher()
    shutil.copytree(made[0], dataset)
    read = readers_of(str(dataset))["read_manifest"]
    watcher.look("read_manifest", read)
    assert (watcher.readings.rows, watcher.readings.unreadable) == (ROWS, [])
    for part in (dataset / "manifest" / "parts").iterdir():
        cut_short(part)
    watcher.look("read_manifest", read)
    assert watcher.readings.unreadable


async def test_a_killed_run_is_dead_and_a_stopped_one_is_not(
    runs: Nursery, gateway: SandboxProcess, catalog: Callable[..., Path], tmp_path: Path
) -> None:
    gateway.switch(scenarios=["hang"])
    child = runs.start(catalog(2), tmp_path / "ds", gateway.base_url, spool=str(tmp_path / "spool"))
    await asyncio.sleep(0.3)
    assert child.end is None
    assert child.kill()
    assert child.wait().code == -9
    assert not Path(f"/proc/{child.pid}").exists()
