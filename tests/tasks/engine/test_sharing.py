"""A run shared out in parts: the same rows, the same bill, the same budget, whichever process dies."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.sandbox.process import SandboxProcess
from tasks.engine.planning.planned import PartitionWork
from tasks.engine.running.part import Part, form_for_part, part_of, parts_of, split
from tasks.engine.running.session import Session, forget
from tasks.engine.running.sharing import Watch, execute_part, take_stock
from tasks.engine.shared.claim import Claim
from tasks.engine.shared.pace import Pace
from tasks.journal.names import heartbeat_name
from tasks.journal.ports import Timing
from tasks.storage.local import LocalStore
from tasks.storage.memory import MemoryStore
from tasks.storage.open import open_store
from tasks.storage.store import Unavailable
from tests.support.part_process import part_session
from tests.support.prefect_server import ROOT
from tests.support.runs import charged, charges_so_far, current_rows, session_for, write_catalog

ROWS = [{"id": f"r{i}", "prompt": f"boat {i}", "model": "dall-e-2"} for i in range(40)] + [
    {"id": "child", "operation": "edit", "prompt": "in winter", "model": "flux-kontext-max", "images": "row:r0"}
]


@pytest.fixture
def at_sandbox(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    """Sessions of parts read the gateway's address from the environment, as a worker's do."""
    monkeypatch.setenv("PRINTROOM_BASE_URL", sandbox.base_url)
    return sandbox


async def parts_for(session: Session, wave: int, count: int) -> list[Part]:
    works = await session.next_wave(wave)
    stock = await take_stock(session)
    limit = session.options.max_spend_micros
    made = parts_of(
        session.run_id, wave, split(works, count), limit_micros=limit, spent_micros=stock.spent_by_partition
    )
    return [replace(part, first_token=f"part-{wave}-{part.index}") for part in made]


async def work_in_parts(session: Session, count: int) -> Any:
    await session.make_plan()
    form = form_for_part(session.options)
    async with session.opened():
        for wave in range(session.ready_plan.waves):
            parts = await parts_for(session, wave, count)
            await asyncio.gather(*(execute_part(part_session(form, part.as_dict()), part) for part in parts))
        await take_stock(session)
        return await session.finish()


async def test_two_parts_buy_every_row_once_and_the_rows_that_feed_on_others_too(
    tmp_path: Path, at_sandbox: SandboxProcess
) -> None:
    before = charges_so_far(at_sandbox)
    catalog = write_catalog(tmp_path / "boats.csv", ROWS)
    session = session_for(catalog, tmp_path / "ds", at_sandbox, rpm={"*": 60_000.0})
    result = await work_in_parts(session, 2)
    bill = charged(at_sandbox, before)
    assert len(bill) == 41
    assert (result.rows, result.succeeded, result.reused) == (41, 41, 0)
    assert result.cost_micros == sum(charge["micros"] for charge in bill)
    assert {row["run_id"] for row in current_rows(tmp_path / "ds")} == {session.run_id}


async def test_parts_together_never_pass_the_budget_of_the_run(tmp_path: Path, at_sandbox: SandboxProcess) -> None:
    before = charges_so_far(at_sandbox)
    catalog = write_catalog(tmp_path / "boats.csv", ROWS[:40])
    limit = 300_000
    session = session_for(
        catalog, tmp_path / "ds", at_sandbox, max_spend_micros=limit, rpm={"*": 60_000.0}, partitions=8
    )
    result = await work_in_parts(session, 3)
    spent = sum(charge["micros"] for charge in charged(at_sandbox, before))
    assert limit - 3 * 20_000 < spent <= limit
    assert Counter(row["outcome_reason"] for row in current_rows(tmp_path / "ds"))["budget"] == result.pending > 0


async def test_two_living_processes_of_one_part_never_pass_its_budget(
    tmp_path: Path, at_sandbox: SandboxProcess
) -> None:
    before = charges_so_far(at_sandbox)
    catalog = write_catalog(tmp_path / "boats.csv", ROWS[:24])
    limit = 240_000
    session = session_for(
        catalog, tmp_path / "ds", at_sandbox, max_spend_micros=limit, rpm={"*": 60_000.0}, concurrency=1, partitions=8
    )
    await session.make_plan()
    form = form_for_part(session.options)

    async def work(part: Part) -> Session:
        mine = part_session(form, part.as_dict())
        mine.reports, mine.pace = False, Pace(journal=Timing(poll_s=0.05))
        await execute_part(mine, part)
        return mine

    async with session.opened():
        (part,) = await parts_for(session, 0, 1)
        first = asyncio.create_task(work(part))
        while charges_so_far(at_sandbox) < before + 3:
            await asyncio.sleep(0.01)
        second = await work(replace(part, first_token="part-again"))
        replaced = await first
    spent = sum(charge["micros"] for charge in charged(at_sandbox, before))
    assert limit - 20_000 < spent <= limit
    assert (replaced.stop.reason, second.stop.reason) == ("interrupted", "budget")
    forget(session.run_id)


async def test_a_part_whose_process_is_killed_is_handed_out_again_and_buys_only_what_is_missing(
    tmp_path: Path, at_sandbox: SandboxProcess
) -> None:
    before = charges_so_far(at_sandbox)
    catalog = write_catalog(tmp_path / "boats.csv", ROWS[:40])
    session = session_for(catalog, tmp_path / "ds", at_sandbox, rpm={"*": 1200.0}, concurrency=2)
    await session.make_plan()
    form = form_for_part(session.options)
    async with session.opened():
        (part,) = await parts_for(session, 0, 1)
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.support.part_process", json.dumps({"form": form, "part": part.as_dict()})],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        while len(charged(at_sandbox, before)) < 15:
            assert child.poll() is None
            await asyncio.sleep(0.05)
        child.kill()
        child.wait()
        at_death = len(charged(at_sandbox, before))
        assert at_death < 40
        await execute_part(part_session({**form, "rpm": {"*": 60_000.0}}, part.as_dict()), part)
        await take_stock(session)
        result = await session.finish()
    assert result.succeeded == 40
    assert 40 <= len(charged(at_sandbox, before)) <= 40 + 2  # the two calls that were in flight
    forget(session.run_id)


async def test_the_last_claim_of_a_partition_counts() -> None:
    store = MemoryStore()
    first, beside, other = (Claim(store, run, frozenset(mine)) for run, mine in [("r", {0, 1}), ("r", {2}), ("s", {0})])
    assert [await claim.take() for claim in (first, beside, other)] == [False, True, False]
    assert not any([await claim.replaced() for claim in (first, beside, other)])
    last = Claim(store, "r", frozenset({1, 2}))
    assert await last.take()
    assert [await claim.replaced() for claim in (first, beside, other, last)] == [True, True, False, False]


async def test_claims_of_runs_that_are_long_over_are_removed_and_others_stay() -> None:
    now = [0.0]
    store = MemoryStore(clock=lambda: now[0])
    for day, run in ((0, "over"), (20, "last month"), (31, "now"), (31, "now")):
        now[0] = day * 86_400.0
        await Claim(store, run, frozenset({0})).take()
    kept = [each.key.removeprefix("journal/claims/") for each in await store.list("journal/claims/")]
    assert kept == ["last month/00000001", "now/00000001", "now/00000002"]


async def test_a_counter_that_stands_still_is_taken_for_a_dead_process_and_one_that_moves_is_not(
    tmp_path: Path,
) -> None:
    store = open_store(str(tmp_path / "ds"))
    watch = Watch(store, "part-x", timeout_s=0.2, first_sign_s=0.4)
    assert not await watch.seems_dead()
    for count in range(5):
        await store.put(heartbeat_name("part-x"), b"%d" % count)
        assert not await watch.seems_dead()
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.3)
    assert await watch.seems_dead()
    assert not await Watch(store, "part-y", timeout_s=0.0, first_sign_s=60).seems_dead()


async def test_the_time_that_a_part_waited_in_a_queue_or_for_the_store_is_no_silence(tmp_path: Path) -> None:
    class Away(LocalStore):
        away = False

        async def get(self, key: str) -> bytes:
            if self.away:
                raise Unavailable("away")
            return await super().get(key)

    store = Away(tmp_path / "ds")
    queued = Watch(store, "part-z", timeout_s=0.05, first_sign_s=0.05)
    await asyncio.sleep(0.1)
    assert not await queued.seems_dead()
    await store.put(heartbeat_name("part-z"), b"1")
    assert not await queued.seems_dead()
    store.away = True
    assert not await queued.seems_dead()
    await asyncio.sleep(0.1)
    store.away = False
    assert not await queued.seems_dead()
    await asyncio.sleep(0.1)
    assert await queued.seems_dead()


async def test_a_part_shows_that_it_lives_while_it_plans(tmp_path: Path, at_sandbox: SandboxProcess) -> None:
    catalog = write_catalog(tmp_path / "boats.csv", [{**ROWS[0], "id": f"r{i}"} for i in range(3000)])
    session = session_for(catalog, tmp_path / "ds", at_sandbox)
    part = Part(run_id=session.run_id, wave=0, index=0, count=1, rows=3000, partitions=(0,), first_token="part-slow")
    session.part = part
    working = asyncio.create_task(execute_part(session, part))
    seen = False
    while session.plan is None:
        seen = seen or (tmp_path / "ds" / heartbeat_name("part-slow")).exists()
        await asyncio.sleep(0)
    session.stop.stop("interrupted")
    await working
    forget(session.run_id)
    assert seen


works = st.lists(st.integers(1, 500), min_size=1, max_size=40).map(
    lambda rows: [PartitionWork(partition=i, wave=0, rows=n) for i, n in enumerate(rows)]
)


@given(works, st.integers(1, 12), st.integers(0, 10**8), st.dictionaries(st.integers(0, 39), st.integers(0, 10**6)))
def test_parts_are_disjoint_cover_everything_and_share_out_no_more_than_there_is(
    given_works: list[PartitionWork], count: int, limit: int, spent: dict[int, int]
) -> None:
    made = parts_of("run", 0, split(given_works, count), limit_micros=limit, spent_micros=spent)
    partitions = [partition for part in made for partition in part.partitions]
    assert sorted(partitions) == sorted(work.partition for work in given_works)
    elsewhere = sum(micros for partition, micros in spent.items() if partition not in partitions)
    assert sum(part.budget_micros or 0 for part in made) + elsewhere <= max(limit, sum(spent.values()))
    assert round(sum(part.share.size for part in made), 9) == 1
    assert all(part_of(json.loads(json.dumps(part.as_dict()))) == part for part in made)
