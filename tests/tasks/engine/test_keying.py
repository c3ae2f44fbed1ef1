"""Rows that feed on others: which pictures they get, when they get their key, and what is left of their waiting."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.planning.keying import placeholder
from tasks.engine.planning.summary import PlanSummary
from tasks.engine.planning.table import ModelTable
from tasks.engine.running.execute import execute
from tasks.engine.running.session import forget
from tasks.manifest.readers import read_manifest
from tasks.settings import read_settings
from tests.gateways.looking import calls_of
from tests.support.gateway import OwnGateway, Post, images, own_gateway, said
from tests.support.runs import charged, charges_so_far, current_rows, run, session_for, write_catalog

SMALL = {"model": "dall-e-2", "size": "256x256"}
ROWS = [
    {"id": "pair", "prompt": "two doors", "n": "2", **SMALL},
    {"id": "second", "operation": "edit", "prompt": "at night", "images": "row:pair#1", **SMALL},
    {"id": "both", "operation": "vision", "model": "gpt-4o", "vision": "compare", "images": "row:pair"},
    {"id": "third", "operation": "edit", "prompt": "in winter", "images": "row:second", **SMALL},
]


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return write_catalog(tmp_path / "chain.csv", ROWS)


async def test_a_row_gets_the_pictures_it_names_in_their_order(
    catalog: Path, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    assert (await run(catalog, tmp_path / "ds", sandbox)).exit_code == 0
    rows = {(row["row_id"], row["sample_index"]): row for row in current_rows(tmp_path / "ds")}
    first, second = rows["pair", 0]["sha256"], rows["pair", 1]["sha256"]
    assert first != second
    assert rows["second", 0]["input_sha256s"] == [second]
    assert rows["both", 0]["input_sha256s"] == [first, second]
    assert rows["third", 0]["input_sha256s"] == [rows["second", 0]["sha256"]]


async def test_a_picture_of_another_row_can_be_the_mask(tmp_path: Path, sandbox: SandboxProcess) -> None:
    rows = [
        {"id": "a", "prompt": "a red door", **SMALL},
        {"id": "b", "prompt": "a blue door", **SMALL},
        {"id": "c", "operation": "edit", "prompt": "a rose", "images": "row:a", "mask": "row:b", **SMALL},
    ]
    await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    made = {row["row_id"]: row for row in current_rows(tmp_path / "ds")}
    assert (made["c"]["input_sha256s"], made["c"]["mask_sha256"]) == ([made["a"]["sha256"]], made["b"]["sha256"])


async def test_a_row_that_waits_is_planned_with_its_price_and_under_its_run(
    catalog: Path, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    session = session_for(catalog, tmp_path / "ds", sandbox)
    plan = await session.make_plan()
    summary = plan.summary
    names = {later.row.row_id: placeholder(plan, later).wanted.waiting_for for later in plan.later}
    assert names == {"second": ("pair",), "both": ("pair",), "third": ("second",)}
    assert (summary.new, summary.waiting) == (2, 3)
    assert summary.estimate_micros >= 20_000 * (2 + 1 + 1), "the pair, and two edits that wait for it"
    await run(catalog, tmp_path / "ds", sandbox, limit=0)
    rows = {row["row_id"]: row for row in current_rows(tmp_path / "ds")}
    assert {name: rows[name]["outcome_reason"] for name in ("second", "both", "third")} == dict.fromkeys(
        ("second", "both", "third"), "waiting_for_input"
    )
    assert {row["run_id"] for row in rows.values()} - {None} == {rows["pair"]["run_id"]}
    assert [rows[row["id"]]["row_number"] for row in ROWS] == [1, 2, 3, 4]


async def test_a_row_that_waited_is_counted_once(catalog: Path, tmp_path: Path, sandbox: SandboxProcess) -> None:
    session = session_for(catalog, tmp_path / "ds", sandbox)
    before = replace((await session.make_plan()).summary.models["dall-e-2"])
    try:
        await execute(session)
    finally:
        forget(session.run_id)
    summary = session.ready_plan.summary
    assert (summary.rows, summary.new, summary.waiting) == (5, 5, 0)
    assert (before.rows, before.new) == (4, 2)
    assert (summary.models["dall-e-2"].rows, summary.models["dall-e-2"].new) == (4, 4)


@pytest.mark.parametrize("take", ["1", "2"])
async def test_once_its_inputs_are_there_nothing_is_left_of_its_waiting(
    take: str, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "chain.csv", [{**row, "take": take} for row in ROWS])
    await run(catalog, tmp_path / "ds", sandbox, limit=1, partitions=5)
    assert {row["take"] for row in current_rows(tmp_path / "ds")} == {int(take)}
    before = charges_so_far(sandbox)
    result = await run(catalog, tmp_path / "ds", sandbox)
    assert (result.rows, result.succeeded, result.reused) == (5, 5, 2)
    assert len(charged(sandbox, before)) == 3
    rows = read_manifest(tmp_path / "ds").to_pylist()
    assert sorted((row["row_id"], row["sample_index"]) for row in rows if row["current"]) == [
        ("both", 0), ("pair", 0), ("pair", 1), ("second", 0), ("third", 0),
    ]  # fmt: skip
    assert {row["outcome"] for row in rows if row["current"]} == {"succeeded"}
    assert await run(catalog, tmp_path / "ds", sandbox) is not None
    assert len(charged(sandbox, before)) == 3


async def test_rows_that_come_to_the_same_request_are_planned_as_one_bought_and_one_reused(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    rows = [{"id": word, "prompt": "a hill", "model": f"auto:{word}"} for word in ("art", "best")]  # one model today
    catalog = write_catalog(tmp_path / "c.csv", rows)
    session = session_for(catalog, tmp_path / "ds", sandbox)
    summary = (await session.make_plan()).summary
    forget(session.run_id)
    assert (summary.rows, summary.new, summary.reused) == (2, 1, 1)
    result = await run(catalog, tmp_path / "ds", sandbox)
    assert (result.succeeded, result.reused) == (2, 1)


async def test_a_row_gets_and_reads_the_pictures_that_were_asked_for_not_one_that_came_unasked(tmp_path: Path) -> None:
    def answer(gateway: OwnGateway, post: Post) -> dict[str, object]:
        if post.path != "/chat/completions":
            return images(gateway.picture())
        if post.body["model"] == "gpt-4o":
            return said("hello")
        return said(f"![a]({gateway.picture()})\n\n![b]({gateway.picture()})")

    rows = [
        {"id": "one", "prompt": "a lake", "model": "sora_image", "ocr": "true"},
        {"id": "child", "operation": "edit", "prompt": "at night", "images": "row:one", **SMALL},
    ]
    catalog, dataset = write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds"
    async with own_gateway(answer) as gateway:
        for _ in range(2):
            assert (await run(catalog, dataset, gateway, ocr="gpt-4o")).exit_code == 0
        assert [post.body.count(b'name="image"') for post in gateway.posts if post.path == "/images/edits"] == [1]
    assert sorted(call["purpose"] for call in calls_of(dataset)) == ["edit", "generate", "ocr"]
    made = {(row["row_id"], row["sample_index"]): row for row in current_rows(dataset)}
    assert made["child", 0]["input_sha256s"] == [made["one", 0]["sha256"]]
    assert made["one", 1]["sha256"], "what came unasked is stored"
    assert [made["one", sample]["ocr_text"] for sample in (0, 1)] == ["hello", None]


async def test_a_row_needs_of_another_only_what_it_names(tmp_path: Path) -> None:
    lost = True

    def answer(gateway: OwnGateway, post: Post) -> dict[str, object]:
        second = gateway.dead() if lost else gateway.picture()
        return images(gateway.picture(), *([second] if post.path == "/images/generations" else []))

    rows = [{**ROWS[0], "id": "pair"}, {**ROWS[1], "id": "first", "images": "row:pair#0"}, ROWS[1]]
    catalog, dataset = write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds"
    async with own_gateway(answer) as gateway:
        for only in ("pending", "refused"):
            await run(catalog, dataset, gateway, only=only)
            made = {(row["row_id"], row["sample_index"]): row["outcome"] for row in current_rows(dataset)}
            assert made == {
                ("pair", 0): "succeeded", ("pair", 1): "failed", ("first", 0): "succeeded", ("second", 0): "pending"
            }  # fmt: skip
        assert len(gateway.posts) == 2
        lost = False
        assert (await run(catalog, dataset, gateway, only="all-but-succeeded")).exit_code == 0
        assert len(gateway.posts) == 2 + 2, (
            "the pair anew, of which the first picture stays, and what feeds on the other"
        )
    inputs = {row["row_id"]: row["input_sha256s"] for row in current_rows(dataset)}
    pair = {row["sample_index"]: row["sha256"] for row in current_rows(dataset) if row["row_id"] == "pair"}
    assert (inputs["first"], inputs["second"]) == ([pair[0]], [pair[1]])


async def planned_money(catalog: Path, tmp_path: Path, sandbox: SandboxProcess, **options: Any) -> PlanSummary:
    session = session_for(catalog, tmp_path / "ds", sandbox, **options)
    summary = (await session.make_plan()).summary
    forget(session.run_id)
    return summary


async def test_the_paid_reading_of_a_row_that_waits_is_part_of_what_the_plan_may_cost(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    child = {**ROWS[1], "images": "row:pair", "ocr": "true"}
    catalog = write_catalog(tmp_path / "c.csv", [{**ROWS[0], "n": "1"}, child])
    unread, read = [await planned_money(catalog, tmp_path, sandbox, ocr=ocr) for ocr in ("off", "gpt-4o")]
    price = ModelTable(read_settings("sandbox").provider).reading("gpt-4o")
    assert price is not None
    assert read.cap_micros - unread.cap_micros == price.cap_micros


async def test_a_row_that_waits_but_was_not_asked_for_is_not_in_the_plans_money(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    unpriced = {"id": "b", "operation": "edit", "prompt": "y", "model": "flux-2-pro", "images": "row:a"}
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "x", **SMALL}, unpriced])
    summary = await planned_money(catalog, tmp_path, sandbox, rows=("a",))
    assert (summary.rows, summary.waiting) == (2, 0)
    result = await run(catalog, tmp_path / "ds", sandbox, rows=("a",))
    assert (result.succeeded, result.pending) == (1, 1)
