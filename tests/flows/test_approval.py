"""Who is asked, and what the answer does: scheduled, outliving a worker, with a lower budget, no, silence."""

import subprocess
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Catalog:
    """A catalog of six towers that nobody has bought yet, and machines to buy it with."""

    server: PrefectServer
    sandbox: SandboxProcess
    folder: Path
    charges_before: int

    @property
    def dataset(self) -> str:
        return str(self.folder / "ds")

    def form(self, approve_above: float) -> dict[str, Any]:
        catalog = write_catalog(self.folder / "towers.csv", ROWS)
        return {"catalogs": [str(catalog)], "dataset": self.dataset, "approve_above": approve_above}

    def machine(self, name: str, hours: str = "24") -> AbstractContextManager[subprocess.Popen[bytes]]:
        """A worker that waits so many hours for an answer."""
        environment = {
            "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": self.sandbox.base_url,
            "PRINTROOM_APPROVAL_HOURS": hours, "PRINTROOM_SPOOL": str(self.folder / "spool"),
        }  # fmt: skip
        return worker(self.server, environment, name)

    def started(self) -> str:
        """A run that has to ask."""
        return start_run(self.server, "generate_dataset/on-demand", self.form(0.001))

    def charges(self) -> list[int]:
        """What was paid, in micro-dollars."""
        return [charge["micros"] for charge in charged(self.sandbox, self.charges_before)]


@pytest.fixture
def towers(deployed: PrefectServer, sandbox: SandboxProcess, tmp_path: Path) -> Catalog:
    return Catalog(deployed, sandbox, tmp_path, charges_so_far(sandbox))


def test_a_scheduled_run_waits_for_approval_outlives_its_worker_and_buys_what_was_allowed(towers: Catalog) -> None:
    server = towers.server
    nightly = deployment(server, "generate_dataset/nightly")
    due = datetime.now(UTC) + timedelta(seconds=75)  # the server looks for new schedules once a minute
    soon = {"interval": 86_400, "anchor_date": due.isoformat()}
    with server.client() as client:
        body = [{"schedule": soon, "active": True, "slug": "evening", "parameters": towers.form(0.05)}]
        client.post(f"/deployments/{nightly['id']}/schedules", json=body).raise_for_status()

    def mine(run: dict[str, dict[str, object]]) -> bool:
        return run["parameters"]["dataset"] == towers.dataset

    with ExitStack() as held:
        first = held.enter_context(towers.machine("evening"))
        run = wait_for_state(server, "generate_dataset/nightly", mine, {"PAUSED"})
        kill_group(first)
        assert towers.charges() == []
        held.enter_context(towers.machine("morning"))
        resume(server, run["id"], {"decision": "approve", "max_spend": 0.06})
        done = wait_for_state(server, "generate_dataset/nightly", mine, FINAL)
    assert done["state"]["name"] == "StoppedAtBudget", done["state"]
    assert done["state"]["type"] == "COMPLETED"
    assert towers.charges() == [20_000] * 3
    assert sorted(row["outcome"] for row in current_rows(towers.dataset)) == ["pending"] * 3 + ["succeeded"] * 3


def test_a_plan_that_is_declined_ends_as_not_approved_and_nothing_is_spent(towers: Catalog) -> None:
    with towers.machine("asked"):
        run = towers.started()
        wait_run(towers.server, run, lambda found: found["state"]["type"] == "PAUSED")
        resume(towers.server, run, {"decision": "decline"})
        done = wait_run(towers.server, run)
    assert done["state"]["name"] == "NotApproved", done["state"]
    assert done["state"]["message"].endswith("nothing was spent")
    assert towers.charges() == []


def test_a_run_that_waited_for_approval_in_vain_ends_as_not_approved(towers: Catalog) -> None:
    with towers.machine("patient", hours="0.002"):
        run = towers.started()
        done = wait_run(towers.server, run, lambda found: found["state"]["name"] == "NotApproved")
    assert done["state"]["type"] == "FAILED"
    assert done["state"]["message"].startswith("nobody answered in time; nothing was spent")
    assert towers.charges() == []
