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
from tests.support.prefect_runs import descendants
from tests.support.prefect_server import ROOT, PrefectServer, prefect_server
from tests.support.runs import write_catalog

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROWS = int(os.environ.get("PRINTROOM_COST_ROWS", "10000"))  # read before the tests clear the environment
MODEL = "dall-e-2"
_PRAGMAS = ("page_count", "freelist_count", "page_size")


def server_cpu() -> float:
    """CPU seconds so far of the Prefect server that this process started."""
    total = 0.0
    for pid in descendants(os.getpid()):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"server" in words and b"start" in words:
                values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
    return total


def idle_cpu(seconds: float = 30.0) -> float:
    """CPU seconds that the server takes per second of having nothing to do."""
    before = server_cpu()
    time.sleep(seconds)
    return (server_cpu() - before) / seconds


def database_bytes(server: PrefectServer) -> int:
    """What the server's database holds, pages that are free not counted."""
    with sqlite3.connect(server.home / "prefect.db") as database:
        pages, free, size = (database.execute(f"pragma {name}").fetchone()[0] for name in _PRAGMAS)
        return int((pages - free) * size)


def test_prefect_costs_a_twentieth_of_the_cpu_and_a_few_megabytes(tmp_path: Path) -> None:
    """Start-up and the idle server apart. Shares of the same moment: a busy machine changes both sides."""
    listed = [{"id": f"r{i}", "prompt": f"field {i}", "model": MODEL} for i in range(ROWS)]
    catalog = write_catalog(tmp_path / "fields.csv", listed)
    with (
        SandboxProcess("--reader", "embedded", latency_scale=0) as gateway,
        prefect_server(tmp_path / "home") as server,
    ):
        idle = idle_cpu()
        env = {
            **os.environ, "PYTHONPATH": str(ROOT), "PRINTROOM_PROVIDER": "sandbox",
            "PRINTROOM_BASE_URL": gateway.base_url, "PRINTROOM_SPOOL": str(tmp_path / "spool"), **server.environment,
        }  # fmt: skip
        words = ["run", str(catalog), "--dataset", str(tmp_path / "ds"), "--yes", "--concurrency", "32"]
        command = [sys.executable, "-m", "tests.flows.cost_child", *words, "--rpm", f"{MODEL}=1000000"]
        size, before, began = database_bytes(server), server_cpu(), time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        used, took_s = server_cpu() - before, time.monotonic() - began
        assert done.returncode == 0, done.stderr
        grown = database_bytes(server) - size
        with server.client() as client:
            task_runs = client.post("/task_runs/count", json={}).json()
        idle = min(idle, idle_cpu())  # the less of before and after: rather too much is said of Prefect
    served = max(0.0, used - idle * took_s)
    found = json.loads(done.stderr.strip().splitlines()[-1])
    ours = found["total"] - found["prefect"]
    share = (found["prefect"] + served) / ours
    print(
        f"{ROWS:,} rows: {ours:.1f} CPU-s of ours, {found['prefect']:.2f} of Prefect in the run's process, "
        f"{served:.2f} of {used:.2f} in its server, idle apart ({idle:.3f} a second, {took_s:.0f} s): {share:.1%}; "
        f"database + {grown / 1e6:.2f} MB; {task_runs} task runs"
    )
    assert share <= 0.05
    assert grown <= 5_000_000
    assert task_runs <= 16 + 10
