"""Again, without code: Retry on the page of a run, rows by id with another model. Each buys only what is missing."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.browser import PATIENCE_MS, open_page
from tests.support.prefect_runs import read_run, start_run, wait_run
from tests.support.runs import charged, charges_so_far
from tests.support.team import Team

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.slow]

ROWS = [
    *({"id": f"ok{i}", "prompt": f"lake {i}"} for i in range(4)),
    *({"id": f"again{i}", "prompt": f"pond {i} [[scenario:size_not_supported@1]]"} for i in range(2)),
    {"id": "gore", "prompt": "gore everywhere"},
]


def test_retry_takes_up_what_is_missing_and_rows_by_id_may_have_another_model(team: Team, tmp_path: Path) -> None:
    catalog = team.catalog(tmp_path, "lakes.csv", [{**row, "model": "dall-e-2"} for row in ROWS])
    dataset = team.dataset("lakes")
    run = start_run(team.server, "generate_dataset/on-demand", {"catalogs": [catalog], "dataset": dataset})
    first = wait_run(team.server, run)
    assert first["state"]["message"] == "4 succeeded, 1 refused, 2 failed", first["state"]

    before = charges_so_far(team.sandbox)
    with open_page(f"{team.server.url}/runs/flow-run/{run}") as page:
        page.get_by_role("button", name="Retry").first.click(timeout=PATIENCE_MS)
        page.get_by_role("dialog").get_by_role("button", name="Retry").click(timeout=PATIENCE_MS)
        wait_run(team.server, run, lambda found: found["state"]["id"] != first["state"]["id"])
    done = wait_run(team.server, run)
    assert done["run_count"] == 2
    assert (done["state"]["name"], done["state"]["message"]) == ("CompletedWithFailures", "6 succeeded, 1 refused")
    assert len(charged(team.sandbox, before)) == 2, "only the two that failed without a bill"

    before = charges_so_far(team.sandbox)
    asked = {"catalogs": [catalog], "dataset": dataset, "rows": ["ok1"], "model": "dall-e-3"}
    other = start_run(team.server, "generate_dataset/on-demand", asked)
    assert wait_run(team.server, other)["state"]["type"] == "COMPLETED", read_run(team.server, other)["state"]
    assert [charge["model"] for charge in charged(team.sandbox, before)] == ["dall-e-3"]
    models = Counter((row["model"], row["outcome"]) for row in team.manifest(dataset))
    assert models == {("dall-e-2", "succeeded"): 5, ("dall-e-3", "succeeded"): 1, ("dall-e-2", "refused"): 1}
