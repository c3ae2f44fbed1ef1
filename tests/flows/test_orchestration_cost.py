"""What Prefect costs a run: its share of the CPU of client and server, database, number of task runs.

``PRINTROOM_COST_ROWS`` makes it larger or smaller than the 10,000 rows of the promise.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.prefect_runs import processes_of
from tests.support.prefect_server import ROOT, PrefectServer, prefect_server
from tests.support.runs import write_catalog

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROWS = int(os.environ.get("PRINTROOM_COST_ROWS", "10000"))  # read before the tests clear the environment
MODEL = "dall-e-2"
SETTLE_S = 20.0
_PRAGMAS = ("page_count", "freelist_count", "page_size")


def server_cpu(server: PrefectServer) -> float:
    """CPU seconds so far of a Prefect server that this process started."""
    total = 0.0
    for pid in processes_of(server):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
    return total


def database_bytes(server: PrefectServer) -> int:
    """What the server's database holds, pages that are free not counted."""
    with sqlite3.connect(server.home / "prefect.db") as database:
        pages, free, size = (database.execute(f"pragma {name}").fetchone()[0] for name in _PRAGMAS)
        return int((pages - free) * size)


def test_prefect_costs_a_twentieth_of_the_cpu_and_a_few_megabytes(tmp_path: Path) -> None:
    """Start-up and the idle server apart: a second server that has nothing to do runs beside the first, so long."""
    listed = [{"id": f"r{i}", "prompt": f"field {i}", "model": MODEL} for i in range(ROWS)]
    catalog = write_catalog(tmp_path / "fields.csv", listed)
    with (
        SandboxProcess("--reader", "embedded", latency_scale=0) as gateway,
        prefect_server(tmp_path / "home") as server,
        prefect_server(tmp_path / "idle") as twin,
    ):
        time.sleep(SETTLE_S)
        env = {
            **os.environ, "PYTHONPATH": str(ROOT), "PRINTROOM_PROVIDER": "sandbox",
            "PRINTROOM_BASE_URL": gateway.base_url, "PRINTROOM_SPOOL": str(tmp_path / "spool"), **server.environment,
        }  # fmt: skip
        words = ["run", str(catalog), "--dataset", str(tmp_path / "ds"), "--yes", "--concurrency", "32"]
        command = [sys.executable, "-m", "tests.flows.cost_child", *words, "--rpm", f"{MODEL}=1000000"]
        size, before, began = database_bytes(server), (server_cpu(server), server_cpu(twin)), time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        time.sleep(SETTLE_S)  # what the server still writes of the run
        used, idle = (server_cpu(one) - was for one, was in zip((server, twin), before, strict=True))
        took_s = time.monotonic() - began
        grown = database_bytes(server) - size
        with server.client() as client:
            task_runs = client.post("/task_runs/count", json={}).json()
    served = max(0.0, used - idle)
    found = json.loads(done.stderr.strip().splitlines()[-1])
    ours = found["total"] - found["prefect"]
    share = (found["prefect"] + served) / ours
    print(
        f"{ROWS:,} rows: {ours:.1f} CPU-s of ours, {found['prefect']:.2f} of Prefect in the run's process, "
        f"{used:.2f} in its server beside {idle:.2f} of an idle one in {took_s:.0f} s: {share:.1%}; "
        f"database + {grown / 1e6:.2f} MB; {task_runs} task runs"
    )
    assert share <= 0.05
    assert grown <= 5_000_000
    assert task_runs <= 16 + 10
