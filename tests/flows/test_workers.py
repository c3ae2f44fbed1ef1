"""Several workers, one of them killed; how fast several are. Long forms of what tests/tasks/engine tries quickly."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.paces import joint_pace
from tests.support.prefect_runs import FINAL, descendants, kill_group, start_run, wait_run, worker
from tests.support.prefect_server import PrefectServer
from tests.support.runs import charged, current_rows, write_catalog

pytestmark = [pytest.mark.server, pytest.mark.slow]

MODEL = "dall-e-2"


@pytest.fixture(scope="module")
def slow_gateway() -> Iterator[SandboxProcess]:
    """Calls take a second or two, so that a worker can be killed in the middle and its limit is what counts."""
    with SandboxProcess("--reader", "embedded", latency_scale=0.15) as running:
        yield running


def environment(gateway: SandboxProcess, spool: Path) -> dict[str, str]:
    return {
        "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": gateway.base_url, "PRINTROOM_SPOOL": str(spool),
    }  # fmt: skip


def asked(folder: Path, rows: int, workers: int) -> dict[str, Any]:
    listed = [{"id": f"r{i}", "prompt": f"bridge {i}", "model": MODEL} for i in range(rows)]
    return {
        "catalogs": [str(write_catalog(folder / "bridges.csv", listed))], "dataset": str(folder / "ds"),
        "approve_above": 1000, "max_spend": 100, "rpm": {MODEL: 6000}, "concurrency": 4 * workers,
        "runner": "workers", "workers": workers,
    }  # fmt: skip


def _ended(run: dict[str, Any]) -> bool:
    return run["state"]["type"] in FINAL


def children(server: PrefectServer) -> list[dict[str, Any]]:
    with server.client() as client:
        body = {"flows": {"name": {"any_": ["generate_part"]}}, "sort": "START_TIME_ASC"}
        found: list[dict[str, Any]] = client.post("/flow_runs/filter", json=body).json()
        return found


@pytest.mark.parametrize("workers", [2, 4])
def test_one_of_several_workers_is_killed_and_every_row_is_bought_once(
    deployed: PrefectServer, slow_gateway: SandboxProcess, tmp_path: Path, workers: int
) -> None:
    rows, before = 60 * workers, len(charged(slow_gateway))
    with ExitStack() as held:
        env = environment(slow_gateway, tmp_path / "spool")
        machines = [held.enter_context(worker(deployed, env, f"w{workers}-{i}", limit=1)) for i in range(workers + 1)]
        known = {child["id"] for child in children(deployed)}
        run = start_run(deployed, "generate_dataset/on-demand", asked(tmp_path, rows, workers))
        third = wait_run(deployed, run, lambda found: _ended(found) or len(charged(slow_gateway, before)) >= rows // 3)
        assert not _ended(third), third["state"]
        victim = _machine_with_a_part(deployed, machines, known)
        kill_group(victim)
        at_death = len(charged(slow_gateway, before))
        done = wait_run(deployed, run)
    assert done["state"]["name"] == "Completed", done["state"]
    found = current_rows(tmp_path / "ds")
    assert Counter(row["outcome"] for row in found) == {"succeeded": rows}
    bill = charged(slow_gateway, before)
    states = [child["state"]["name"] for child in children(deployed) if child["id"] not in known]
    print(f"{workers} workers, killed at {at_death} of {rows}: {len(bill)} charges, parts {Counter(states)}")
    assert rows <= len(bill) <= rows + 4, "no more than the calls that were in flight"
    assert states.count("Crashed") == 1


def _machine_with_a_part(
    server: PrefectServer, machines: list[subprocess.Popen[bytes]], known: set[str]
) -> subprocess.Popen[bytes]:
    """A worker that has a part: Prefect gives a run's process its id in the environment."""
    parts = [child["id"].encode() for child in children(server) if child["id"] not in known]
    for machine in machines:
        environs = [Path(f"/proc/{pid}/environ").read_bytes() for pid in descendants(machine.pid)]
        if any(b"FLOW_RUN_ID=" + part in environ for part in parts for environ in environs):
            return machine
    raise AssertionError("no worker has a part")


def test_several_workers_at_a_gateway_with_latency_do_more_than_one(
    deployed: PrefectServer, slow_gateway: SandboxProcess, tmp_path: Path
) -> None:
    paces: dict[int, float] = {}
    for workers in (1, 2, 4):
        folder = tmp_path / str(workers)
        folder.mkdir()
        env = environment(slow_gateway, folder / "spool")
        with ExitStack() as held:
            for i in range(workers + 1):
                held.enter_context(worker(deployed, env, f"p{workers}-{i}", limit=1))
            run = start_run(deployed, "generate_dataset/on-demand", asked(folder, 120 * workers, workers))
            assert wait_run(deployed, run)["state"]["name"] == "Completed"
        paces[workers] = joint_pace(folder / "ds", workers)
    linear = {n: round(pace / (n * paces[1]), 2) for n, pace in paces.items()}
    print(f"Prefect, pictures a second: { {n: round(pace, 2) for n, pace in paces.items()} }, of linear: {linear}")
    assert paces[4] > paces[2] > paces[1]
