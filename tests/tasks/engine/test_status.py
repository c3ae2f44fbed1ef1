"""``printroom status`` reads the journal alone: who has partitions open, and every call nobody knows the end of."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.cli.main import main
from deployments.cli.status import MOST_UNKNOWNS
from deployments.sandbox.process import SandboxProcess
from tasks.journal import events as ev
from tasks.journal.dataset import open_dataset
from tasks.journal.owner import this_process
from tasks.journal.partition import PartitionJournal, open_partition
from tasks.journal.spool import LocalSpool
from tasks.storage.open import open_store
from tests.support.runs import run, write_catalog
from tests.tasks.journal import samples

Status = Callable[..., str]


@pytest.fixture
def status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Status:
    """What the command prints about the dataset."""

    def asked(*more: str) -> str:
        assert main(["status", "--dataset", str(tmp_path / "ds"), *more]) == 0
        return capsys.readouterr().out

    return asked


async def owned(tmp_path: Path, owner: ev.Owner) -> PartitionJournal:
    """Partition 0 of two in the hands of ``owner``."""

    async def settle(intent: ev.Intent, _blob: bytes) -> ev.Answered:
        return samples.answered(intent)

    store = open_store(str(tmp_path / "ds"))
    dataset = await open_dataset(store, partitions=2, create=True)
    journal = await open_partition(store, dataset, 0, owner, spool=LocalSpool("x", tmp_path / "spool"), settle=settle)
    assert journal is not None
    return journal


async def test_a_run_at_work_is_named_with_its_partitions_until_it_closes_them(tmp_path: Path, status: Status) -> None:
    journal = await owned(tmp_path, this_process("nightly"))
    said = await asyncio.to_thread(status)
    assert f"run nightly (process {os.getpid()} on " in said
    assert said.rstrip().endswith("has partition 00")
    await journal.close()
    assert "nightly" not in await asyncio.to_thread(status)


async def test_a_run_that_was_killed_is_named_as_ended(tmp_path: Path, status: Status) -> None:
    await owned(tmp_path, replace(this_process("nightly"), started="1"))  # another process has its pid now
    said = json.loads((await asyncio.to_thread(status, "--json")).splitlines()[-1])
    assert [line.partition(") ")[2] for line in said["owners"]] == ["has partition 00 and ended without closing them"]


async def test_every_unknown_call_is_listed_with_what_it_may_have_cost(tmp_path: Path, status: Status) -> None:
    journal = await owned(tmp_path, this_process("nightly"))
    count = MOST_UNKNOWNS + 3
    for number in range(count):
        row = f"r{number}"
        paid = samples.intent(key=f"{number:064x}", row_id=row, cap_micros=20_000)
        await journal.append(samples.wanted(key=paid.key, row_id=row), paid, samples.unknown(paid))
    await journal.close()
    said = await asyncio.to_thread(status)
    assert said.count("\nunknown: ") == MOST_UNKNOWNS
    assert "/r0 (" in said
    assert "at most $0.02" in said
    assert "… and 3 more, at most $0.06; --json lists them all" in said
    listed = json.loads((await asyncio.to_thread(status, "--json")).splitlines()[-1])
    assert [each["row_id"] for each in listed["unknown_attempts"]] == [f"r{n}" for n in range(count)]
    assert listed["cost_at_risk_usd"] == "0.46"


@pytest.mark.parametrize("newer", [0, 1])
async def test_a_torn_segment_is_named_by_status_and_found_by_verify(
    newer: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = await owned(tmp_path, this_process("nightly"))
    await journal.close()
    torn, *_ = sorted((tmp_path / "ds/journal/00").glob("*.jsonl"), reverse=True)[newer:]
    torn.write_bytes(torn.read_bytes()[:-9])
    words = ["--dataset", str(tmp_path / "ds"), "--json"]
    assert await asyncio.to_thread(main, ["status", *words]) == 2
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert problem["found"].startswith(f"journal/00/{torn.name}: ")
    for more in ([], ["--rebuild-manifest"]):
        assert await asyncio.to_thread(main, ["verify", *words, *more]) == 1
        found = json.loads(capsys.readouterr().out)
        assert [(each["kind"], each["key"]) for each in found["findings"]] == [("torn", "journal/00/")]
        assert not found["rebuilt"]


async def test_a_call_that_brought_one_picture_of_two_counts_alike_wherever_it_is_counted(
    tmp_path: Path, sandbox: SandboxProcess, status: Status
) -> None:
    row = {"id": "a", "model": "dall-e-2", "n": "2", "prompt": "a hill [[scenario:fewer_pictures@1]]"}
    catalog = write_catalog(tmp_path / "c.csv", [row])
    done = await run(catalog, tmp_path / "ds", sandbox)
    assert (done.succeeded, done.failed, done.pending, done.rows) == (1, 1, 0, 2)
    idle = await run(catalog, tmp_path / "ds", sandbox)
    assert (idle.succeeded, idle.failed, idle.reused, idle.cost_micros) == (1, 1, 1, 0)
    said = json.loads(await asyncio.to_thread(status, "--json"))
    assert (said["succeeded"], said["failed"], said["rows"]) == (1, 1, 2)
