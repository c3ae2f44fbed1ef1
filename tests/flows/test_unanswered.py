"""A plan that nobody approves in time: the run ends by saying so, and nothing is spent. Long: the server looks late."""

from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.prefect_runs import start_run, wait_run, worker
from tests.support.prefect_server import PrefectServer
from tests.support.runs import charged, charges_so_far, write_catalog

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_a_run_that_waited_for_approval_in_vain_ends_as_not_approved(
    deployed: PrefectServer, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    before = charges_so_far(sandbox)
    catalog = write_catalog(tmp_path / "c.csv", [{"prompt": "a tower", "model": "dall-e-2"}])
    environment = {
        "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": sandbox.base_url, "PRINTROOM_APPROVAL_HOURS": "0.002",
        "PRINTROOM_SPOOL": str(tmp_path / "spool"),
    }  # fmt: skip
    with worker(deployed, environment, "patient"):
        run = start_run(
            deployed, "generate_dataset/on-demand",
            {"catalogs": [str(catalog)], "dataset": str(tmp_path / "ds"), "approve_above": 0.001},
        )  # fmt: skip
        wait_run(deployed, run, lambda found: found["state"]["type"] == "PAUSED")
    done = wait_run(deployed, run, lambda found: found["state"]["name"] == "NotApproved")
    assert done["state"]["type"] == "FAILED"
    assert done["state"]["message"].startswith("nobody answered in time; nothing was spent")
    assert charged(sandbox, before) == []
