"""Deployments, workers and runs of a real Prefect server, as the people and machines of a team would use them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.prefect_server import ROOT, PrefectServer

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def deploy(server: PrefectServer, environment: Mapping[str, str] | None = None) -> str:
    """``make deploy``; what it printed. The schedules rest, so that none of them fires in the middle of a test."""
    done = subprocess.run(
        [sys.executable, "-m", "deployments.deploy"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **server.environment, **(environment or {})},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with server.client() as client:
        for found in client.post("/deployments/filter", json={}).raise_for_status().json():
            for schedule in found["schedules"]:
                place = f"/deployments/{found['id']}/schedules/{schedule['id']}"
                client.patch(place, json={"active": False}).raise_for_status()
    return done.stdout


@contextmanager
def worker(
    server: PrefectServer, environment: Mapping[str, str], name: str = "one", *, limit: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process worker in a process group of its own; everything it started ends with it.

    With a limit it falls over when a run is resumed before its suspended process has gone (Prefect 3.8.8).
    """
    log = (server.home / f"worker-{name}.log").open("ab")
    env = {**os.environ, **server.environment, "PREFECT_WORKER_QUERY_SECONDS": "1", **environment}
    words = ["worker", "start", "--pool", "printroom", "--type", "process", "--name", name]
    words += [] if limit is None else ["--limit", str(limit)]
    child = subprocess.Popen(
        [sys.executable, "-m", "prefect", *words], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                child.wait(20)
        kill_group(child)
        log.close()


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a process and all it started, as when its machine goes."""
    for pid in [child.pid, *descendants(child.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.wait()


def descendants(pid: int) -> list[int]:
    """Every process that ``pid`` started, and those that these started."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    started: dict[int, list[int]] = {}
    for line in listed.splitlines():
        one, parent = (int(word) for word in line.split())
        started.setdefault(parent, []).append(one)
    found = list(started.get(pid, []))
    for one in found:  # grows while it is walked
        found += started.get(one, [])
    return found


def processes_of(server: PrefectServer) -> list[int]:
    """The processes of a server that this process started: their words have its port."""
    port, found = server.url.rpartition(":")[2].encode(), []
    for pid in descendants(os.getpid()):
        place = Path(f"/proc/{pid}/cmdline")
        words = place.read_bytes().split(b"\0") if place.exists() else []
        if port in words and (b"server" in words or b"prefect.server.api.server:create_app" in words):
            found.append(pid)
    return found


def deployment(server: PrefectServer, name: str) -> dict[str, Any]:
    """A deployment by ``flow/name``."""
    with server.client() as client:
        found: dict[str, Any] = client.get(f"/deployments/name/{name}").raise_for_status().json()
        return found


def start_run(server: PrefectServer, name: str, parameters: Mapping[str, Any], *, checked: bool = True) -> str:
    """ "Custom run" in the UI, with or without its "Validate parameters"; the id of the flow run."""
    with server.client() as client:
        body = {
            "parameters": {**deployment(server, name)["parameters"], **parameters}, "state": {"type": "SCHEDULED"},
            "enforce_parameter_schema": checked,
        }  # fmt: skip
        made = client.post(f"/deployments/{deployment(server, name)['id']}/create_flow_run", json=body)
        return str(made.raise_for_status().json()["id"])


def newest_run(server: PrefectServer, deployment_id: str) -> str:
    """The id of a deployment's last run; waits for the first one."""
    body = {"limit": 1, "sort": "EXPECTED_START_TIME_DESC", "deployments": {"id": {"any_": [deployment_id]}}}
    with server.client() as client:
        for _ in range(60):
            found = client.post("/flow_runs/filter", json=body).json()
            if found:
                return str(found[0]["id"])
            time.sleep(0.5)
    raise AssertionError("no run was started")


def read_run(server: PrefectServer, run_id: str) -> dict[str, Any]:
    """A flow run as the server knows it."""
    with server.client() as client:
        found: dict[str, Any] = client.get(f"/flow_runs/{run_id}").raise_for_status().json()
        return found


def wait_run(
    server: PrefectServer, run_id: str, until: Callable[[dict[str, Any]], bool] | None = None, *, seconds: float = 600
) -> dict[str, Any]:
    """The run once it is final (or ``until`` says so)."""
    done = until or (lambda run: run["state"]["type"] in FINAL)
    for _ in range(int(seconds)):
        run = read_run(server, run_id)
        if done(run):
            return run
        time.sleep(1.0)
    raise AssertionError(f"the run is still {run['state']}: {logs_of(server, run_id)}")


def wait_for_state(
    server: PrefectServer, name: str, which: Callable[[dict[str, Any]], bool], states: Collection[str]
) -> dict[str, Any]:
    """The first run of the deployment ``flow/name`` that ``which`` is true of, once it is in one of ``states``."""
    body = {
        "sort": "EXPECTED_START_TIME_ASC", "deployments": {"id": {"any_": [deployment(server, name)["id"]]}},
        "limit": 200,
    }  # fmt: skip
    with server.client() as client:
        for _ in range(600):
            found = [run for run in client.post("/flow_runs/filter", json=body).json() if which(run)]
            if found and found[0]["state"]["type"] in states:
                return dict(found[0])
            time.sleep(1.0)
    raise AssertionError(f"no run of {name} came to {states}: {found[:1]}")


def logs_of(server: PrefectServer, run_id: str) -> list[str]:
    """What the run's page shows under Logs."""
    with server.client() as client:
        body = {"logs": {"flow_run_id": {"any_": [run_id]}}, "sort": "TIMESTAMP_ASC", "limit": 200}
        return [entry["message"] for entry in client.post("/logs/filter", json=body).json()]


def artifacts_of(server: PrefectServer, run_id: str) -> dict[str, str]:
    """The run's artifacts, by what they are (the last word of their key)."""
    with server.client() as client:
        body = {"artifacts": {"flow_run_id": {"any_": [run_id]}}, "sort": "UPDATED_DESC"}
        found = client.post("/artifacts/filter", json=body).json()
    return {artifact["key"].rpartition("-")[2]: artifact["data"] for artifact in reversed(found)}


def artifact_of(server: PrefectServer, run_id: str, what: str) -> str:
    """The id of the run's artifact that shows ``what``: its summary, its progress."""
    with server.client() as client:
        body = {"artifacts": {"flow_run_id": {"any_": [run_id]}, "key": {"like_": f"%-{what}"}}}
        return str(client.post("/artifacts/filter", json=body).json()[0]["id"])


def resume(server: PrefectServer, run_id: str, answer: Mapping[str, Any]) -> None:
    """The form of a suspended run, filled in and sent."""
    with server.client() as client:
        told = client.post(f"/flow_runs/{run_id}/resume", json={"run_input": dict(answer)}).raise_for_status().json()
        assert told["status"] == "ACCEPT", told


def set_state(server: PrefectServer, run_id: str, state: str, name: str | None = None) -> None:
    """What the UI's Cancel and Retry buttons do."""
    with server.client() as client:
        body = {"state": {"type": state, "name": name}, "force": False}
        client.post(f"/flow_runs/{run_id}/set_state", json=body).raise_for_status()


def home_of(folder: Path) -> Path:
    """A new Prefect home."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return home
