"""The Prefect server goes away in the middle of a run: the run goes on, and every row is paid for once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.prefect_runs import deploy, processes_of, start_run, wait_run, worker
from tests.support.prefect_server import ROOT, PrefectServer, prefect_server
from tests.support.runs import charged, charges_so_far, current_rows, write_catalog

pytestmark = [pytest.mark.server, pytest.mark.slow]

MODEL, ROWS, RPM, AWAY_S = "dall-e-2", 240, 150, 60.0


def environment(sandbox: SandboxProcess, folder: Path) -> dict[str, str]:
    spool = str(folder / "spool")
    return {"PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": sandbox.base_url, "PRINTROOM_SPOOL": spool}


def catalog_of(folder: Path) -> str:
    listed = [{"id": f"r{i}", "prompt": f"gate {folder.name} {i}", "model": MODEL} for i in range(ROWS)]
    return str(write_catalog(folder / "gates.csv", listed))


def workers_run(server: PrefectServer, sandbox: SandboxProcess, folder: Path, held: ExitStack) -> str:
    """A run on a worker, a quarter of the way through."""
    before = charges_so_far(sandbox)
    deploy(server)
    held.enter_context(worker(server, environment(sandbox, folder), "steady"))
    asked = {"max_spend": 50, "approve_above": 50, "rpm": {MODEL: RPM}, "dataset": str(folder / "ds")}
    run = start_run(server, "generate_dataset/on-demand", {**asked, "catalogs": [catalog_of(folder)]})
    wait_for_calls(sandbox, before + ROWS // 4)
    return run


def wait_for_calls(sandbox: SandboxProcess, calls: int) -> None:
    """Return once so many calls are on the bill."""
    for _ in range(3000):
        if charges_so_far(sandbox) >= calls:
            return
        time.sleep(0.2)
    raise AssertionError("the run did not get so far")


def judge(state: dict[str, Any], sandbox: SandboxProcess, before: int, folder: Path) -> None:
    """Every row has its picture and was paid for once, and the run says so."""
    assert Counter(row["outcome"] for row in current_rows(folder / "ds")) == {"succeeded": ROWS}
    assert len(charged(sandbox, before)) == ROWS
    assert state["name"] == "Completed", state


def test_a_run_whose_server_does_not_answer_for_a_minute_goes_on(sandbox: SandboxProcess, tmp_path: Path) -> None:
    before = charges_so_far(sandbox)
    with ExitStack() as held:
        server = held.enter_context(prefect_server(tmp_path / "home"))
        run = workers_run(server, sandbox, tmp_path, held)
        frozen = processes_of(server)
        assert frozen
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        at_first = charges_so_far(sandbox)
        try:
            time.sleep(AWAY_S)
            meanwhile = charges_so_far(sandbox) - at_first
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        done = wait_run(server, run)
    judge(done["state"], sandbox, before, tmp_path)
    assert meanwhile > 0, "nothing was bought while the server was away"


def test_a_workers_run_outlives_a_server_that_comes_back_after_a_minute(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    before = charges_so_far(sandbox)
    with ExitStack() as held:
        with prefect_server(tmp_path / "home") as server:
            run = workers_run(server, sandbox, tmp_path, held)
        at_first = charges_so_far(sandbox)
        time.sleep(AWAY_S)
        meanwhile = charges_so_far(sandbox) - at_first
        again = held.enter_context(prefect_server(tmp_path / "home", int(server.url.rpartition(":")[2])))
        done = wait_run(again, run)
    judge(done["state"], sandbox, before, tmp_path)
    assert meanwhile > 0, "nothing was bought while the server was away"


def test_a_run_of_the_command_line_outlives_a_restart_of_its_server(sandbox: SandboxProcess, tmp_path: Path) -> None:
    before = charges_so_far(sandbox)
    words = ["run", catalog_of(tmp_path), "--dataset", str(tmp_path / "ds"), "--yes", "--json"]
    with prefect_server(tmp_path / "home") as server:
        env = {**os.environ, **environment(sandbox, tmp_path), **server.environment, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "deployments.cli.main", *words, "--rpm", f"{MODEL}={RPM}"]
        run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        wait_for_calls(sandbox, before + ROWS // 4)
    with prefect_server(tmp_path / "home", int(server.url.rpartition(":")[2])) as again:
        out, _ = run.communicate()
        with again.client() as client:
            shown = client.post("/flow_runs/filter", json={"limit": 1}).json()[0]
    assert json.loads(out.strip().splitlines()[-1])["succeeded"] == ROWS
    judge(shown["state"], sandbox, before, tmp_path)
