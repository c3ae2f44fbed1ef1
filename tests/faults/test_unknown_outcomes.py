"""Calls of which nobody knows what became: retried once, then held; listed with what they may have cost."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.analysis.status import dataset_status
from tasks.manifest.readers import read_calls, read_manifest
from tasks.storage.open import open_store
from tests.faults.audit import attempts_per_row, audit, read_books
from tests.faults.nursery import Child, Nursery
from tests.faults.settled import bill_when_settled

Figures = Callable[..., None]
ROWS = 6
FEW = 2  # rows without an outcome: five cut connections in a row make a run pause, for the gateway may be away
# scenario, the reason on record, whether the gateway charges for it
TROUBLES = [
    ("hangup_after_billing", "connection_lost", True),
    pytest.param("cloudflare_524", "gateway_timeout", True, marks=pytest.mark.slow),
    pytest.param("reset_before", "connection_lost", False, marks=pytest.mark.slow),
    pytest.param("reset_after_headers", "connection_lost", True, marks=pytest.mark.slow),
    pytest.param("cut_json", "malformed_reply", True, marks=pytest.mark.slow),
]


@pytest.fixture
def start(runs: Nursery, gateway: SandboxProcess, catalog: Callable[..., Path], tmp_path: Path) -> Callable[..., Child]:
    """Starts a run over so many rows; keywords are options."""
    gateway.switch(latency_scale=0.0)

    def starting(rows: int = ROWS, **options: Any) -> Child:
        return runs.start(
            catalog(rows), tmp_path / "ds", gateway.base_url, spool=str(tmp_path / "spool"),
            options={"concurrency": 4, "partitions": 4, **options},
        )  # fmt: skip

    return starting


async def money_adds_up(dataset: Path, gateway: SandboxProcess) -> dict[str, Any]:
    """Known + at risk covers the bill, nothing known is wrong, and manifest, calls and status say the same."""
    rows, calls = read_manifest(dataset).to_pylist(), read_calls(dataset).to_pylist()
    status = await dataset_status(open_store(str(dataset)))
    known = sum((row["cost_usd"] or Decimal(0)) for row in rows)
    at_risk = sum((row["cost_at_risk_usd"] or Decimal(0)) for row in rows)
    assert known == sum((call["cost_usd"] or Decimal(0)) for call in calls) == Decimal(status.cost_micros) / 1_000_000
    assert at_risk == Decimal(status.at_risk_micros) / 1_000_000
    charges = bill_when_settled(gateway)
    bill = Decimal(sum(charge["micros"] for charge in charges)) / 1_000_000
    assert known <= bill <= known + at_risk
    return {"known_usd": known, "at_risk_usd": at_risk, "bill_usd": bill}


@pytest.mark.parametrize(("scenario", "reason", "charged"), TROUBLES)
async def test_a_call_without_an_outcome_is_retried_once_then_held_and_listed(
    scenario: str,
    reason: str,
    charged: bool,
    start: Callable[..., Child],
    gateway: SandboxProcess,
    tmp_path: Path,
    figures: Figures,
) -> None:
    gateway.switch(scenarios=[scenario])
    first = start(FEW)
    assert first.wait(60).code == 3, first.log()[-3000:]
    report = first.report()
    assert (report["held"], report["posts"]) == (FEW, 2 * FEW)
    assert len(bill_when_settled(gateway)) == (2 * FEW if charged else 0)
    status = await dataset_status(open_store(str(tmp_path / "ds")))
    assert [each.reason for each in status.unknowns] == [reason] * 2 * FEW
    assert status.reasons == {"held: attempts_exhausted": FEW}
    money = await money_adds_up(tmp_path / "ds", gateway)
    plain = start(FEW)
    assert (plain.wait(60).code, plain.report()["posts"]) == (3, 0), "a plain run bought what is held"
    gateway.switch(scenarios=[])
    held = start(FEW, only="held")
    assert (held.wait(60).code, held.report()["posts"]) == (0, FEW)
    await money_adds_up(tmp_path / "ds", gateway)
    found = await audit(open_store(str(tmp_path / "ds")), bill_when_settled(gateway), [f"c/r{i}" for i in range(FEW)])
    figures(f"unknown outcomes, {scenario}", **money, **found.figures())
    assert found.broken == []


async def test_an_answer_to_the_second_attempt_finishes_the_row(
    start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path
) -> None:
    gateway.switch(scenarios=["hangup_after_billing@1"])
    child = start(FEW)
    assert child.wait(60).code == 0, child.log()[-3000:]
    assert len(bill_when_settled(gateway)) == 2 * FEW
    rows = read_manifest(tmp_path / "ds").to_pylist()
    assert {(row["attempts"], row["billed"]) for row in rows} == {(2, "yes")}
    await money_adds_up(tmp_path / "ds", gateway)


async def test_on_unknown_hold_buys_nothing_twice(
    start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path
) -> None:
    gateway.switch(scenarios=["cloudflare_524"])
    child = start(on_unknown="hold")
    assert (child.wait(60).code, child.report()["held"]) == (3, ROWS)
    assert len(bill_when_settled(gateway)) == ROWS
    rows = read_manifest(tmp_path / "ds").to_pylist()
    assert {(row["outcome"], row["outcome_reason"]) for row in rows} == {("held", "on_unknown_hold")}
    gateway.switch(scenarios=[])
    assert start(on_unknown="hold").wait(60).code == 3
    assert len(bill_when_settled(gateway)) == ROWS
    assert start(only="held", on_unknown="hold").wait(60).code == 0
    await money_adds_up(tmp_path / "ds", gateway)


async def test_a_row_killed_twice_in_flight_is_held_by_the_next_plain_run_and_finished_on_request(
    start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path
) -> None:
    gateway.switch(scenarios=["hang"])
    for times in (1, 2):
        child = start(4)
        until_billed(gateway, 4 * times)
        child.kill()
    gateway.switch(scenarios=[])
    plain = start(4)
    assert plain.wait(60).code == 3, plain.log()[-3000:]
    status = await dataset_status(open_store(str(tmp_path / "ds")))
    assert (status.outcomes["held"], status.outcomes["unknown"], status.in_flight) == (plain.report()["held"], 0, 0)
    assert status.outcomes["held"] == 4
    made = attempts_per_row(await read_books(open_store(str(tmp_path / "ds"))))
    assert max(made.values()) <= 2
    held = start(4, only="held")
    assert held.wait(60).code == 0, held.log()[-3000:]
    found = await audit(open_store(str(tmp_path / "ds")), bill_when_settled(gateway), [f"c/r{i}" for i in range(4)])
    assert found.broken == []


async def test_with_on_unknown_hold_a_row_killed_in_flight_is_held(
    start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path
) -> None:
    gateway.switch(scenarios=["hang"])
    child = start()
    until_billed(gateway, 4)
    child.kill()
    gateway.switch(scenarios=[])
    plain = start(on_unknown="hold")
    assert (plain.wait(60).code, plain.report()["held"], plain.report()["succeeded"]) == (3, 4, ROWS - 4)
    assert start(only="held").wait(60).code == 0
    assert len(bill_when_settled(gateway)) == ROWS + 4


async def test_a_run_killed_between_its_last_row_and_its_commit_is_in_the_manifest_after_the_next(
    start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path
) -> None:
    import shutil

    assert start().wait(60).code == 0
    shutil.rmtree(tmp_path / "ds" / "manifest")
    (tmp_path / "ds" / "manifest.parquet").unlink()
    plain = start()
    assert (plain.wait(60).code, plain.report()["posts"]) == (0, 0)
    assert read_manifest(tmp_path / "ds").num_rows == ROWS
    assert (tmp_path / "ds" / "manifest.parquet").exists()


def until_billed(gateway: SandboxProcess, charges: int, timeout_s: float = 20) -> None:
    """Wait until the gateway has charged so many calls; those of hanging calls are on the bill at once."""
    deadline = time.monotonic() + timeout_s
    while len(gateway.bill()["charges"]) < charges:
        assert time.monotonic() < deadline
        time.sleep(0.02)
