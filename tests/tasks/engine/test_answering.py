"""Readings and structured answers: what is no text, refused, cut or failed; schemas held, and one paid second try."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.problems import InvalidCatalog
from tasks.manifest.verify import verify_dataset
from tasks.storage.local import LocalStore
from tests.gateways.looking import calls_of
from tests.support.gateway import OwnGateway, Post, images, own_gateway, said
from tests.support.runs import charged, charges_so_far, current_rows, run, session_for, write_catalog
from tests.test_main_job import VASE

SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["caption", "width"],
    "properties": {"caption": {"type": "string"}, "width": {"type": "integer", "minimum": 1}},
}  # fmt: skip


def question(number: int, **more: str) -> dict[str, str]:
    asked = {"operation": "vision", "vision": "ask", "model": "gemini-2.5-pro", "images": VASE}
    row = {"id": f"q{number}", "prompt": f"What is this, number {number}?", **asked}
    return row | {"params": json.dumps({"json_schema": SCHEMA})} | more


@pytest.fixture(scope="module")
def whole_gateway() -> Iterator[SandboxProcess]:
    with SandboxProcess("--reader", "embedded", latency_scale=0) as running:
        yield running


@pytest.fixture
def gateway(whole_gateway: SandboxProcess) -> SandboxProcess:
    """A gateway without scenarios and with an empty bill."""
    whole_gateway.switch(scenarios=[])
    whole_gateway.reset()
    return whole_gateway


async def answered(
    gateway: SandboxProcess, tmp_path: Path, scenario: str, rows: list[dict[str, str]]
) -> tuple[list[dict[str, Any]], int]:
    """The manifest rows and how many calls were charged; a second run may cost nothing, the bill must agree."""
    catalog = write_catalog(tmp_path / "c.csv", rows)
    gateway.switch(scenarios=[scenario] if scenario else [])
    result = await run(catalog, tmp_path / "ds", gateway)
    calls = len(charged(gateway))
    made = current_rows(tmp_path / "ds")
    bill = Decimal(sum(charge["micros"] for charge in charged(gateway))) / 1_000_000
    assert sum(row["cost_usd"] + row["ocr_cost_usd"] for row in made) == bill
    assert result.cost_micros == int(bill * 1_000_000)
    assert (await run(catalog, tmp_path / "ds", gateway)).cost_micros == 0
    assert len(charged(gateway)) == calls
    return made, calls


async def test_an_answer_that_follows_its_schema_is_its_json_at_the_price_of_one_call(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    made, calls = await answered(gateway, tmp_path, "", [question(i) for i in range(3)])
    assert calls == 3
    for row in made:
        assert json.loads(row["answer_json"])["width"] > 0
        assert (row["outcome"], row["attempts"]) == ("succeeded", 1)


async def test_a_fenced_answer_is_read_without_a_second_call(tmp_path: Path, gateway: SandboxProcess) -> None:
    made, calls = await answered(gateway, tmp_path, "json_fenced", [question(1)])
    assert calls == 1
    assert set(json.loads(made[0]["answer_json"])) == {"caption", "width"}


async def test_a_wrong_answer_is_asked_for_once_more_and_the_better_one_counts(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    made, calls = await answered(gateway, tmp_path, "json_invalid:0.5", [question(i) for i in range(12)])
    kinds = {(row["attempts"], row["answer_json"] is not None) for row in made}
    assert kinds == {(1, True), (2, True), (2, False)}  # right at once, right the second time, wrong twice
    assert calls == sum(row["attempts"] for row in made)
    assert {row["outcome"] for row in made} == {"succeeded"}
    assert all(row["answer_text"] for row in made)


@pytest.mark.parametrize("scenario", ["json_ignored", "json_invalid", "vision_length"])
async def test_an_answer_that_is_wrong_twice_keeps_its_text_and_has_no_json(
    scenario: str, tmp_path: Path, gateway: SandboxProcess
) -> None:
    made, calls = await answered(gateway, tmp_path, scenario, [question(1)])
    assert calls == 2
    assert made[0]["answer_json"] is None
    assert made[0]["answer_text"]
    assert made[0]["outcome"] == "succeeded"


async def test_a_second_call_that_the_budget_forbids_is_made_by_a_later_run(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [question(1)])
    gateway.switch(scenarios=["json_invalid"])
    cap = (await session_for(catalog, tmp_path / "ds", gateway).make_plan()).summary.cap_micros
    stopped = await run(catalog, tmp_path / "ds", gateway, max_spend_micros=cap)
    assert (stopped.stopped, len(charged(gateway))) == ("budget", 1)
    assert current_rows(tmp_path / "ds")[0]["outcome"] == "pending"
    gateway.switch(scenarios=[])
    done = await run(catalog, tmp_path / "ds", gateway)
    assert (done.exit_code, len(charged(gateway))) == (0, 2)
    assert json.loads(current_rows(tmp_path / "ds")[0]["answer_json"])


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"json_schema": []}, "which is an object"),
        ({"json_schema": {"type": "array"}}, '"type": "object"'),
        ({"json_schema": {"properties": {"a": {"type": "text"}}}}, "$.a.type: one of"),
        ({"json_schema": {"properties": {"a": {}}, "required": ["b"]}}, "'b' is not"),
        ({"json_schema": {"properties": {"a": 5}}}, "$.a: a schema"),
    ],
)
async def test_a_schema_that_is_none_is_a_problem_before_anything_is_paid(
    params: dict[str, Any], said: str, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [question(1, params=json.dumps(params))])
    with pytest.raises(InvalidCatalog) as raised:
        await session_for(catalog, tmp_path / "ds", sandbox).make_plan()
    assert said in raised.value.lines[0]


async def test_a_schema_is_refused_where_no_answer_comes(tmp_path: Path, sandbox: SandboxProcess) -> None:
    schema = json.dumps({"json_schema": SCHEMA})
    rows = [question(1, vision="ocr"), {"id": "g", "prompt": "a cat", "model": "dall-e-3", "params": schema}]
    with pytest.raises(InvalidCatalog) as raised:
        await session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox).make_plan()
    assert [line for line in raised.value.lines if "json_schema" in line and "ocr gives text" in line]
    assert [line for line in raised.value.lines if "row 2" in line and "json_schema" in line]


OCR = {"operation": "vision", "vision": "ocr", "model": "gemini-2.5-pro", "images": VASE, "expected_text": "x"}


@pytest.mark.parametrize(
    ("scenario", "outcome", "status", "has_text"),
    [
        ("", "succeeded", ("text", "no_text"), None),
        ("vision_length", "succeeded", ("failed",), True),
        ("vision_refusal", "refused", ("refused",), False),
        ("vision_refusal_text", "refused", ("refused",), False),
        ("vision_content_filter", "refused", ("refused",), False),
        ("text_empty", "failed", ("failed",), False),
    ],
)
async def test_no_text_refused_cut_and_failed_readings_are_told_apart(
    scenario: str, outcome: str, status: tuple[str, ...], has_text: bool | None, tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [OCR])
    gateway.switch(scenarios=[scenario] if scenario else [])
    await run(catalog, tmp_path / "ds", gateway)
    (row,) = current_rows(tmp_path / "ds")
    assert (row["outcome"], row["ocr_status"] in status) == (outcome, True)
    if has_text is not None:
        assert (row["ocr_text"] is not None) is has_text
        assert row["cer"] is None


async def test_the_local_reading_is_labelled_and_costs_nothing_a_paid_one_has_its_price(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(
        tmp_path / "c.csv",
        [{"id": "a", "prompt": 'a sign that says "OPEN"', "model": "dall-e-2", "ocr": "true", "expected_text": "OPEN"}],
    )
    await run(catalog, tmp_path / "ds", gateway)
    (row,) = current_rows(tmp_path / "ds")
    assert (row["ocr_model"], row["ocr_cost_usd"], row["ocr_status"]) == ("local:rapidocr", Decimal(0), "text")
    assert row["cer"] == 0
    before = charges_so_far(gateway)
    await run(catalog, tmp_path / "ds", gateway, ocr="gemini-2.5-pro")
    (row,) = current_rows(tmp_path / "ds")
    bill = Decimal(sum(charge["micros"] for charge in charged(gateway, before))) / 1_000_000
    assert (row["ocr_model"], row["ocr_cost_usd"]) == ("gemini-2.5-pro", bill)
    assert bill > 0


SIGN = {"id": "a", "prompt": "a sign", "model": "dall-e-2", "size": "256x256", "ocr": "true"}


def no_json(gateway: OwnGateway, post: Post) -> dict[str, Any]:
    return said("no json") if post.path == "/chat/completions" else images(gateway.picture())


async def test_what_rows_of_two_catalogs_ask_for_at_once_is_paid_and_recorded_once(tmp_path: Path) -> None:
    """A reading of the picture that they share; the second call for an answer that they share."""
    rows, dataset = [SIGN, question(1)], tmp_path / "ds"
    catalogs = [write_catalog(tmp_path / f"{name}.csv", rows) for name in ("spring", "summer")]
    async with own_gateway(no_json, pause_s=0.1) as gateway:
        cap = (await session_for(catalogs, dataset, gateway, ocr="off").make_plan()).summary.cap_micros
        first = await run(catalogs, dataset, gateway, ocr="off", max_spend_micros=cap)
        assert (first.stopped, len(gateway.posts)) == ("budget", 2)
        assert (await session_for(catalogs, dataset, gateway, ocr="gpt-4o").make_plan()).summary.readings == 1
        second = await run(catalogs, dataset, gateway, ocr="gpt-4o")
        assert (second.exit_code, len(gateway.posts)) == (0, 4)
    calls = calls_of(dataset)
    assert {post.key for post in gateway.posts} == {call["call_id"] for call in calls}
    bill = sum(call["cost_usd"] for call in calls)
    assert first.cost_micros + second.cost_micros == bill * 1_000_000
    assert sum(row["cost_usd"] + row["ocr_cost_usd"] for row in current_rows(dataset)) == bill


async def test_a_call_bought_anew_brings_what_was_missing_and_keeps_what_was_there(tmp_path: Path) -> None:
    def answer(gateway: OwnGateway, post: Post) -> dict[str, Any]:
        bought = sum(post.path == "/images/generations" for post in gateway.posts)
        if post.path == "/chat/completions":
            return said(f"text {bought}")
        return images(gateway.picture(), gateway.picture() if bought > 1 else gateway.dead())

    catalog, dataset = write_catalog(tmp_path / "c.csv", [{**SIGN, "n": "2"}]), tmp_path / "ds"
    first: dict[int, Any] = {}
    async with own_gateway(answer) as gateway:
        for only in ("pending", "failed", "pending"):
            await run(catalog, dataset, gateway, ocr="gpt-4o", only=only)
            made = {row["sample_index"]: row for row in current_rows(dataset)}
            first = first or made
        assert len(gateway.posts) == 2 + 2  # the call twice, and each picture was read once
        assert len(calls_of(dataset)) == 4
    assert first[1]["outcome"] == "failed"
    kept = ("sha256", "image_uri", "source_url", "ocr_text", "ocr_cost_usd")
    assert [made[0][name] for name in kept] == [first[0][name] for name in kept]
    assert [made[i]["ocr_text"] for i in (0, 1, 2)] == ["text 1", "text 2", None]
    assert [made[i]["outcome"] for i in (0, 1, 2)] == ["succeeded"] * 3
    assert len({made[i]["sha256"] for i in (0, 1, 2)}) == 3  # the one too many is stored behind them
    assert sum(row["cost_usd"] + row["ocr_cost_usd"] for row in made.values()) == sum(
        call["cost_usd"] for call in calls_of(dataset)
    )
    assert (await verify_dataset(LocalStore(dataset))).findings == []
