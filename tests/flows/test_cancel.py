"""A run watched and cancelled in the browser at half: it drains, lists what is open, and the next run goes on."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tasks.engine.options import RunOptions
from tasks.engine.running.execute import execute
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import forget, new_session
from tasks.settings import at_address, read_settings, with_key
from tests.support.browser import PATIENCE_MS, open_page
from tests.support.prefect_runs import artifact_of, start_run, wait_run
from tests.support.runs import charged, charges_so_far
from tests.support.team import KEY, Team

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.slow]

ROWS = 160


async def _next_run(team: Team, catalog: str, dataset: str) -> RunResult:
    """Any run goes on; this one without a worker's seven seconds of starting up."""
    settings = with_key(at_address(read_settings("openai"), team.sandbox.base_url), KEY)
    options = RunOptions(catalogs=(catalog,), dataset=dataset, provider="openai", rpm={"*": 6000.0})
    session = new_session(options, replace(settings, allow_hosts=("127.0.0.1",)), str(uuid4()), say=lambda _: None)
    try:
        return await execute(session)
    finally:
        forget(session.run_id)


def test_a_run_cancelled_at_half_drains_lists_what_was_open_and_the_next_run_goes_on(
    team: Team, tmp_path: Path
) -> None:
    rows = [{"id": f"c{i}", "prompt": f"cloud {i}", "model": "dall-e-2"} for i in range(ROWS)]
    rows += [{"id": f"h{i}", "prompt": f"hang {i} [[scenario:hang@1]]", "model": "dall-e-3"} for i in range(2)]
    catalog, dataset = team.catalog(tmp_path, "clouds.csv", rows), team.dataset("clouds")
    asked = {
        "catalogs": [catalog], "dataset": dataset, "rpm": {"dall-e-2": 240, "dall-e-3": 600}, "grace": 3,
        "approve_above": 100,
    }  # fmt: skip
    before = charges_so_far(team.sandbox)
    run = start_run(team.server, "generate_dataset/on-demand", asked)
    with open_page(f"{team.server.url}/runs/flow-run/{run}") as page:
        wait_run(team.server, run, lambda _: len(charged(team.sandbox, before)) >= ROWS // 4)
        page.goto(f"{team.server.url}/artifacts/artifact/{artifact_of(team.server, run, 'progress')}")
        page.get_by_text(f"of {ROWS + 2} calls done").first.wait_for(timeout=PATIENCE_MS)
        page.goto(f"{team.server.url}/runs/flow-run/{run}")
        page.get_by_role("button", name="Cancel").first.wait_for(timeout=PATIENCE_MS)
        wait_run(team.server, run, lambda _: len(charged(team.sandbox, before)) >= ROWS // 2)
        page.get_by_role("button", name="Cancel").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Confirm").click(timeout=PATIENCE_MS)
        stopped = wait_run(team.server, run, lambda found: found["state"]["type"] == "CANCELLED")
        page.get_by_text("Cancelled").first.wait_for(timeout=PATIENCE_MS)
    assert stopped["state"]["name"] == "Cancelled", stopped["state"]
    found = Counter((row["outcome"], row["outcome_reason"]) for row in team.manifest(dataset))
    assert found[("unknown", "connection_lost")] == 2
    assert 0 < found[("pending", "interrupted")] <= ROWS // 2
    assert sum(found.values()) == ROWS + 2
    with team.s3.as_environment():
        assert asyncio.run(_next_run(team, catalog, dataset)).succeeded == ROWS + 2
    assert {row["outcome"] for row in team.manifest(dataset)} == {"succeeded"}
    assert len([charge for charge in charged(team.sandbox, before) if charge["model"] == "dall-e-2"]) == ROWS
