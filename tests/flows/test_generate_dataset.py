"""The flow on a real Prefect server, called by the command line as a user calls it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.prefect_server import ROOT, PrefectServer
from tests.support.runs import charged, charges_so_far, write_catalog

pytestmark = pytest.mark.server

ROWS = [
    {"id": "hill", "prompt": "a hill", "model": "dall-e-2"},
    {"id": "winter", "operation": "edit", "prompt": "in winter", "model": "flux-kontext-max", "images": "row:hill"},
    {"id": "gore", "prompt": "gore everywhere", "model": "dall-e-3"},
]


def printroom(
    words: Sequence[str], sandbox: SandboxProcess, spool: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command as a child process of its own."""
    env = {
        **os.environ, "PYTHONPATH": str(ROOT), "PRINTROOM_SPOOL": str(spool), "PRINTROOM_PROVIDER": "sandbox",
        "PRINTROOM_BASE_URL": sandbox.base_url, **(environment or {}),
    }  # fmt: skip
    command = [sys.executable, "-m", "deployments.cli.main", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON object at the end of stdout."""
    lines = done.stdout.strip().splitlines()
    assert lines, done.stderr
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def the_run(client: httpx.Client, folder: Path) -> dict[str, Any]:
    """The flow run of the dataset in ``folder``: a run bears its dataset's name."""
    named = {"flow_runs": {"name": {"any_": [str(folder / "ds")]}}}
    found: list[dict[str, Any]] = client.post("/flow_runs/filter", json=named).json()
    assert len(found) == 1
    return found[0]


def recorded_task_names(client: httpx.Client, run_id: str, *, until: str) -> set[str]:
    """The task runs of a flow run, once the server's recorder has caught up with it (30 s at most)."""
    names: set[str] = set()
    for _ in range(60):
        asked = {"flow_runs": {"id": {"any_": [run_id]}}, "limit": 100}
        names = {task["name"] for task in client.post("/task_runs/filter", json=asked).json()}
        if until in names:
            break
        time.sleep(0.5)
    return names


@pytest.fixture(scope="module")
def finished(
    server: PrefectServer, sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], int]:
    """One run of the three rows: its dataset, what it printed, its exit code."""
    folder = tmp_path_factory.mktemp("flow")
    catalog = write_catalog(folder / "three.csv", ROWS)
    done = printroom(
        ["run", str(catalog), "--dataset", str(folder / "ds"), "--yes", "--json"], sandbox, folder / "spool",
        server.environment,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return folder, last_line(done), done.returncode


def test_a_refused_row_is_told_in_counts_exit_code_and_money(finished: tuple[Path, dict[str, Any], int]) -> None:
    _, result, code = finished
    assert code == 3
    assert {name: result[name] for name in ("rows", "succeeded", "refused", "pending")} == {
        "rows": 3, "succeeded": 2, "refused": 1, "pending": 0
    }  # fmt: skip
    assert result["cost_usd"] == "0.09"


def test_the_run_page_has_task_runs_named_by_what_they_do_and_a_state_that_tells_the_truth(
    server: PrefectServer, finished: tuple[Path, dict[str, Any], int]
) -> None:
    with server.client() as client:
        run = the_run(client, finished[0])
        names = recorded_task_names(client, run["id"], until="commit manifest")
        artifacts = client.post("/artifacts/filter", json={}).json()
    assert run["state"]["type"] == "COMPLETED"
    assert run["state"]["name"] == "CompletedWithFailures"
    assert "1 refused" in run["state"]["message"]
    assert "commit manifest" in names
    assert any(name.startswith("generate") and "row" in name for name in names), names
    assert any(name.startswith("edit") for name in names), names
    assert {"ds-plan", "ds-progress", "ds-summary"} <= {artifact["key"] for artifact in artifacts}
    assert "sk-" not in json.dumps([run, artifacts])


def test_a_finished_catalog_needs_no_server_and_pays_nothing(
    finished: tuple[Path, dict[str, Any], int], sandbox: SandboxProcess
) -> None:
    folder, _, _ = finished
    before = charges_so_far(sandbox)
    nowhere = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    done = printroom(
        ["run", str(folder / "three.csv"), "--dataset", str(folder / "ds"), "--json"],
        sandbox,
        folder / "spool",
        nowhere,
    )
    assert done.returncode == 3
    assert last_line(done)["reused"] == 2
    assert charged(sandbox, before) == []
