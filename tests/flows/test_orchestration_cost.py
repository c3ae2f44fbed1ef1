"""What Prefect costs a run: CPU of client and server beside the same run without it, database, number of task runs.

``PRINTROOM_COST_ROWS`` makes it larger or smaller than the 10,000 rows of the promise.
"""

import os
import resource
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


def idle_cpu(seconds: float = 30.0) -> float:
    """CPU seconds that the server takes per second of having nothing to do."""
    before = server_cpu()
    time.sleep(seconds)
    return (server_cpu() - before) / seconds


def test_prefect_costs_a_twentieth_of_the_cpu_and_a_few_megabytes(tmp_path: Path) -> None:
    """Each figure is the least of two runs, less that of one row (start-up) and of an idle server."""
    found: dict[str, list[float]] = {"bare": [], "flow": [], "served": []}
    with (
        SandboxProcess("--reader", "embedded", latency_scale=0) as gateway,
        prefect_server(tmp_path / "home") as server,
    ):
        env = {
            **os.environ, "PYTHONPATH": str(ROOT), "PRINTROOM_PROVIDER": "sandbox",
            "PRINTROOM_BASE_URL": gateway.base_url, "PRINTROOM_SPOOL": str(tmp_path / "spool"), **server.environment,
        }  # fmt: skip
        idle = idle_cpu()
        for turn in range(2):
            for rows in (1, ROWS):
                listed = [{"id": f"r{i}", "prompt": f"field {turn} {rows} {i}", "model": MODEL} for i in range(rows)]
                catalog = str(write_catalog(tmp_path / f"c{rows}.csv", listed))
                bare = cpu_of([sys.executable, "-c", BARE, catalog, str(tmp_path / f"bare{turn}-{rows}")], env)
                words = ["run", catalog, "--dataset", str(tmp_path / f"flow{turn}-{rows}"), "--yes"]
                command = [sys.executable, "-m", "deployments.cli.main", *words, "--concurrency", "32"]
                size, served, began = database_bytes(server), server_cpu(), time.monotonic()
                flow = cpu_of([*command, "--rpm", f"{MODEL}=1000000"], env)
                served = server_cpu() - served - idle * (time.monotonic() - began)
                for name, value in (("bare", bare), ("flow", flow), ("served", served)):
                    found[name].append(value if rows > 1 else -value)
                grown = database_bytes(server) - size
        with server.client() as client:
            task_runs = client.post("/task_runs/count", json={}).json()
    bare, flow, served = (min(sum(values[:2]), sum(values[2:])) for values in found.values())
    print(
        f"{ROWS:,} rows: {bare:.1f} CPU-s without Prefect, {flow:.1f} with it, server {served:.1f} (idle "
        f"{idle:.3f} a second apart), in all {(flow + served) / bare - 1:+.1%}; start-up {-found['flow'][0]:.1f}; "
        f"database + {grown / 1e6:.2f} MB; {task_runs} task runs in four runs; {found}"
    )
    assert grown <= 5_000_000
    assert task_runs <= 4 * (16 + 10)
    assert flow + served - bare <= 0.25 * bare, "the promise is a twentieth; shared machines are noisy"
