"""A run in a process of its own, to be killed: ``python -m tests.gateways.killed CATALOG DATASET BASE_URL``."""

import asyncio
import sys

from tasks.engine.options import RunOptions
from tasks.engine.running.execute import execute
from tasks.engine.running.session import new_session
from tasks.settings import at_address, read_settings


def main(catalog: str, dataset: str, base_url: str) -> None:
    options = RunOptions(catalogs=(catalog,), dataset=dataset, provider="sandbox", concurrency=32)
    session = new_session(options, at_address(read_settings("sandbox"), base_url), "killed", say=lambda _: None)
    asyncio.run(execute(session))


if __name__ == "__main__":
    main(*sys.argv[1:])
