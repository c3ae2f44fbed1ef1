"""A run in a process of its own, to be killed: ``python -m tests.gateways.killed CATALOG DATASET BASE_URL``."""

import asyncio
import sys

from tasks.settings import at_address, read_settings
from tasks.work.options import RunOptions
from tasks.work.running.execute import execute
from tasks.work.running.session import new_session


def main(catalog: str, dataset: str, base_url: str) -> None:
    options = RunOptions(catalogs=(catalog,), dataset=dataset, provider="sandbox", concurrency=32)
    session = new_session(options, at_address(read_settings("sandbox"), base_url), "killed", say=lambda _: None)
    asyncio.run(execute(session))


if __name__ == "__main__":
    main(*sys.argv[1:])
