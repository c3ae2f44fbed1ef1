"""SIGINT and SIGTERM: nothing new is started, calls in flight get the grace, the manifest is committed, exit 130."""

import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.analysis.status import dataset_status
from tasks.manifest.readers import read_manifest
from tasks.storage.open import open_store
from tests.faults.audit import audit, read_books
from tests.faults.nursery import Child, Nursery
from tests.faults.settled import bill_when_settled
from tests.faults.test_two_runs import until_charged

Figures = Callable[..., None]
ROWS, CONCURRENCY = 32, 8


@pytest.fixture
def start(runs: Nursery, gateway: SandboxProcess, catalog: Callable[..., Path], tmp_path: Path) -> Callable[..., Child]:
    """Starts a run over a few rows; keywords are options."""
    wanted = catalog(ROWS)

    def starting(**options: Any) -> Child:
        return runs.start(
            wanted, tmp_path / "ds", gateway.base_url, spool=str(tmp_path / "spool"), timing={"poll_s": 0.1},
            options={"concurrency": CONCURRENCY, "partitions": 8, **options},
        )  # fmt: skip

    return starting


def posts(gateway: SandboxProcess) -> int:
    """How many paid requests have been finished or cut."""
    return len(gateway.log("/v1/"))


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
async def test_a_signal_lets_calls_in_flight_finish_and_the_next_run_pays_for_the_rest(
    number: signal.Signals,
    start: Callable[..., Child],
    gateway: SandboxProcess,
    tmp_path: Path,
    figures: Figures,
) -> None:
    gateway.switch(latency_scale=0.05)  # about 0.4 s
    child = start()
    until_charged(gateway, ROWS // 4)
    child.signal(number)
    told = time.time()
    assert child.wait(30).code == 130, child.log()[-3000:]
    report = child.report()
    charged = bill_when_settled(gateway)
    assert all(line["started_s"] < told + 0.25 for line in gateway.log("/v1/")), "a call was made after the signal"
    assert (report["unknown"], report["stopped"]) == (0, "interrupted")
    assert report["succeeded"] == len(charged) == report["posts"]
    rows = read_manifest(tmp_path / "ds").to_pylist()
    assert len(rows) == ROWS, "the manifest was not committed with every row"
    pending = [row for row in rows if row["outcome"] == "pending"]
    assert {row["outcome_reason"] for row in pending} == {"interrupted"}
    assert start().wait(60).code == 0
    found = await audit(open_store(str(tmp_path / "ds")), bill_when_settled(gateway), [f"c/r{i}" for i in range(ROWS)])
    figures(f"{number.name}, then another run", left_pending=len(pending), **found.figures())
    assert found.broken == []
    assert found.billed == ROWS


@pytest.mark.parametrize("how", ["the grace is over", "a second signal"])
async def test_calls_that_outlast_the_grace_are_unknown_and_listed_with_what_they_may_have_cost(
    how: str, start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path, figures: Figures
) -> None:
    gateway.switch(scenarios=["hang"], latency_scale=0.0)  # billed, then never an answer
    child = start(grace_s=0.5 if how == "the grace is over" else 60.0)
    until_charged(gateway, CONCURRENCY)
    child.signal(signal.SIGINT)
    if how == "a second signal":
        time.sleep(0.3)
        child.signal(signal.SIGINT)
    asked = time.monotonic()
    assert child.wait(20).code == 130, child.log()[-3000:]
    took_s = time.monotonic() - asked
    report = child.report()
    store = open_store(str(tmp_path / "ds"))
    status = await dataset_status(store)
    assert report["unknown"] == len(status.unknowns) == CONCURRENCY
    assert status.in_flight == 0
    assert {each.reason for each in status.unknowns} == {"connection_lost"}
    at_risk = sum(each.cap_micros for each in status.unknowns)
    assert (report["at_risk_micros"], status.at_risk_micros) == (at_risk, at_risk)
    rows = read_manifest(tmp_path / "ds").to_pylist()
    assert sum(row["cost_at_risk_usd"] or 0 for row in rows) == Decimal(at_risk) / 1_000_000
    unknown = [row for row in rows if row["outcome"] == "unknown"]
    assert [row["cost_usd"] for row in unknown] == [None] * CONCURRENCY, "a cost nobody knows is not 0"
    gateway.switch(scenarios=[])
    again = start(only="unknown")
    assert again.wait(30).code == 3, again.log()[-3000:]
    assert again.report()["posts"] == CONCURRENCY
    assert start().wait(60).code == 0
    found = await audit(store, bill_when_settled(gateway), [f"c/r{i}" for i in range(ROWS)])
    figures(f"interrupted, {how}", stopped_after_s=took_s, **found.figures())
    assert found.broken == []
    assert found.billed == ROWS + CONCURRENCY


async def test_a_run_that_waits_for_another_stops_at_once(
    start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path
) -> None:
    gateway.switch(latency_scale=0.1)  # about 0.8 s
    first = start(concurrency=ROWS)
    until_posted(first, tmp_path)
    second = start()
    until_said(second, "waiting")
    second.signal(signal.SIGTERM)
    assert second.wait(10).code == 130, second.log()[-3000:]
    assert second.report()["posts"] == 0
    assert first.wait(60).code == 0
    assert len(bill_when_settled(gateway)) == ROWS


@pytest.mark.slow
async def test_a_kill_while_a_run_drains_is_as_safe_as_any(
    start: Callable[..., Child], gateway: SandboxProcess, tmp_path: Path
) -> None:
    gateway.switch(latency_scale=0.1)
    child = start()
    until_charged(gateway, CONCURRENCY)
    child.signal(signal.SIGTERM)
    time.sleep(0.1)
    child.kill()
    if start().wait(60).code == 3:
        assert start(only="held").wait(60).code == 0
    store = open_store(str(tmp_path / "ds"))
    found = await audit(store, bill_when_settled(gateway), [f"c/r{i}" for i in range(ROWS)])
    assert found.broken == []
    assert (await read_books(store)).unknowns <= CONCURRENCY


def until_said(child: Child, word: str, timeout_s: float = 20) -> None:
    """Wait until a run has said something."""
    deadline = time.monotonic() + timeout_s
    while word not in child.log():
        assert time.monotonic() < deadline, child.log()[-2000:]
        time.sleep(0.02)


def until_posted(child: Child, tmp_path: Path, timeout_s: float = 20) -> None:
    """Wait until a run has written intents in most partitions: from then on it owns them."""
    deadline = time.monotonic() + timeout_s
    while len(list((tmp_path / "ds" / "journal").glob("*/0000000003.jsonl"))) < 6:
        assert time.monotonic() < deadline, child.log()[-2000:]
        time.sleep(0.02)
