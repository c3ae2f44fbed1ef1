"""Printroom itself, journal and checks on, without Prefect: the marginal cost of a row is in the engine."""

import argparse
import asyncio
import uuid
from pathlib import Path

from tasks.engine.options import RunOptions
from tasks.engine.running.execute import execute
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import Session, new_session
from tasks.engine.shared.pace import Pace
from tasks.settings import at_address, read_settings
from tests.benchmarks.measuring import Meter


def session_of(
    base_url: str, catalog: str, dataset: str, concurrency: int | None, *, rpm: int | None = None
) -> Session:
    """A session without a report, which is made once from the manifest and measured by report_cost.py."""
    options = RunOptions(
        catalogs=(catalog,), dataset=dataset, provider="sandbox", concurrency=concurrency, ocr="off",
        rpm={"*": rpm} if rpm else {},
    )  # fmt: skip
    session = new_session(options, at_address(read_settings("sandbox"), base_url), str(uuid.uuid4()))
    session.reports = False
    session.pace = Pace(post_timeout_s=600)  # a latency that is scaled up must not look like a lost call
    return session


async def main(base_url: str, catalog: str, dataset: str, concurrency: int | None, rpm: int | None = None) -> RunResult:
    """One run of the catalog into the dataset."""
    return await execute(session_of(base_url, catalog, dataset, concurrency, rpm=rpm))


if __name__ == "__main__":
    meter = Meter()
    parser = argparse.ArgumentParser()
    for name in ("base_url", "catalog", "dataset"):
        parser.add_argument(name)
    parser.add_argument("concurrency", type=int)
    parser.add_argument("--rpm", type=int)
    args = parser.parse_args()
    result = asyncio.run(main(args.base_url, args.catalog, args.dataset, args.concurrency, args.rpm))
    assert result.exit_code == 0, result
    meter.report(succeeded=result.succeeded, reused=result.reused, images_in=Path(args.dataset, "images"))
