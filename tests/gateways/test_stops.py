"""A rejected key or an empty purse stops the run: nothing is lost, little is asked, and the next run goes on."""

import asyncio
import time
from pathlib import Path

import pytest

from deployments.cli.run import cut_short
from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.execute import execute
from tasks.engine.running.session import Session, forget
from tasks.journal.errors import JournalProblem
from tasks.storage.local import LocalStore
from tests.gateways.looking import assert_books_agree, posts, row_meeting
from tests.support.runs import charged, current_rows, run, session_for, write_catalog

IN_FLIGHT = 6
# scenario -> the class that the call log shows
STOPPING = {
    **dict.fromkeys(("bad_key", "key_expired", "key_exhausted", "banned", "azure_blocked"), "auth"),
    **dict.fromkeys(
        ("billing_hard_limit", "balance_empty", "balance_units", "preconsume_failed", "insufficient_quota",
         "credit_exhausted", "spend_limit", "project_spend_limit", "rate_limit_long", "quota_as_saturated"),
        "quota",
    ),
}  # fmt: skip
AT_ONCE = sorted(set(STOPPING) - {"quota_as_saturated"})  # that one is asked once more, a minute later


@pytest.mark.parametrize("name", AT_ONCE)
async def test_the_run_stops_within_the_calls_in_flight_and_leaves_its_rows_pending(
    name: str, tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [row_meeting("slow:0", id=f"r{number}", prompt=f"lake {number}") for number in range(40)]
    catalog = write_catalog(tmp_path / "c.csv", rows)
    gateway.switch(scenarios=[name])
    result = await run(catalog, tmp_path / "ds", gateway, concurrency=IN_FLIGHT)
    sent = posts(gateway)
    assert 1 <= len(sent) <= IN_FLIGHT
    assert (result.stopped, result.exit_code, result.pending) == ("provider_stopped", 5, 40)
    assert {row["outcome_reason"] for row in current_rows(tmp_path / "ds")} == {"provider_stopped"}
    assert (result.cost_micros, result.at_risk_micros, charged(gateway)) == (0, 0, [])
    assert sent[-1]["started_s"] - sent[0]["finished_s"] <= 2
    assert time.time() - sent[0]["finished_s"] < 60, "the run went on long after it was told to stop"
    assert_books_agree(gateway, tmp_path / "ds")


@pytest.mark.parametrize("name", ["bad_key", "balance_empty"])
async def test_a_stopped_run_goes_on_where_it_was_and_pays_nothing_twice(
    name: str, tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [row_meeting("slow:0", id=f"r{number}", prompt=f"lake {number}") for number in range(30)]
    catalog = write_catalog(tmp_path / "c.csv", rows)
    gateway.switch(balance_usd="0.20")
    first = await run(catalog, tmp_path / "ds", gateway, concurrency=IN_FLIGHT)
    assert (first.exit_code, first.succeeded) == (5, 10)
    gateway.switch(balance_usd=None, scenarios=[name])
    second = await run(catalog, tmp_path / "ds", gateway, concurrency=IN_FLIGHT)
    assert (second.exit_code, second.succeeded, second.pending) == (5, 10, 20)
    gateway.switch(scenarios=[])
    third = await run(catalog, tmp_path / "ds", gateway, concurrency=IN_FLIGHT)
    assert (third.exit_code, third.succeeded, third.reused) == (0, 30, 10)
    assert len(charged(gateway)) == 30
    assert_books_agree(gateway, tmp_path / "ds")


async def test_a_run_that_is_stopped_while_the_gateway_asked_for_a_rest_does_not_wait_for_its_end(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [row_meeting("slow:0", id=f"r{number}", prompt=f"lake {number}") for number in range(20)]
    gateway.switch(rpm={"*": 0})  # "in a minute", it says
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, rpm={"dall-e-2": 120.0})
    running = asyncio.create_task(execute(session))
    while not posts(gateway):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    asked, told = len(posts(gateway)), time.monotonic()
    session.stop.stop("interrupted", "by the test")
    result = await running
    forget(session.run_id)
    assert time.monotonic() - told < 20, "a minute's rest was waited for"
    assert (result.pending, result.unknown, len(posts(gateway))) == (20, 0, asked)
    assert asked <= 2, "calls wait with their intents written"


def slow_rows(count: int) -> list[dict[str, str]]:
    prompts = [f"lake {number} [[scenario:slow:1]]" for number in range(count)]
    return [row_meeting("slow:1", id=f"r{number}", prompt=prompt) for number, prompt in enumerate(prompts)]


async def in_flight(session: Session, count: int) -> "asyncio.Task[object]":
    """Start the run and wait until it has so many calls in flight."""
    running = asyncio.create_task(execute(session))
    async with asyncio.timeout(20):
        while not session.is_open or session.services.progress.in_flight < count:
            assert not running.done()
            await asyncio.sleep(0.02)
    return running


async def test_a_run_that_is_cancelled_waits_for_its_calls_in_flight_and_pays_none_of_them_twice(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", slow_rows(IN_FLIGHT))
    session = session_for(catalog, tmp_path / "ds", gateway, partitions=2)
    running = await in_flight(session, IN_FLIGHT)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    forget(session.run_id)
    assert session.services.progress.in_flight == 0
    assert (await run(catalog, tmp_path / "ds", gateway)).succeeded == IN_FLIGHT
    assert len(charged(gateway)) == IN_FLIGHT
    assert_books_agree(gateway, tmp_path / "ds")


class DamagedStore(LocalStore):
    """Partition 00 cannot be read, which is noticed when ``looked`` is set."""

    looked = asyncio.Event()

    async def get(self, key: str) -> bytes:
        """As the protocol says."""
        if not key.startswith("journal/00/0"):
            return await super().get(key)
        await self.looked.wait()
        return b"damaged\n"


async def test_a_damaged_partition_ends_the_run_only_after_the_calls_of_the_others(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", slow_rows(16))
    assert (await run(catalog, tmp_path / "ds", gateway, partitions=2, limit=4)).succeeded == 4
    session = session_for(catalog, tmp_path / "ds", gateway)
    await session.make_plan()
    session.store = store = DamagedStore(tmp_path / "ds")
    running = await in_flight(session, 3)
    store.looked.set()
    with pytest.raises(JournalProblem) as caught:
        await running
    result = cut_short(session, caught.value)
    forget(session.run_id)
    assert (result.exit_code, result.cost_micros > 0, "journal/00" in result.message) == (5, True, True)
    assert session.services.progress.in_flight == 0
    assert (await run(catalog, tmp_path / "ds", gateway)).succeeded == 16
    assert len(charged(gateway)) == 16
    assert_books_agree(gateway, tmp_path / "ds")


@pytest.mark.slow
async def test_an_empty_purse_under_a_saturated_text_is_asked_once_more_and_then_stops(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [row_meeting("slow:0", id=f"r{number}", prompt=f"lake {number}") for number in range(20)]
    gateway.switch(scenarios=["quota_as_saturated"])
    result = await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, concurrency=4)
    assert (result.exit_code, result.pending) == (5, 20)
    assert len(posts(gateway)) <= 8
