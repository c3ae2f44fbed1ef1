"""Parts of a run on a Dask cluster that is there already, a worker killed in the middle; how fast several are."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import distributed
import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.paces import joint_pace
from tests.support.prefect_server import ROOT, PrefectServer
from tests.support.runs import charged, charges_so_far, current_rows, write_catalog

pytestmark = [pytest.mark.server, pytest.mark.slow]

MODEL, IN_FLIGHT = "dall-e-2", 4


@pytest.fixture(scope="module")
def slow_gateway() -> Iterator[SandboxProcess]:
    """Calls take a second or two, so that a worker can be killed in the middle and its limit is what counts."""
    with SandboxProcess("--reader", "embedded", latency_scale=0.15) as running:
        yield running


@contextmanager
def run_on(
    cluster_size: int, rows: int, server: PrefectServer, gateway: SandboxProcess, folder: Path
) -> Iterator[tuple[distributed.LocalCluster, subprocess.Popen[str]]]:
    """A cluster of its own and ``printroom run --runner dask`` on it, begun."""
    listed = [{"id": f"r{i}", "prompt": f"mill {cluster_size} {i}", "model": MODEL} for i in range(rows)]
    catalog = write_catalog(folder / "mills.csv", listed)
    variables = {
        "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": gateway.base_url, "PYTHONPATH": str(ROOT),
        "PRINTROOM_SPOOL": str(folder / "spool"), **server.environment,
    }  # fmt: skip
    words = ["run", str(catalog), "--dataset", str(folder / "ds"), "--yes", "--json", "--runner", "dask"]
    words += ["--workers", str(cluster_size), "--concurrency", str(IN_FLIGHT * cluster_size), "--rpm", f"{MODEL}=6000"]
    with distributed.LocalCluster(
        n_workers=cluster_size, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", env=variables
    ) as cluster:
        env = {**os.environ, **variables, "PRINTROOM_DASK_SCHEDULER": cluster.scheduler_address}
        command = [sys.executable, "-m", "deployments.cli.main", *words]
        with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as run:
            yield cluster, run


@pytest.mark.parametrize("workers", [2, 4])
def test_a_dask_cluster_buys_every_row_once_though_a_worker_is_killed(
    server: PrefectServer, slow_gateway: SandboxProcess, tmp_path: Path, workers: int
) -> None:
    rows, before = 60 * workers, charges_so_far(slow_gateway)
    with run_on(workers, rows, server, slow_gateway, tmp_path) as (cluster, run):
        while charges_so_far(slow_gateway) - before < rows // 3:
            assert run.poll() is None
            time.sleep(0.2)
        os.kill(next(iter(cluster.workers.values())).pid, 9)
        at_death = charges_so_far(slow_gateway) - before
        out, _ = run.communicate()
    assert json.loads(out.strip().splitlines()[-1])["succeeded"] == rows
    assert Counter(row["outcome"] for row in current_rows(tmp_path / "ds")) == {"succeeded": rows}
    bill = charged(slow_gateway, before)
    print(f"Dask, {workers} workers, one killed at {at_death} of {rows}: {len(bill)} charges")
    assert rows <= len(bill) <= rows + IN_FLIGHT, "no more than the calls that were in flight"


def test_several_dask_workers_at_a_gateway_with_latency_do_more_than_one(
    server: PrefectServer, slow_gateway: SandboxProcess, tmp_path: Path
) -> None:
    paces: dict[int, float] = {}
    for workers in (1, 2, 4):
        folder = tmp_path / str(workers)
        folder.mkdir()
        with run_on(workers, 120 * workers, server, slow_gateway, folder) as (_, run):
            run.communicate()
        paces[workers] = joint_pace(folder / "ds", workers)
    linear = {n: round(pace / (n * paces[1]), 2) for n, pace in paces.items()}
    print(f"Dask, pictures a second: { {n: round(pace, 2) for n, pace in paces.items()} }, of linear: {linear}")
    assert paces[4] > paces[2] > paces[1]
