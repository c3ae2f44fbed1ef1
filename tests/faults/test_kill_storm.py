"""T1: SIGKILL at random times, again and again; then one plain run, and one for what is held."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.storage.open import open_store
from tests.faults.audit import Audit, audit, read_books
from tests.faults.nursery import Nursery
from tests.faults.reader import ENGINES, Readings, watching
from tests.faults.settled import bill_when_settled
from tests.faults.storm import Storm, storm
from tests.support.moto import S3Server

CONCURRENCY = 8
READS = 10_000  # asked of the long form on a folder
PAUSE_S = {6: 0.1, 200: 0.004, 40: 0.1}  # between two rounds of reads, by kills; in shorter storms nobody reads
Figures = Callable[..., None]


async def weather(
    runs: Nursery,
    gateway: SandboxProcess,
    catalog: Path,
    dataset: str,
    tmp_path: Path,
    *,
    rows: int,
    kills: int,
    seed: int,
    environment: dict[str, str],
) -> tuple[Storm, Audit, Readings]:
    """A storm over one catalog with a reader watching, then the two runs that finish it, then the audit."""
    common: dict[str, Any] = {
        "spool": str(tmp_path / "spool"),
        "environment": environment,
        "commit_every_s": 0.2,
        "gallery": True,
    }
    options = {"concurrency": CONCURRENCY, "partitions": 16 if kills >= 40 else 4}

    def start(**more: Any) -> Any:
        return runs.start(catalog, dataset, gateway.base_url, options={**options, **more}, **common)

    report, pause_s = tmp_path / "readings.json", PAUSE_S.get(kills)
    watch = None if pause_s is None else watching(dataset, report, environment=environment, pause_s=pause_s)
    with watch or nullcontext(Readings(rows=rows)) as readings:  # four readers take long to start
        weathered = storm(start, kills=kills, seed=seed, work_left=lambda: 1 - rows_begun(gateway) / rows)
        plain = start()
        code = plain.wait(300).code
        assert code in (0, 3), plain.log()[-3000:]
        if code == 3:
            held = start(only="held")
            assert held.wait(300).code == 0, held.log()[-3000:]
    store = open_store(dataset)
    found = await audit(store, bill_when_settled(gateway), [f"c/r{i}" for i in range(rows)])
    assert (await read_books(store)).unknowns <= CONCURRENCY * weathered.kills
    return weathered, found, readings


def rows_begun(gateway: SandboxProcess) -> int:
    """How many rows have been paid for at least once: a measure of how much is left for the rest of a storm."""
    return len({charge["prompt"] for charge in gateway.bill()["charges"]})


def judge(title: str, weathered: Storm, found: Audit, readings: Readings, figures: Figures, *, kills: int) -> None:
    """Print the figures and fail on any broken promise."""
    figures(
        title, kills=weathered.kills, wall_s=weathered.wall_s, **found.figures(), reads=readings.reads,
        reads_by=readings.reads_by, whole=readings.whole, longest_gap_s=readings.longest_gap_s,
        commits_seen=readings.commits, unreadable=len(readings.unreadable), mixed=len(readings.mixed),
        backwards=len(readings.backwards),
    )  # fmt: skip
    assert found.broken == []
    assert weathered.kills == kills, f"the work was done after {weathered.kills} kills"
    assert found.billed - found.rows <= found.unknowns <= CONCURRENCY * kills
    assert (readings.unreadable, readings.mixed, readings.backwards) == ([], [], [])
    assert readings.rows == found.rows
    if kills in PAUSE_S:
        least = READS if kills == 200 else len(ENGINES)
        assert readings.commits > kills / 40, "it did not read all along"
        assert sum(readings.reads_by.get(engine, 0) for engine in ENGINES) >= least
        assert all(readings.reads_by.get(engine, 0) >= least / (2 * len(ENGINES)) for engine in ENGINES), "one starved"


@pytest.mark.parametrize(
    ("rows", "kills"), [(48, 6), pytest.param(1000, 200, marks=pytest.mark.slow)], ids=["slice", "long"]
)
async def test_a_storm_of_kills_on_a_folder_loses_nothing_and_pays_nothing_twice(
    rows: int,
    kills: int,
    runs: Nursery,
    gateway: SandboxProcess,
    catalog: Callable[..., Path],
    tmp_path: Path,
    figures: Figures,
) -> None:
    weathered, found, readings = await weather(
        runs, gateway, catalog(rows), str(tmp_path / "ds"), tmp_path, rows=rows, kills=kills, seed=kills, environment={}
    )
    judge("kill storm, folder", weathered, found, readings, figures, kills=kills)


@pytest.mark.parametrize(
    ("rows", "kills"), [(16, 2), pytest.param(200, 40, marks=pytest.mark.slow)], ids=["slice", "long"]
)
async def test_a_storm_of_kills_on_s3_loses_nothing_and_pays_nothing_twice(
    rows: int,
    kills: int,
    runs: Nursery,
    gateway: SandboxProcess,
    catalog: Callable[..., Path],
    tmp_path: Path,
    s3: S3Server,
    figures: Figures,
) -> None:
    bucket = s3.make_bucket(f"storm-{rows}")
    gateway.switch(latency_scale=0.0025)  # of gpt-image-1's 40 s
    with s3.as_environment():
        weathered, found, readings = await weather(
            runs, gateway, catalog(rows, model="gpt-image-1"), f"s3://{bucket}/set", tmp_path, rows=rows, kills=kills,
            seed=kills, environment=dict(s3.environment),
        )  # fmt: skip
    judge("kill storm, S3", weathered, found, readings, figures, kills=kills)
