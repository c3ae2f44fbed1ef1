"""What Prefect costs a run: CPU of client and server beside the same run without it, database, number of task runs.

``PRINTROOM_COST_ROWS`` makes it larger or smaller than the 10,000 rows of the promise.
"""

import os
import resource
import sqlite3
import subprocess
import sys
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
BARE = """
import asyncio, sys
from pathlib import Path
from tasks.settings import read_settings
from tasks.work.execute import execute
from tasks.work.options import RunOptions
from tasks.work.session import new_session
asked = RunOptions(catalogs=(sys.argv[1],), dataset=sys.argv[2], provider="sandbox", rpm={"*": 1e6}, concurrency=32)
asyncio.run(execute(new_session(asked, read_settings("sandbox"), "bare", say=lambda _: None)))
"""


def cpu_of(command: list[str], environment: dict[str, str]) -> float:
    """User and system seconds of a child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def server_cpu() -> float:
    """CPU seconds so far of the Prefect server that this process started."""
    total = 0.0
    for pid in descendants(os.getpid()):
        with suppress(FileNotFoundError):  # it has ended meanwhile
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"prefect.server" in words or (b"server" in words and b"start" in words):
                values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
    return total


def database_bytes(server: PrefectServer) -> int:
    """What the server's database holds, pages that are free not counted."""
    with sqlite3.connect(server.home / "prefect.db") as database:
        pages, free, size = (database.execute(f"pragma {name}").fetchone()[0] for name in _PRAGMAS)
        return int((pages - free) * size)


_PRAGMAS = ("page_count", "freelist_count", "page_size")


def test_prefect_costs_a_twentieth_of_the_cpu_and_a_few_megabytes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with SandboxProcess("--reader", "embedded", latency_scale=0) as gateway, prefect_server(home) as server:
        env = {
            **os.environ, "PYTHONPATH": str(ROOT), "PRINTROOM_PROVIDER": "sandbox",
            "PRINTROOM_BASE_URL": gateway.base_url, "PRINTROOM_SPOOL": str(tmp_path / "spool"), **server.environment,
        }  # fmt: skip
        found: dict[tuple[str, int], float] = {}
        served = grown = 0.0
        for rows in (1, ROWS):
            listed = [{"id": f"r{i}", "prompt": f"field {rows} {i}", "model": MODEL} for i in range(rows)]
            catalog = str(write_catalog(tmp_path / f"c{rows}.csv", listed))
            found["bare", rows] = cpu_of([sys.executable, "-c", BARE, catalog, str(tmp_path / f"bare{rows}")], env)
            served, grown = -server_cpu(), -database_bytes(server)
            words = ["run", catalog, "--dataset", str(tmp_path / f"flow{rows}"), "--yes", "--concurrency", "32"]
            command = [sys.executable, "-m", "deployments.cli.main", *words, "--rpm", f"{MODEL}=1000000"]
            found["flow", rows] = cpu_of(command, env)
            served, grown = served + server_cpu(), grown + database_bytes(server)
        with server.client() as client:
            task_runs = client.post("/task_runs/count", json={}).json()
    bare = found["bare", ROWS] - found["bare", 1]
    flow = found["flow", ROWS] - found["flow", 1]
    print(
        f"{ROWS:,} rows: {bare:.1f} CPU-s without Prefect, {flow:.1f} with it, server {served:.1f}, "
        f"start-up {found['flow', 1]:.1f}; database + {grown / 1e6:.2f} MB; {task_runs} task runs in two runs"
    )
    assert grown <= 5_000_000
    assert task_runs <= 2 * (16 + 10)
    assert flow + served - bare <= 0.25 * bare, "the promise is a twentieth; shared machines are noisy"
