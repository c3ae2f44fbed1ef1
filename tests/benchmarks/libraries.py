"""``python -m tests.benchmarks.libraries``: the figures behind docs/decisions/0001 and 0002, measured here and now.

Imports: seconds of CPU that a fresh interpreter spends on them. Calls: milliseconds of CPU of the client for one small
GET of the sandbox, one after the other, over a kept connection.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import httpx

from deployments.sandbox.process import SandboxProcess

Call = Callable[[], Awaitable[None]]
IMPORTS = ("argparse", "catalogs.models", "aiohttp", "httpx", "pyarrow", "pandas", "pydantic_settings", "prefect")
CALLS = 400
TIMED = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def import_cost_s(name: str) -> float:
    """The least of three tries."""
    command = [sys.executable, "-c", TIMED.format(name)]
    return min(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3))


@asynccontextmanager
async def with_aiohttp(url: str) -> AsyncIterator[Call]:
    async with aiohttp.ClientSession() as session:

        async def call() -> None:
            async with session.get(url) as reply:
                await reply.read()

        yield call


@asynccontextmanager
async def with_httpx(url: str) -> AsyncIterator[Call]:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def call() -> None:
            (await client.get(url)).raise_for_status()

        yield call


async def call_cost_ms(opened: AbstractAsyncContextManager[Call]) -> float:
    async with opened as call:
        for _ in range(20):
            await call()
        began = time.process_time()
        for _ in range(CALLS):
            await call()
        return (time.process_time() - began) / CALLS * 1000


def main() -> None:
    for name in IMPORTS:
        print(f"import {name:<20}{import_cost_s(name):6.2f} s")
    with SandboxProcess("--workers", "0", latency_scale=0) as sandbox:
        for name, make in (("aiohttp", with_aiohttp), ("httpx", with_httpx)):
            print(f"call by {name:<19}{asyncio.run(call_cost_ms(make(sandbox.root_url + '/__bill.csv'))):6.2f} ms")


if __name__ == "__main__":
    main()
