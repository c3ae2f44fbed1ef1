"""Who is asked, and what the answer does: scheduled, outliving a worker, with a lower budget, no, silence."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.prefect_runs import (
    FINAL,
    deployment,
    kill_group,
    resume,
    start_run,
    wait_for_state,
    wait_run,
    worker,
)
from tests.support.prefect_server import PrefectServer
from tests.support.runs import charged, charges_so_far, current_rows, write_catalog

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROWS = [{"id": f"t{i}", "prompt": f"tower {i}", "model": "dall-e-2"} for i in range(6)]


def environment(sandbox: SandboxProcess, folder: Path, hours: str = "24") -> dict[str, str]:
    return {
        "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": sandbox.base_url, "PRINTROOM_APPROVAL_HOURS": hours,
        "PRINTROOM_SPOOL": str(folder / "spool"),
    }  # fmt: skip


def test_a_scheduled_run_waits_for_approval_outlives_its_worker_and_buys_what_was_allowed(
    deployed: PrefectServer, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    before, dataset = charges_so_far(sandbox), str(tmp_path / "ds")
    asked = {"catalogs": [str(write_catalog(tmp_path / "c.csv", ROWS))], "dataset": dataset, "approve_above": 0.05}
    nightly = deployment(deployed, "generate_dataset/nightly")
    soon = {"interval": 86_400, "anchor_date": (datetime.now(UTC) + timedelta(seconds=20)).isoformat()}
    with deployed.client() as client:
        body = [{"schedule": soon, "active": True, "slug": "evening", "parameters": asked}]
        client.post(f"/deployments/{nightly['id']}/schedules", json=body).raise_for_status()

    def mine(run: dict[str, dict[str, object]]) -> bool:
        return run["parameters"]["dataset"] == dataset

    with ExitStack() as held:
        first = held.enter_context(worker(deployed, environment(sandbox, tmp_path), "evening"))
        run = wait_for_state(deployed, "generate_dataset/nightly", mine, {"PAUSED"})
        kill_group(first)
        assert charged(sandbox, before) == []
        held.enter_context(worker(deployed, environment(sandbox, tmp_path), "morning"))
        resume(deployed, run["id"], {"decision": "approve", "max_spend": 0.06})
        done = wait_for_state(deployed, "generate_dataset/nightly", mine, FINAL)
    assert done["state"]["name"] == "StoppedAtBudget", done["state"]
    assert done["state"]["type"] == "COMPLETED"
    assert [charge["micros"] for charge in charged(sandbox, before)] == [20_000] * 3
    assert sorted(row["outcome"] for row in current_rows(dataset)) == ["pending"] * 3 + ["succeeded"] * 3


def test_a_plan_that_is_declined_ends_as_not_approved_and_nothing_is_spent(
    deployed: PrefectServer, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    before = charges_so_far(sandbox)
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    asked = {"catalogs": [str(catalog)], "dataset": str(tmp_path / "ds"), "approve_above": 0.001}
    with worker(deployed, environment(sandbox, tmp_path), "asked"):
        run = start_run(deployed, "generate_dataset/on-demand", asked)
        wait_run(deployed, run, lambda found: found["state"]["type"] == "PAUSED")
        resume(deployed, run, {"decision": "decline"})
        done = wait_run(deployed, run)
    assert done["state"]["name"] == "NotApproved", done["state"]
    assert done["state"]["message"].endswith("nothing was spent")
    assert charged(sandbox, before) == []


def test_a_run_that_waited_for_approval_in_vain_ends_as_not_approved(
    deployed: PrefectServer, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    before = charges_so_far(sandbox)
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    asked = {"catalogs": [str(catalog)], "dataset": str(tmp_path / "ds"), "approve_above": 0.001}
    with worker(deployed, environment(sandbox, tmp_path, hours="0.002"), "patient"):
        run = start_run(deployed, "generate_dataset/on-demand", asked)
        done = wait_run(deployed, run, lambda found: found["state"]["name"] == "NotApproved")
    assert done["state"]["type"] == "FAILED"
    assert done["state"]["message"].startswith("nobody answered in time; nothing was spent")
    assert charged(sandbox, before) == []
