"""Every automation that tells people, once for real: something happens, and somebody is told of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.alerts import Alerts
from tests.support.prefect_runs import deployment, kill_group, set_state, start_run, wait_run, worker
from tests.support.prefect_server import ROOT, PrefectServer
from tests.support.runs import charges_so_far, write_catalog

pytestmark = pytest.mark.server

# four runs in one process: Prefect is imported once
PROGRAM = """
import json, sys
from deployments.cli.main import main
print([main(words) for words in json.loads(sys.argv[1])])
"""
MODEL = {"model": "dall-e-2"}
RUNS = {
    "budget": [{"id": f"b{i}", "prompt": f"bell {i}", **MODEL} for i in range(4)],
    "key": [{"id": "k", "prompt": "kite [[scenario:bad_key]]", **MODEL}],
    "quiet": [{"id": "q", "prompt": "quilt", **MODEL}],
    "refusals": [{"id": f"g{i}", "prompt": f"gore {i}" if i % 2 else f"goat {i}", **MODEL} for i in range(24)],
}
ALARMED = {  # event: the run that emits it, what somebody is told
    "printroom.budget.reached": ("budget", "2 of 4 done, 0.04 USD spent"),
    "printroom.key.rejected": ("key", "0 of 1 done, 0.00 USD spent"),
    "printroom.refusals.jumped": ("refusals", "of 24 done"),
}


@pytest.fixture(scope="module", autouse=True)
def late(deployed: PrefectServer) -> str:
    """A run that was due a minute ago; the server notices while the other runs run."""
    weekly = deployment(deployed, "verify_dataset/verify")["id"]
    due = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
    body = {"name": "sunday", "parameters": {"dataset": "ds"}, "state": state}
    with deployed.client() as client:
        made = client.post(f"/deployments/{weekly}/create_flow_run", json=body)
        return str(made.raise_for_status().json()["id"])


@pytest.fixture(scope="module")
def ran(deployed: PrefectServer, sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one dataset for each of ``RUNS``."""
    folder = tmp_path_factory.mktemp("alarms")
    words = [
        ["run", str(write_catalog(folder / f"{name}.csv", rows)), "--dataset", str(folder / name), "--yes"]
        + (["--max-spend", "0.05"] if name == "budget" else [])
        for name, rows in RUNS.items()
    ]
    env = {
        **os.environ, **deployed.environment, "PYTHONPATH": str(ROOT), "PRINTROOM_PROVIDER": "sandbox",
        "PRINTROOM_BASE_URL": sandbox.base_url, "PRINTROOM_SPOOL": str(folder / "spool"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)], cwd=ROOT, env=env, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[4, 5, 0, 3]", done.stderr
    return folder


@pytest.mark.parametrize("event", ALARMED)
def test_a_run_that_has_something_to_tell_is_heard_of(event: str, ran: Path, alerts: Alerts) -> None:
    dataset, said = ALARMED[event]
    assert said in alerts.wait_for(f"Printroom: {event} on {ran / dataset}")


def test_each_alarm_is_told_once_and_a_run_that_had_none_is_not_heard_of(ran: Path, alerts: Alerts) -> None:
    alerts.wait_for("printroom.refusals.jumped")  # the last run's
    heard = [subject for subject, _ in alerts.told if str(ran) in subject]
    assert sorted(heard) == sorted(f"Printroom: {event} on {ran / name}" for event, (name, _) in ALARMED.items())


def test_a_run_that_nobody_takes_up_and_one_that_failed_are_heard_of(
    late: str, ran: Path, deployed: PrefectServer, alerts: Alerts
) -> None:
    """No worker is there, so the first is late; whatever sets a run to Failed, the automation hears of the state."""
    alerts.wait_for("sunday is Late")
    set_state(deployed, late, "FAILED", "Damaged")
    alerts.wait_for("sunday is Damaged")


@contextmanager
def lost_within(server: PrefectServer, seconds: int) -> Iterator[None]:
    """The automation on lost runs with less patience than it is deployed with."""
    with server.client() as client:
        asked = {"automations": {"name": {"any_": ["printroom: lost runs"]}}}
        found = client.post("/automations/filter", json=asked).raise_for_status().json()[0]
        place = f"/automations/{found['id']}"
        kept = {name: found[name] for name in ("name", "description", "enabled", "trigger", "actions")}
        hasty = {**kept, "trigger": {**kept["trigger"], "within": seconds}}
        client.put(place, json=hasty).raise_for_status()
        yield
        client.put(place, json=kept).raise_for_status()


@pytest.mark.slow
def test_a_run_whose_machine_died_is_called_crashed_and_is_heard_of(
    deployed: PrefectServer, sandbox: SandboxProcess, alerts: Alerts, tmp_path: Path
) -> None:
    rows = [{"id": f"m{i}", "prompt": f"mast {i}", **MODEL} for i in range(600)]
    form = {"catalogs": [str(write_catalog(tmp_path / "masts.csv", rows))], "dataset": str(tmp_path / "masts")}
    environment = {
        "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": sandbox.base_url,
        "PRINTROOM_SPOOL": str(tmp_path / "spool"), "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    }  # fmt: skip
    before = charges_so_far(sandbox)
    with lost_within(deployed, 75), worker(deployed, environment, "doomed") as machine:
        asked = {**form, "rpm": {"dall-e-2": 60}, "approve_above": 100, "max_spend": 100}
        run = start_run(deployed, "generate_dataset/on-demand", asked)
        wait_run(deployed, run, lambda _: charges_so_far(sandbox) > before + 5)
        kill_group(machine)
        lost = wait_run(deployed, run)
    assert (lost["state"]["type"], lost["state"]["name"]) == ("CRASHED", "Crashed")
    assert lost["state"]["message"].startswith("no sign of life for ten minutes")
    assert "no sign of life" in alerts.wait_for(f"{tmp_path / 'masts'} is Crashed")
