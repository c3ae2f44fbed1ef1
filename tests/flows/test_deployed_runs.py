"""A team's evening: a run started in the browser, approved there, rerun for what failed, cancelled, gone on with.

A real server, a real process worker, the project's own deployments, the sandbox as gateway and moto as S3. The tests of
this file tell one story in order; each run costs a worker about seven CPU-seconds of starting up.
"""

import asyncio
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.settings import at_address, read_settings, with_key
from tasks.work.execute import execute
from tasks.work.options import RunOptions
from tasks.work.result import RunResult
from tasks.work.session import forget, new_session
from tests.support.moto import S3Server
from tests.support.prefect_runs import (
    artifacts_of,
    deployment,
    logs_of,
    newest_run,
    read_run,
    set_state,
    start_run,
    summary_of,
    wait_run,
    worker,
)
from tests.support.prefect_server import PrefectServer
from tests.support.runs import charged, charges_so_far, write_catalog

SCREENSHOTS = os.environ.get("PRINTROOM_SCREENSHOTS")  # a folder, by `make screenshots`; read before tests clear it

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("team")]

FAILS = [f"fails{i}" for i in range(2)]
ROWS = [{"id": f"r{i}", "prompt": f"hill <b>number</b> {i}", "model": "dall-e-2"} for i in range(8)] + [
    {"id": name, "prompt": f"{name} [[scenario:size_not_supported@1]]", "model": "dall-e-2"} for name in FAILS
]
KEY = "sk-only-in-a-secret-block-0042"


@dataclass(frozen=True, slots=True)
class Team:
    """What the data team has: a server, a worker on it, a bucket, a gateway."""

    server: PrefectServer
    sandbox: SandboxProcess
    s3: S3Server
    bucket: str

    def manifest(self, dataset: str) -> list[dict[str, object]]:
        key = f"{dataset.removeprefix(f's3://{self.bucket}/')}/manifest.parquet"
        body = self.s3.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        rows: list[dict[str, object]] = pq.read_table(io.BytesIO(body)).to_pylist()
        return [row for row in rows if row["current"]]

    def catalog(self, folder: Path, name: str, rows: list[dict[str, str]]) -> str:
        body = write_catalog(folder / name, rows).read_bytes()
        self.s3.client().put_object(Bucket=self.bucket, Key=f"prompts/{name}", Body=body)
        return f"s3://{self.bucket}/prompts/{name}"


@pytest.fixture(scope="module")
def team(
    deployed: PrefectServer, sandbox: SandboxProcess, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    bucket = s3.make_bucket("team")
    _secret_block(deployed, "gateway-key", KEY)
    environment = {
        **s3.environment, "PRINTROOM_PROVIDER": "openai", "PRINTROOM_BASE_URL": sandbox.base_url,
        "PRINTROOM_API_KEY_BLOCK": "gateway-key", "PRINTROOM_ALLOW_HOSTS": "127.0.0.1",
        "PRINTROOM_SPOOL": str(tmp_path_factory.mktemp("spool")),
    }  # fmt: skip
    with worker(deployed, environment):
        yield Team(deployed, sandbox, s3, bucket)


def _secret_block(server: PrefectServer, name: str, value: str) -> None:
    with server.client() as client:
        kind = client.get("/block_types/slug/secret").raise_for_status().json()["id"]
        schema = client.post(
            "/block_schemas/filter", json={"block_schemas": {"block_type_id": {"any_": [kind]}}}
        ).json()
        client.post(
            "/block_documents/",
            json={"name": name, "data": {"value": value}, "block_type_id": kind, "block_schema_id": schema[0]["id"]},
        ).raise_for_status()


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


@pytest.mark.browser
def test_a_run_started_in_the_browser_asks_for_approval_and_goes_on_when_it_is_given(
    team: Team, story: Story, tmp_path: Path
) -> None:
    from tests.support.browser import open_page

    story.catalog = team.catalog(tmp_path, "hills.csv", ROWS)
    story.dataset = f"s3://{team.bucket}/sets/hills"
    before = charges_so_far(team.sandbox)
    on_demand = deployment(team.server, "generate_dataset/on-demand")["id"]
    with open_page(f"{team.server.url}/deployments/deployment/{on_demand}/run") as page:
        page.get_by_text("Prompt catalogs, CSV or Parquet").wait_for(timeout=60_000)
        areas = page.locator("textarea")
        areas.nth(0).fill(story.catalog)
        areas.nth(1).fill(story.dataset)
        amounts = page.locator("input[type=number]")
        amounts.nth(1).fill("0.05")
        picture(page, "form")
        page.get_by_role("button", name="Submit").click()
        run = newest_run(team.server, on_demand)
        wait_run(team.server, run, lambda found: found["state"]["type"] == "PAUSED")
        assert charged(team.sandbox, before) == []
        page.goto(f"{team.server.url}/runs/flow-run/{run}")
        page.get_by_text("Suspended").first.wait_for(timeout=60_000)
        page.get_by_role("button", name="Resume").first.click()
        page.get_by_text("approval is needed above $0.05").first.wait_for(timeout=30_000)
        page.get_by_text("to buy less, or decline").first.wait_for(timeout=30_000)
        picture(page, "approval")
        page.get_by_role("button", name="Submit").last.click()
        done = wait_run(team.server, run)
        page.goto(f"{team.server.url}/runs/flow-run/{run}")
        page.get_by_text("CompletedWithFailures").first.wait_for(timeout=60_000)
        page.get_by_text("Artifacts", exact=True).first.click()
        page.get_by_text("hills-summary").first.wait_for(timeout=30_000)
        if SCREENSHOTS:
            page.get_by_text("Task Runs", exact=True).first.click()
            picture(page, "run")
            page.goto(f"{team.server.url}/artifacts/artifact/{summary_of(team.server, run)}")
            page.get_by_text("Spend by model").first.wait_for(timeout=30_000)
            picture(page, "summary")
    assert (done["state"]["name"], done["state"]["message"]) == ("CompletedWithFailures", "8 succeeded, 2 failed")
    assert len([charge for charge in charged(team.sandbox, before) if charge["micros"]]) == 8
    assert Counter(row["outcome"] for row in team.manifest(story.dataset)) == {"succeeded": 8, "failed": 2}
    shown = artifacts_of(team.server, run)
    assert "| dall-e-2 | 10 | 10 | $0.20 | $0.20 |" in shown["plan"]
    assert "10 of 10 calls done" in shown["progress"]
    assert "8 of 10 results succeeded" in shown["summary"]
    assert "data:image/jpeg;base64," in shown["summary"]
    assert "hill &lt;b>number&lt;/b>" in shown["summary"]
    seen = str([read_run(team.server, run), logs_of(team.server, run), shown["plan"], shown["progress"]])
    assert KEY not in seen + shown["summary"]


def test_a_rerun_of_what_failed_calls_only_those_rows_and_the_bill_agrees(team: Team, story: Story) -> None:
    before = charges_so_far(team.sandbox)
    run = start_run(
        team.server, "generate_dataset/on-demand",
        {"catalogs": [story.catalog], "dataset": story.dataset, "only": "failed"},
    )  # fmt: skip
    done = wait_run(team.server, run)
    assert (done["state"]["name"], done["state"]["message"]) == ("Completed", "10 results, 8 of them reused")
    bill = charged(team.sandbox, before)
    assert len(bill) == 2
    rows = team.manifest(story.dataset)
    assert {row["outcome"] for row in rows} == {"succeeded"}
    assert {row["row_id"] for row in rows if row["run_id"] == run} == set(FAILS)
    mine = sum((row["cost_usd"] for row in rows if row["run_id"] == run), Decimal(0))
    assert int(mine * 1_000_000) == sum(charge["micros"] for charge in bill)


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
    rows = [{"id": f"c{i}", "prompt": f"cloud {i}", "model": "dall-e-2"} for i in range(40)]
    rows += [{"id": f"h{i}", "prompt": f"hang {i} [[scenario:hang@1]]", "model": "dall-e-3"} for i in range(2)]
    catalog = team.catalog(tmp_path, "clouds.csv", rows)
    dataset = f"s3://{team.bucket}/sets/clouds"
    asked = {
        "catalogs": [catalog], "dataset": dataset, "rpm": {"dall-e-2": 120, "dall-e-3": 600}, "grace": 3,
        "approve_above": 100,
    }  # fmt: skip
    before = charges_so_far(team.sandbox)
    run = start_run(team.server, "generate_dataset/on-demand", asked)
    wait_run(team.server, run, lambda _: len(charged(team.sandbox, before)) >= 20)
    set_state(team.server, run, "CANCELLING", "Cancelling")
    stopped = wait_run(team.server, run, lambda found: found["state"]["type"] == "CANCELLED")
    assert stopped["state"]["name"] == "Cancelled", stopped["state"]
    found = Counter((row["outcome"], row["outcome_reason"]) for row in team.manifest(dataset))
    assert found[("unknown", "connection_lost")] == 2
    assert 0 < found[("pending", "interrupted")] <= 20
    assert sum(found.values()) == 42
    with team.s3.as_environment():
        assert asyncio.run(_next_run(team, catalog, dataset)).succeeded == 42
    assert {row["outcome"] for row in team.manifest(dataset)} == {"succeeded"}
    assert len([charge for charge in charged(team.sandbox, before) if charge["model"] == "dall-e-2"]) == 40
