"""Parts on a Dask cluster, a worker killed in the middle. Only where ``distributed`` is installed."""

import os
from collections import Counter
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.hand_out import shared_parts
from tasks.work.sharing import take_stock
from tests.support.runs import charged, current_rows, session_for, write_catalog

distributed = pytest.importorskip("distributed", reason="the package distributed is not installed")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("workers", [2, 4])
async def test_a_dask_cluster_buys_every_row_once_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    import asyncio

    from tasks.dask_parts import on_dask

    rows = [{"id": f"r{i}", "prompt": f"mill {i}", "model": "dall-e-2"} for i in range(60 * workers)]
    catalog = write_catalog(tmp_path / "mills.csv", rows)
    with SandboxProcess("--reader", "embedded", latency_scale=0.15) as gateway:
        monkeypatch.setenv("PRINTROOM_BASE_URL", gateway.base_url)
        session = session_for(
            catalog, tmp_path / "ds", gateway, rpm={"dall-e-2": 6000.0}, concurrency=4 * workers, runner="dask",
            workers=workers,
        )  # fmt: skip
        await session.make_plan()
        async with (
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, asynchronous=True
            ) as cluster,
            session.opened(),
        ):
            monkeypatch.setenv("PRINTROOM_DASK_SCHEDULER", cluster.scheduler_address)
            work = asyncio.create_task(on_dask(session, await shared_parts(session, 0, await session.next_wave(0))))
            while len(charged(gateway)) < 15 and not work.done():
                await asyncio.sleep(0.2)
            os.kill(next(iter(cluster.workers.values())).pid, 9)
            await work
            await take_stock(session)
            result = await session.finish()
        bill = charged(gateway)
    assert Counter(row["outcome"] for row in current_rows(tmp_path / "ds")) == {"succeeded": 60 * workers}
    assert result.succeeded == 60 * workers
    assert 60 * workers <= len(bill) <= 60 * workers + 4
