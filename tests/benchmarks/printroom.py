"""Printroom itself, journal and checks on, without Prefect: the marginal cost of a row is in the engine."""

import asyncio
import sys
import uuid

from tasks.settings import at_address, read_settings
from tasks.work.execute import execute
from tasks.work.options import RunOptions
from tasks.work.session import new_session
from tests.benchmarks.measuring import Meter


async def main(base_url: str, catalog: str, folder: str, concurrency: int) -> None:
    """One run of the catalog into a new dataset."""
    options = RunOptions(catalogs=(catalog,), dataset=folder, provider="sandbox", concurrency=concurrency, ocr="off")
    session = new_session(options, at_address(read_settings("sandbox"), base_url), str(uuid.uuid4()))
    session.reports = False  # made once from the manifest, and measured by report_cost.py
    result = await execute(session)
    assert result.exit_code == 0, result


if __name__ == "__main__":
    meter = Meter()
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
    meter.report()
