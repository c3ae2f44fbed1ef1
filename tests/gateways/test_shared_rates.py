"""Four worker processes under one limit: the gateway's own log says whether they keep it together, and use it."""

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.part import Part, form_for_part, parts_of, split
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import forget
from tasks.engine.running.sharing import take_stock
from tests.gateways.looking import assert_books_agree, posts
from tests.support.busiest_window import busiest_window
from tests.support.prefect_server import ROOT
from tests.support.runs import session_for, write_catalog

WORKERS, ALLOWED = 4, 10


async def worker(form: dict[str, Any], part: Part, gateway: SandboxProcess) -> None:
    asked = json.dumps({"form": form, "part": part.as_dict()})
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PRINTROOM_BASE_URL": gateway.base_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.part_process", asked, cwd=ROOT, env=environment
    )
    assert await process.wait() == 0


async def run_on_workers(catalog: Path, dataset: Path, gateway: SandboxProcess, **options: Any) -> RunResult:
    """What ``--runner workers`` does with a wave, without Prefect: the same parts, each in a process of its own."""
    session = session_for(catalog, dataset, gateway, **options)
    try:
        await session.make_plan()
        async with session.opened():
            works = split(await session.next_wave(0), WORKERS)
            parts = parts_of(session.run_id, 0, works, limit_micros=None, spent_micros={})
            named = [replace(part, first_token=f"part-{part.index}") for part in parts]
            form = form_for_part(session.options)
            await asyncio.gather(*(worker(form, part, gateway) for part in named))
            await take_stock(session)
            return await session.finish()
    finally:
        forget(session.run_id)


def by_worker(sent: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """When each process sent its calls; the journal's owner token ends the attempt's name."""
    found: dict[str, list[float]] = defaultdict(list)
    for line in sent:
        found[line["idempotency_key"].rpartition("-")[2]].append(line["started_s"])
    return found


async def shared(rows: int, tmp_path: Path, gateway: SandboxProcess) -> list[dict[str, Any]]:
    """Buys ``rows`` pictures with four processes under one limit; gives the gateway's log."""
    gateway.switch(rpm={"*": ALLOWED}, rpm_window_s=1, latency_scale=0.0125)
    wanted = ({"id": f"r{n}", "prompt": f"lake {n}", "model": "dall-e-2", "size": "256x256"} for n in range(rows))
    catalog = write_catalog(tmp_path / "c.csv", wanted)
    result = await run_on_workers(catalog, tmp_path / "ds", gateway, rpm={"dall-e-2": 60.0 * ALLOWED}, concurrency=32)
    sent = posts(gateway)
    assert len(by_worker(sent)) == WORKERS
    assert result.succeeded == rows
    assert sum(line["status"] == 200 for line in sent) == rows
    assert_books_agree(gateway, tmp_path / "ds")
    return sent


async def test_four_processes_share_one_limit_out_and_are_hardly_refused(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    sent = await shared(48, tmp_path, gateway)
    assert sum(line["status"] == 429 for line in sent) <= 5, "four times the limit would be refused three times of four"


@pytest.mark.slow  # a rate needs a machine that is not busy with something else
async def test_four_processes_use_one_limit_and_pass_it_in_no_window(tmp_path: Path, gateway: SandboxProcess) -> None:
    sent = await shared(300, tmp_path, gateway)
    times = by_worker(sent).values()
    all_at_work, tail = max(map(min, times)), min(map(max, times))
    counted = [line["started_s"] for line in sent if all_at_work <= line["started_s"] <= tail]
    rate = (len(counted) - 1) / (counted[-1] - counted[0])
    refused = sum(line["status"] == 429 for line in sent)
    fullest = busiest_window([line["started_s"] for line in sent], 1)
    print(f"rate {rate:.2f} of {ALLOWED} a second, {refused} × 429 of {len(sent)}, busiest second {fullest}")
    assert len(counted) >= 150, "too little of the run had all four at work"
    assert rate >= 0.85 * ALLOWED
    assert refused <= 0.05 * len(sent)
    assert fullest <= ALLOWED + 1
