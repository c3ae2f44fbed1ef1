"""What a run tidies up behind itself, and what it must leave alone."""

import os
import time
from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tasks.manifest.commits import commit_entries
from tasks.manifest.readers import read_manifest
from tasks.manifest.verify import verify_dataset
from tasks.storage.open import open_store
from tests.support.runs import run, write_catalog

ROWS = [{"id": f"r{i}", "prompt": f"boat {i}", "model": "dall-e-2", "size": "256x256"} for i in range(5)]
DAY_S = 24 * 3600


def grown_old(folder: Path, days: float) -> None:
    """As if everything below had been written so many days ago."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - days * DAY_S,) * 2)


async def dataset_with_a_past(tmp_path: Path, sandbox: SandboxProcess, days: float) -> Path:
    """A dataset of 30 commits, and of one part that no commit names, all of them so many days old."""
    dataset, catalog = tmp_path / "ds", write_catalog(tmp_path / "c.csv", ROWS[:4])
    assert (await run(catalog, dataset, sandbox, partitions=2)).exit_code == 0
    for _ in range(30):
        await commit_entries(open_store(str(dataset)), [], run_id="earlier", final=True, rebuilt=True)
    dataset.joinpath("manifest/parts/01-lost-a-race.parquet").write_bytes(b"nobody's")
    grown_old(dataset, days)
    return dataset


def commits(dataset: Path) -> list[str]:
    return sorted(path.name for path in dataset.joinpath("manifest/commits").iterdir())


async def test_a_run_removes_old_commits_and_parts_nobody_names_and_nothing_else(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    dataset = await dataset_with_a_past(tmp_path, sandbox, days=8)
    images = sorted(dataset.joinpath("images").rglob("*.*"))
    assert (await run(write_catalog(tmp_path / "c.csv", ROWS), dataset, sandbox)).exit_code == 0
    assert len(commits(dataset)) == 20
    assert not dataset.joinpath("manifest/parts/01-lost-a-race.parquet").exists()
    assert set(images) < set(dataset.joinpath("images").rglob("*.*"))
    assert read_manifest(dataset).num_rows == len(ROWS)
    assert (await verify_dataset(open_store(str(dataset)))).ok
    assert (await run(tmp_path / "c.csv", dataset, sandbox)).reused == len(ROWS)


async def test_what_is_younger_than_a_week_stays_for_whoever_still_reads_it(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    dataset = await dataset_with_a_past(tmp_path, sandbox, days=6)
    before = commits(dataset)
    assert (await run(write_catalog(tmp_path / "c.csv", ROWS), dataset, sandbox)).exit_code == 0
    assert set(before) < set(commits(dataset))
    assert dataset.joinpath("manifest/parts/01-lost-a-race.parquet").exists()
