"""T4: the worker dies and its disk with it, again and again; whoever goes on has the dataset and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.journal.dataset import open_dataset
from tasks.journal.inspect import load_all
from tasks.manifest.commits import newest_commit
from tasks.manifest.rebuild import rebuild_manifest
from tasks.storage.open import open_store
from tests.faults.audit import audit
from tests.faults.nursery import Nursery
from tests.faults.settled import bill_when_settled
from tests.faults.storm import storm
from tests.faults.test_kill_storm import rows_begun


@pytest.mark.parametrize(
    ("rows", "losses"), [(40, 4), pytest.param(300, 30, marks=pytest.mark.slow)], ids=["slice", "long"]
)
async def test_a_worker_lost_with_its_disk_costs_only_its_calls_in_flight(
    rows: int,
    losses: int,
    runs: Nursery,
    gateway: SandboxProcess,
    catalog: Callable[..., Path],
    tmp_path: Path,
    figures: Callable[..., None],
) -> None:
    wanted, dataset, spool = catalog(rows), str(tmp_path / "ds"), tmp_path / "spool"
    lost_bytes = 0

    def lose_disk(_kills: int) -> None:
        nonlocal lost_bytes
        lost_bytes += sum(path.stat().st_size for path in spool.rglob("*") if path.is_file())
        shutil.rmtree(spool, ignore_errors=True)

    def start(**more: Any) -> Any:
        options = {"concurrency": 8, "partitions": 16 if rows >= 200 else 4, **more}
        return runs.start(wanted, dataset, gateway.base_url, spool=str(spool), options=options, commit_every_s=0.2)

    lost = storm(
        start, kills=losses, seed=losses, between=lose_disk,
        work_left=lambda: 1 - rows_begun(gateway) / rows,
    )  # fmt: skip
    assert lost.kills == losses
    if start().wait(300).code == 3:
        assert start(only="held").wait(300).code == 0
    found = await audit(open_store(dataset), bill_when_settled(gateway), [f"c/r{i}" for i in range(rows)])
    figures("worker and disk lost", losses=lost.kills, spooled_bytes_lost=lost_bytes, **found.figures())
    assert found.broken == []
    assert found.billed - found.rows <= found.unknowns <= 8 * losses
    await _rebuilt_from_nothing_but_the_journal(dataset)


async def _rebuilt_from_nothing_but_the_journal(dataset: str) -> None:
    """The manifest is deleted whole and made again: the same objects, byte for byte."""
    store = open_store(dataset)
    before = await newest_commit(store)
    assert before is not None
    shutil.rmtree(Path(dataset, "manifest"))
    Path(dataset, "manifest.parquet").unlink()
    await rebuild_manifest(store, load_all(store, await open_dataset(store, create=False)), run_id="test")
    after = await newest_commit(store)
    assert after is not None
    assert after.parts == before.parts
