"""Money before the fact: an unknown price is refused, whatever may be bought is in the plan, and a limit is a limit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from catalogs.providers import find_provider
from deployments.cli.main import main
from deployments.sandbox.process import SandboxProcess
from tasks.engine.buying.settling import ReplyContext, Settler, decode_reply, encode_reply
from tasks.engine.planning.table import ModelTable
from tasks.engine.problems import InvalidCatalog
from tasks.journal.events import Answered
from tasks.protocols.wire import Reply
from tasks.storage.inspect import Inspector
from tasks.storage.memory import MemoryStore
from tests.gateways.looking import VASE, assert_books_agree, calls_by_row, posts, row_meeting
from tests.support.runs import charged, current_rows, run, session_for, write_catalog
from tests.tasks.journal import samples

UNPRICED = "chatgpt-image-latest"


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_an_unknown_price_is_a_problem_of_the_plan_and_nothing_is_spent(
    verb: str,
    tmp_path: Path,
    gateway: SandboxProcess,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", gateway.base_url)
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill", "model": UNPRICED}])
    words = [verb, str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert UNPRICED in said
    assert f"--price {UNPRICED}=USD" in said
    assert posts(gateway) == []
    assert main(["plan", *words[1:], "--price", f"{UNPRICED}=0.05"]) == 0
    assert "estimated $0.05" in capsys.readouterr().out


async def test_an_edit_without_a_price_is_not_said_of_the_model_whose_pictures_have_one(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [
        {"id": "a", "prompt": "a hill", "model": "flux-2-max"},
        {"id": "b", "prompt": "at dawn", "model": "flux-2-max", "operation": "edit", "images": VASE},
    ]
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway)
    with pytest.raises(InvalidCatalog) as caught:
        await session.make_plan()
    assert "found flux-2-max, whose price for these rows is not known (1 row)" in caught.value.lines[0]


async def test_a_price_that_the_user_states_is_what_is_reserved_and_recorded(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill", "model": UNPRICED}])
    result = await run(catalog, tmp_path / "ds", gateway, prices={UNPRICED: "0.04"})
    row = current_rows(tmp_path / "ds")[0]
    assert (row["outcome"], str(row["cost_usd"])) == ("succeeded", "0.040000")
    assert result.cost_micros == charged(gateway)[0]["micros"]


async def test_a_late_answer_is_priced_as_it_was_bought_and_one_of_an_earlier_release_by_the_table() -> None:
    intent = samples.intent(model="dall-e-3", cap_micros=15_000)
    picture = Reply(status=200, headers={}, body=b'{"data": [{"url": "https://cdn.example/a.png"}]}')
    context = ReplyContext(
        operation="generate", format="images_json", result="url", vision=None, n=1, size=None, quality=None, inputs=0,
        received_at=samples.AT, queue_ms=0, generate_ms=0,
    )  # fmt: skip
    settler = Settler(MemoryStore("late"), ModelTable(find_provider("apiyi")), Inspector())
    costs = {}
    for price in (("0.015",), ("5", "8", "30"), (), None):
        blob = encode_reply(replace(context, price=price), picture)
        assert decode_reply(blob) == (replace(context, price=price), picture)
        event = await settler(intent, blob)
        assert isinstance(event, Answered)
        costs[price] = event.cost_micros
    assert costs == {("0.015",): 15_000, ("5", "8", "30"): None, (): None, None: 40_000}

    head, _, body = encode_reply(context, picture).partition(b"\n")
    earlier = {name: value for name, value in orjson.loads(head).items() if name not in ("price", "too_large")}
    assert decode_reply(orjson.dumps(earlier) + b"\n" + body) == (context, picture)
    large = replace(picture, too_large=True)
    assert decode_reply(encode_reply(context, large)) == (context, large)


@pytest.mark.parametrize(
    ("options", "micros"),
    [
        ({"prices": {"gpt-4o": "0.5"}}, 500_000),
        ({"prices": {"gpt-4o": "0.5", "sora_image": "0.002"}}, 2_000),
        ({"prices": {"gpt-4o": "0.002"}}, 10_000),
        ({"prices": {"gpt-4o": "0.5"}, "ocr": "gpt-4o"}, 10_000),
    ],
)
async def test_what_is_stated_of_a_readers_name_is_for_the_rows_that_make_pictures_by_it(
    tmp_path: Path, gateway: SandboxProcess, options: dict[str, Any], micros: int
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill", "model": "gpt-4o"}])
    session = session_for(catalog, tmp_path / "ds", gateway, rpm={"gpt-4o": 3.0, "*": 5.0}, **options)
    plan = await session.make_plan()
    assert plan.summary.estimate_micros == plan.summary.cap_micros == micros
    assert session.options.rpm_of(plan.table.get("sora_image")) == (5.0 if "ocr" in options else 3.0)
    plan.discard()


async def test_a_reading_model_without_a_price_is_refused_before_anything_is_bought(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [{"id": "a", "prompt": "a hill", "model": "dall-e-2", "ocr": "true"}]
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, ocr="gpt-4o")
    plan = await session.make_plan()
    assert plan.summary.cap_micros > 20_000, "the reading is in the worst case"
    plan.discard()
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, ocr=UNPRICED)
    with pytest.raises(InvalidCatalog, match="1 problem"):
        await session.make_plan()


async def test_rows_that_wait_for_others_are_in_the_estimate_and_counted_once(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [
        {"id": "hill", "prompt": "a hill", "model": "dall-e-2"},
        {"id": "winter", "operation": "edit", "prompt": "in winter", "model": "flux-kontext-max", "images": "row:hill"},
        {"id": "night", "operation": "edit", "prompt": "at night", "model": "flux-kontext-max", "images": VASE},
    ]
    catalog = write_catalog(tmp_path / "c.csv", rows)
    session = session_for(catalog, tmp_path / "ds", gateway)
    summary = (await session.make_plan()).summary
    assert (summary.estimate_micros, summary.cap_micros) == (160_000, 160_000)
    session.ready_plan.discard()
    result = await run(catalog, tmp_path / "ds", gateway)
    assert result.cost_micros == 160_000 == sum(charge["micros"] for charge in charged(gateway))


async def test_a_budget_of_37_percent_is_kept_to_the_micro_dollar_and_the_rest_is_bought_later(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    """1,000 rows at three prices, 64 in flight, some answers lost after they were charged."""
    prices = {"dall-e-2": 20_000, "sora_image": 10_000, "flux-pro-v1.1": 35_000}
    models = list(prices)
    rows = [{"id": f"r{i}", "prompt": f"lake number {i}", "model": models[i % 3]} for i in range(1000)]
    whole = sum(prices[row["model"]] for row in rows)
    limit = whole * 37 // 100
    catalog = write_catalog(tmp_path / "c.csv", rows)
    gateway.switch(scenarios=["hangup_after_billing:0.02"])
    first = await run(catalog, tmp_path / "ds", gateway, concurrency=64, max_spend_micros=limit)
    billed = sum(charge["micros"] for charge in charged(gateway))
    assert (first.exit_code, first.stopped) == (4, "budget")
    assert billed <= first.cost_micros + first.at_risk_micros <= limit
    assert first.cost_micros + first.at_risk_micros > limit - 64 * max(prices.values()), "it stopped far too early"
    assert {row["outcome_reason"] for row in current_rows(tmp_path / "ds") if row["outcome"] == "pending"} == {"budget"}
    paid_before = {row["row_id"] for row in current_rows(tmp_path / "ds") if row["outcome"] == "succeeded"}
    gateway.switch(scenarios=[])
    second = await run(catalog, tmp_path / "ds", gateway, concurrency=64, max_spend_micros=2 * whole)
    assert (second.exit_code, second.succeeded, second.reused) == (0, 1000, first.succeeded)
    for row_id, calls in calls_by_row(tmp_path / "ds").items():
        assert [call["billed"] for call in calls if call["billed"] != "unknown"] == ["yes"]
        assert row_id not in paid_before or {call["run_id"] for call in calls} == {first.run_id}
    assert_books_agree(gateway, tmp_path / "ds")


async def test_possible_charges_count_as_spent_at_their_worst_case(tmp_path: Path, gateway: SandboxProcess) -> None:
    gateway.switch(scenarios=["reset_before"])
    rows = [row_meeting("slow:0", id=f"r{i}", prompt=f"lake {i}") for i in range(12)]
    result = await run(
        write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, concurrency=2, max_spend_micros=100_000
    )
    assert (result.exit_code, result.cost_micros, result.at_risk_micros) == (4, 0, 100_000)
    assert len(posts(gateway)) == 5
