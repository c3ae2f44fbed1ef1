"""A team's evening: a run started in the browser, approved there, rerun for what failed; meanwhile a schedule fires.

A real server, a real process worker, the project's own deployments, the sandbox as gateway and moto as S3. The tests of
this file tell one story in order; each run costs a worker about seven CPU-seconds of starting up.
"""

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.alerts import Alerts
from tests.support.prefect_runs import (
    FINAL,
    artifact_of,
    artifacts_of,
    deployment,
    logs_of,
    newest_run,
    read_run,
    start_run,
    wait_for_state,
    wait_run,
)
from tests.support.runs import charged, charges_so_far
from tests.support.team import KEY, Team

SCREENSHOTS = os.environ.get("PRINTROOM_SCREENSHOTS")  # a folder, by `make screenshots`; read before tests clear it

pytestmark = pytest.mark.server

FAILS = [f"fails{i}" for i in range(2)]
ROWS = [{"id": f"r{i}", "prompt": f"hill <b>number</b> {i}", "model": "dall-e-2"} for i in range(8)] + [
    {"id": name, "prompt": f"{name} [[scenario:size_not_supported@1]]", "model": "dall-e-2"} for name in FAILS
]
NIGHT = [{"id": f"n{i}", "prompt": f"night {i}", "model": "dall-e-3"} for i in range(6)]


def picture(page: Any, name: str) -> None:
    """What is seen now, for the README, if somebody asked for it."""
    if SCREENSHOTS:
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


@dataclass
class Story:
    """What the earlier chapters left."""

    dataset: str = ""
    catalog: str = ""


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


@pytest.fixture(scope="module", autouse=True)
def nightly(team: Team, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cron schedule on the nightly deployment, due at a full minute that is 20 s away or more; its dataset."""
    found = deployment(team.server, "generate_dataset/nightly")
    due = datetime.now(UTC) + timedelta(seconds=20 + 59)
    catalog, dataset = team.catalog(tmp_path_factory.mktemp("night"), "night.csv", NIGHT), team.dataset("night")
    schedule = {
        "schedule": {"cron": f"{due.minute} {due.hour} * * *", "timezone": "UTC"}, "active": True, "slug": "soon",
        "parameters": {"catalogs": [catalog], "dataset": dataset},
    }  # fmt: skip
    with team.server.client() as client:
        client.post(f"/deployments/{found['id']}/schedules", json=[schedule]).raise_for_status()
    return dataset


def test_the_server_refuses_what_the_form_cannot_mean(team: Team) -> None:
    cases = {
        "Additional properties are not allowed": {"bogus": 1},
        "greater than or equal to the minimum of 1|is less than the minimum": {"concurrency": 0},
        "is not one of|not valid": {"only": "everything"},
    }
    found = deployment(team.server, "generate_dataset/on-demand")
    with team.server.client() as client:
        for words, wrong in cases.items():
            body = {"parameters": {**found["parameters"], **wrong}, "state": {"type": "SCHEDULED"}}
            reply = client.post(f"/deployments/{found['id']}/create_flow_run", json=body)
            assert reply.status_code == 409, wrong
            assert any(part in reply.text for part in words.split("|")), reply.text


def test_parameters_that_got_past_the_server_end_the_run_in_plain_words(
    team: Team, alerts: Alerts, tmp_path: Path
) -> None:
    """Somebody took the tick from "Validate parameters"; a deployment made without ``make deploy`` has none."""
    before = charges_so_far(team.sandbox)
    wrong = {"bogus": 1, "concurrency": 0, "model": "dall-e-9", "catalogs": [team.catalog(tmp_path, "w.csv", ROWS)]}
    wrong["dataset"] = team.dataset("wrong")
    run = start_run(team.server, "generate_dataset/on-demand", wrong, checked=False)
    state = wait_run(team.server, run)["state"]
    assert (state["type"], state["name"]) == ("FAILED", "InvalidParameters"), state
    assert state["message"] == (
        "bogus: no such parameter; concurrency: Input should be greater than or equal to 1, found 0; "
        "model: unknown model 'dall-e-9' (did you mean 'dall-e-3'?); nothing was spent"
    )
    assert charged_by(team, before, "dall-e-2") == []
    assert state["message"] in alerts.wait_for("is InvalidParameters")


@pytest.mark.browser
def test_a_run_started_in_the_browser_asks_for_approval_and_goes_on_when_it_is_given(
    team: Team, story: Story, tmp_path: Path
) -> None:
    from tests.support.browser import PATIENCE_MS, choose, fill, form_field, open_page, open_tab, submit

    story.catalog = team.catalog(tmp_path, "hills.csv", ROWS)
    story.dataset = team.dataset("hills")
    before = charges_so_far(team.sandbox)
    on_demand = deployment(team.server, "generate_dataset/on-demand")["id"]
    with open_page(f"{team.server.url}/deployments/deployment/{on_demand}/run") as page:
        page.get_by_text("Prompt catalogs, CSV or Parquet").wait_for(timeout=PATIENCE_MS)
        fill(page, "catalogs", story.catalog)
        fill(page, "dataset", story.dataset)
        fill(page, "approve_above", "0.05")
        picture(page, "form")
        choose(page, "provider", "openai")
        assert "Use this model for every row" in form_field(page, "model").inner_text()
        submit(page)
        run = newest_run(team.server, on_demand)
        wait_run(team.server, run, lambda found: found["state"]["type"] == "PAUSED")
        assert charged_by(team, before, "dall-e-2") == []
        page.goto(f"{team.server.url}/runs/flow-run/{run}")
        page.get_by_text("Suspended").first.wait_for(timeout=PATIENCE_MS)
        page.get_by_role("button", name="Resume").first.click()
        page.get_by_text("The plan may cost $0.20, approval is needed above $0.05").first.wait_for(timeout=PATIENCE_MS)
        page.get_by_text("to buy less, or decline").first.wait_for(timeout=PATIENCE_MS)
        picture(page, "approval")
        page.get_by_role("button", name="Submit").last.click()
        done = wait_run(team.server, run)
        page.goto(f"{team.server.url}/runs/flow-run/{run}")
        page.get_by_text("CompletedWithFailures").first.wait_for(timeout=PATIENCE_MS)
        open_tab(page, "Artifacts", "hills-summary")
        for did in ("plan s3://", "generate ", "commit manifest", "summarize"):
            open_tab(page, "Task Runs", did)
        picture(page, "run")
        page.goto(f"{team.server.url}/artifacts/artifact/{artifact_of(team.server, run, 'progress')}")
        page.get_by_text("10 of 10 calls done").first.wait_for(timeout=PATIENCE_MS)
        page.goto(f"{team.server.url}/artifacts/artifact/{artifact_of(team.server, run, 'summary')}")
        page.get_by_text("Spend by model").first.wait_for(timeout=PATIENCE_MS)
        picture(page, "summary")
        assert page.locator("article img[src^='data:image/jpeg']").count() == 8
        assert_pictures_open(page)
    assert (done["state"]["name"], done["state"]["message"]) == ("CompletedWithFailures", "8 succeeded, 2 failed")
    assert len([charge for charge in charged_by(team, before, "dall-e-2") if charge["micros"]]) == 8
    assert Counter(row["outcome"] for row in team.manifest(story.dataset)) == {"succeeded": 8, "failed": 2}
    shown = artifacts_of(team.server, run)
    assert "| dall-e-2 | 10 | 10 | $0.20 | $0.20 |" in shown["plan"]
    assert "10 of 10 calls done" in shown["progress"]
    assert "8 of 10 results succeeded" in shown["summary"]
    assert "hill &lt;b>number&lt;/b>" in shown["summary"]
    seen = str([read_run(team.server, run), logs_of(team.server, run), shown["plan"], shown["progress"]])
    assert KEY not in seen + shown["summary"]


@pytest.mark.browser
def test_a_rerun_of_what_failed_is_one_link_of_the_summary_calls_only_those_rows_and_the_bill_agrees(
    team: Team, story: Story
) -> None:
    from tests.support.browser import PATIENCE_MS, form_field, open_page, submit

    before = charges_so_far(team.sandbox)
    on_demand = deployment(team.server, "generate_dataset/on-demand")["id"]
    earlier = newest_run(team.server, on_demand)
    with open_page(f"{team.server.url}/artifacts/artifact/{artifact_of(team.server, earlier, 'summary')}") as page:
        with page.expect_popup() as opened:
            page.locator("article").get_by_role("link", name="failed", exact=True).click(timeout=PATIENCE_MS)
        form = opened.value
        form.get_by_text("Prompt catalogs, CSV or Parquet").wait_for(timeout=PATIENCE_MS)
        assert form_field(form, "dataset").locator("textarea").input_value() == story.dataset
        assert form_field(form, "only").get_by_text("failed", exact=True).first.is_visible()
        submit(form)
    run = newest_run(team.server, on_demand)
    assert run != earlier
    done = wait_run(team.server, run)
    assert (done["state"]["name"], done["state"]["message"]) == ("Completed", "10 results, 8 of them reused")
    bill = charged_by(team, before, "dall-e-2")
    assert len(bill) == 2
    rows = team.manifest(story.dataset)
    assert {row["outcome"] for row in rows} == {"succeeded"}
    assert {row["row_id"] for row in rows if row["run_id"] == run} == set(FAILS)
    mine = sum((row["cost_usd"] for row in rows if row["run_id"] == run), Decimal(0))
    assert int(mine * 1_000_000) == sum(charge["micros"] for charge in bill)


def test_a_cron_schedule_fires_and_its_run_leaves_a_manifest_in_s3(team: Team, nightly: str) -> None:
    run = wait_for_state(
        team.server, "generate_dataset/nightly", lambda found: found["parameters"]["dataset"] == nightly, FINAL
    )
    assert run["auto_scheduled"]
    assert run["created_by"]["type"] == "SCHEDULE"
    assert (run["state"]["name"], run["state"]["message"]) == ("Completed", "6 results, 0 of them reused")
    assert Counter(row["outcome"] for row in team.manifest(nightly)) == {"succeeded": 6}
    assert len([charge for charge in charged(team.sandbox) if charge["model"] == "dall-e-3"]) >= 6


def assert_pictures_open(page: Any) -> None:
    """The first picture's link leads to the picture, and the gallery's to a page that shows them all."""
    with page.expect_popup() as opened:
        page.locator("article").get_by_role("link", name="open").first.click()
    opened.value.wait_for_function("document.images.length == 1 && document.images[0].naturalWidth > 0")
    with page.expect_popup() as opened:
        page.locator("article").get_by_role("link", name="gallery").click()
    opened.value.wait_for_function("document.images.length >= 8 && document.images[0].naturalWidth > 0")
    opened.value.close()


def charged_by(team: Team, since: int, model: str) -> list[dict[str, Any]]:
    """The charges for ``model``: another run may buy other things at the same time."""
    return [charge for charge in charged(team.sandbox, since) if charge["model"] == model]
