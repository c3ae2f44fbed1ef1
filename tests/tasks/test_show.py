"""What a run's page says, without a server: keys, plan, progress, summary; and the moments that deserve an alarm."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.problems import InvalidCatalog
from tasks.engine.running.session import Session, forget
from tasks.engine.showing.digest import code, escape, summary_markdown
from tasks.engine.showing.plan_digest import plan_markdown, problems_markdown
from tasks.engine.showing.progress_digest import progress_markdown, refusals_jumped
from tasks.engine.showing.showcase import showcase
from tasks.show import _due, artifact_key
from tasks.summarize import forms_again
from tests.support.runs import session_for, write_catalog

HOSTILE = (
    "</td><script>alert(1)</script> [x](javascript:alert(1)) | `y` ![z](https://evil.example/p.png) www.evil.example"
)


@pytest.mark.parametrize(
    ("dataset", "key"),
    [
        ("s3://images/Summer 2026/", "summer-2026-plan"),
        ("/data/ds", "ds-plan"),
        ("s3://b/夏", "dataset-plan"),
        ("x" * 99, "x" * 60 + "-plan"),
    ],
)
def test_artifacts_of_one_dataset_form_one_time_line(dataset: str, key: str) -> None:
    assert artifact_key(dataset, "plan") == key
    assert re.fullmatch(r"[a-z0-9-]+", key)


def test_text_of_strangers_is_shown_and_never_obeyed() -> None:
    shown = escape(HOSTILE)
    assert "<script" not in shown
    assert "://" not in shown
    assert "www." not in shown
    assert not re.search(r"(?<!\\)[\[\]|`()]", shown)
    assert code("a`|b\n") == "`aˋ¦b\\n`"


async def finished(folder: Path, sandbox: SandboxProcess, rows: list[dict[str, str]], **options: Any) -> Session:
    """A session whose rows are all worked, services closed."""
    session = session_for(write_catalog(folder / "c.csv", rows), folder / "ds", sandbox, **options)
    await session.make_plan()
    async with session.opened():
        await session.work(await session.next_wave(0))
        await session.finish()
    return session


async def test_plan_progress_and_summary_say_what_was_planned_and_done(tmp_path: Path, sandbox: SandboxProcess) -> None:
    rows = [{"id": f"r{i}", "prompt": f"{HOSTILE} {i}", "model": "dall-e-2"} for i in range(3)]
    rows += [{"id": "gore", "prompt": "gore everywhere", "model": "dall-e-2"}]
    session = await finished(tmp_path, sandbox, rows, max_spend_micros=1_000_000)
    try:
        plan = plan_markdown(session.ready_plan)
        assert "# Plan: 4 new of 4 results" in plan
        assert "| dall-e-2 | 4 | 4 | $0.08 | $0.08 |" in plan
        assert "Retired or retiring models" in plan
        assert "4 of 4 calls done" in (live := progress_markdown(session))
        assert "100%" in live
        assert "| policy | 1 |" in live
        assert "$1.00" in live
        shown = await showcase(session.store, session.run_id, {"c"})
        again = forms_again("0-0", {"catalogs": ["50%.csv"], "rows": ["x"], "only": "pending"})
        said = summary_markdown(session, session._result(session.ready_plan.summary.outcomes), shown, again)
        assert "| refused | `policy` content policy | 1 | `gore` |" in said
        assert [link for _, link in re.findall(r"\[(refused|failed|held)\]\((.*?)\)", said)] == [again["refused"]]
        assert "## Limits" not in said, "nothing was decided about traffic"
        assert "| dall-e-2 | 4 | 4 | $0.06 |" in said
        assert said.count("data:image/jpeg;base64,") == 3
        assert "<script" not in said
        assert "](javascript" not in said
    finally:
        forget(session.run_id)


def test_the_form_for_another_run_is_the_last_ones_for_the_rows_that_are_so() -> None:
    """The UI decodes the address twice."""
    asked = {"catalogs": ["50%25.csv"], "dataset": "a & b", "only": "failed", "rows": ["r1"], "again": True, "limit": 3}
    place, _, query = forms_again("0-0", asked)["refused"].partition("?parameters=")
    assert place == "/deployments/deployment/0-0/run"
    assert json.loads(unquote(unquote(query))) == {"catalogs": ["50%25.csv"], "dataset": "a & b", "only": "refused"}


async def test_events_are_due_when_a_run_is_stopped_and_not_before(tmp_path: Path, sandbox: SandboxProcess) -> None:
    session = await finished(tmp_path, sandbox, [{"prompt": "one", "model": "dall-e-2"}])
    try:
        assert _due(session) == []
        for reason, cause, event in (
            ("budget", "", "printroom.budget.reached"),
            ("provider_stopped", "auth", "printroom.key.rejected"),
            ("provider_stopped", "quota", "printroom.balance.exhausted"),
            ("provider_stopped", "transient", "printroom.provider.stopped"),
            ("store_down", "", "printroom.store.down"),
            ("interrupted", "", None),
        ):
            session.stop.reason, session.stop.cause = reason, cause  # type: ignore[assignment]  # a table of all
            assert _due(session) == ([event] if event else [])
    finally:
        forget(session.run_id)


@pytest.mark.parametrize(
    ("refused", "done", "before", "jumped"),
    [
        (5, 25, {}, True),
        (4, 25, {}, False),  # less than a fifth
        (5, 19, {}, False),  # too early to say
        (5, 25, {"refused": 10, "succeeded": 90}, False),  # it is always so here
        (10, 25, {"refused": 10, "succeeded": 90}, True),
    ],
)
async def test_refusals_are_told_of_when_they_are_more_than_usual(
    tmp_path: Path, sandbox: SandboxProcess, refused: int, done: int, before: dict[str, int], jumped: bool
) -> None:
    session = session_for(write_catalog(tmp_path / "c.csv", [{"prompt": "x", "model": "dall-e-2"}]), tmp_path, sandbox)
    try:
        await session.make_plan()
        async with session.opened():
            session.services.progress.bought = done
            session.services.progress.outcomes["refused"] = refused
            session.ready_plan.summary.outcomes.clear()
            session.ready_plan.summary.outcomes.update(before)
            assert refusals_jumped(session) is jumped
    finally:
        forget(session.run_id)


def test_problems_of_a_catalog_are_listed_up_to_a_hundred() -> None:
    said = problems_markdown(InvalidCatalog([], [f"row {i}" for i in range(130)], 130))
    assert said.startswith("# 130 problems, nothing was spent")
    assert said.count("\n- ") == 101
    assert "- and 30 more" in said
