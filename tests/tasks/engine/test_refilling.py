"""Accept rules and refill: rejected pictures are taken again until enough are accepted, never beyond the cap."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.problems import InvalidCatalog
from tasks.manifest.readers import read_manifest
from tests.support.runs import charged, charges_so_far, current_rows, run, session_for, write_catalog


@pytest.fixture(scope="module")
def gateway() -> Iterator[SandboxProcess]:
    with SandboxProcess(latency_scale=0) as running:
        yield running


def blank_for(gateway: SandboxProcess, share: str) -> SandboxProcess:
    """The gateway with an empty bill, drawing pictures of one colour for a share of requests."""
    gateway.reset()
    gateway.switch(scenarios=[f"blank_picture:{share}"])
    return gateway


def lighthouses(count: int, **more: str) -> list[dict[str, str]]:
    return [{"id": f"r{i}", "prompt": f"lighthouse number {i}", "model": "dall-e-2", **more} for i in range(count)]


def bill_usd(sandbox: SandboxProcess, since: int = 0) -> Decimal:
    return Decimal(sum(charge["micros"] for charge in charged(sandbox, since))) / 1_000_000


async def refilled(gateway: SandboxProcess, rows: int, tmp_path: Path, *, share: str, max_takes: int) -> None:
    """A run whose pictures fail the rule with this rate, until all rows have one that does not."""
    sandbox = blank_for(gateway, share)
    result = await run(
        write_catalog(tmp_path / "c.csv", lighthouses(rows)), tmp_path / "ds", sandbox,
        accept="not blank", max_takes=max_takes,
    )  # fmt: skip
    made = result.acceptance
    assert made is not None
    assert (made.accepted, made.rejected, made.unjudged) == (rows, 0, 0)
    assert made.bought == len(charged(sandbox)) > rows
    assert made.per_accepted_micros is not None
    assert Decimal(made.spent_micros) / 1_000_000 == bill_usd(sandbox)
    assert made.per_accepted_micros == round(made.spent_micros / rows)
    table = read_manifest(tmp_path / "ds").to_pylist()
    assert max(row["take"] for row in table) <= max_takes
    print(f"refill: {rows} rows, {made.bought} pictures bought, ${made.per_accepted_micros / 1e6:.6f} per accepted")
    current = [row for row in table if row["current"]]
    assert {row["row_id"] for row in current} == {f"r{i}" for i in range(rows)}
    assert not any(row["blank"] for row in current)
    assert (result.rows, result.succeeded, result.exit_code) == (rows, rows, 0)


async def test_rejected_pictures_are_taken_again_until_every_row_has_an_accepted_one(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    await refilled(gateway, 12, tmp_path, share="0.3", max_takes=8)


@pytest.mark.slow
async def test_a_hundred_rows_of_which_three_in_ten_fail_end_with_a_hundred_accepted(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    await refilled(gateway, 100, tmp_path, share="0.3", max_takes=10)


async def test_the_cap_on_takes_is_kept_and_what_is_still_rejected_is_said(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    sandbox = blank_for(gateway, "1")
    catalog = write_catalog(tmp_path / "c.csv", lighthouses(3))
    result = await run(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=3)
    assert len(charged(sandbox)) == 9
    assert result.acceptance is not None
    assert (result.acceptance.accepted, result.acceptance.rejected) == (0, 3)
    assert result.acceptance.per_accepted_micros is None
    again = await run(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=3)
    assert len(charged(sandbox)) == 9
    assert again.cost_micros == 0


async def test_without_a_cap_above_one_the_rule_only_counts(tmp_path: Path, gateway: SandboxProcess) -> None:
    sandbox = blank_for(gateway, "1")
    result = await run(write_catalog(tmp_path / "c.csv", lighthouses(2)), tmp_path / "ds", sandbox, accept="not blank")
    assert len(charged(sandbox)) == 2
    assert result.acceptance is not None
    assert result.acceptance.rejected == 2


async def test_a_rule_given_later_takes_up_what_the_dataset_holds_and_the_plan_says_so(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    sandbox = blank_for(gateway, "1")
    catalog = write_catalog(tmp_path / "c.csv", lighthouses(2))
    await run(catalog, tmp_path / "ds", sandbox)
    sandbox.switch(scenarios=[])
    session = session_for(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=4)
    plan = await session.make_plan()
    assert plan.summary.new == 2
    assert plan.summary.cap_micros >= 2 * 4 * 16_000
    plan.discard()
    result = await run(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=4)
    assert result.acceptance is not None
    assert result.acceptance.accepted == 2
    assert {row["take"] for row in current_rows(tmp_path / "ds")} == {2}
    plain = await run(catalog, tmp_path / "ds", sandbox)
    assert (plain.reused, plain.cost_micros) == (2, 0)


async def test_a_row_that_needs_two_accepted_pictures_gets_them_as_takes_that_stay_current(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", lighthouses(3))
    before = charges_so_far(sandbox)
    await run(catalog, tmp_path / "ds", sandbox, accept="not blank", accepted=2, max_takes=5)
    assert len(charged(sandbox, before)) == 6
    for _ in range(2):
        held = {(row["row_id"], row["take"]) for row in current_rows(tmp_path / "ds")}
        assert held == {(f"r{i}", take) for i in range(3) for take in (1, 2)}
        plain = await run(catalog, tmp_path / "ds", sandbox)
        assert (plain.rows, plain.cost_micros) == (6, 0)


async def test_what_cannot_be_judged_is_not_bought_again(tmp_path: Path, sandbox: SandboxProcess) -> None:
    catalog = write_catalog(tmp_path / "c.csv", lighthouses(2))
    before = charges_so_far(sandbox)
    result = await run(catalog, tmp_path / "ds", sandbox, accept="cer <= 0.1", max_takes=5)
    assert len(charged(sandbox, before)) == 2
    assert result.acceptance is not None
    assert result.acceptance.unjudged == 2


async def test_a_refill_stops_at_the_budget_of_the_whole_run(tmp_path: Path, gateway: SandboxProcess) -> None:
    sandbox = blank_for(gateway, "1")
    catalog = write_catalog(tmp_path / "c.csv", lighthouses(2))
    result = await run(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=50, max_spend_micros=100_000)
    assert result.stopped == "budget"
    assert bill_usd(sandbox) <= Decimal("0.1")


async def test_other_rows_limits_and_edited_prompts_count_for_themselves(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    sandbox = blank_for(gateway, "1")
    catalog = write_catalog(tmp_path / "c.csv", lighthouses(3))
    await run(catalog, tmp_path / "ds", sandbox)
    await run(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=2, rows=("r1",))
    assert len(charged(sandbox)) == 4
    await run(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=9, limit=1)
    assert len(charged(sandbox)) == 5
    write_catalog(tmp_path / "c.csv", [{**row, "prompt": "another " + row["prompt"]} for row in lighthouses(3)])
    before = charges_so_far(sandbox)
    await run(catalog, tmp_path / "ds", sandbox, accept="not blank", max_takes=2)
    assert len(charged(sandbox, before)) == 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"accept": "crr<1"}, "did you mean cer"),
        ({"max_takes": 3}, "needs a rule"),
        ({"max_takes": 3, "accept": "not blank", "runner": "workers"}, "--runner local"),
        ({"accept": "cer<="}, "at character 6"),
    ],
)
async def test_a_rule_that_cannot_be_meant_stops_the_plan(
    options: dict[str, object], said: str, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    session = session_for(write_catalog(tmp_path / "c.csv", lighthouses(1)), tmp_path / "ds", sandbox, **options)
    with pytest.raises(InvalidCatalog) as raised:
        await session.make_plan()
    assert said in raised.value.lines[0]
