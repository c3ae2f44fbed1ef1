"""The bare loop: aiohttp, a full decode, obstore; no record, no check, no price. What nobody can do without."""

import asyncio
import csv
import hashlib
import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import obstore
from obstore.store import LocalStore
from PIL import Image

from tests.benchmarks.measuring import Meter


def decoded(data: bytes) -> str:
    """sha256 of a picture that decodes."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return hashlib.sha256(data).hexdigest()


async def main(base_url: str, catalog: str, folder: str, concurrency: int) -> None:
    """POST, GET, decode, put; ``concurrency`` rows at a time."""
    Path(folder).mkdir(parents=True)
    store = LocalStore(folder)
    loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(2)
    with Path(catalog).open(encoding="utf-8") as file:
        rows = iter(list(csv.DictReader(file)))
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-x"}) as session:

        async def worker() -> None:
            for row in rows:
                body = {"model": row["model"], "prompt": row["prompt"], "size": row["size"], "n": 1}
                async with session.post(f"{base_url}/images/generations", json=body) as reply:
                    url = (await reply.json())["data"][0]["url"]
                async with session.get(url) as reply:
                    data = await reply.read()
                sha256 = await loop.run_in_executor(pool, decoded, data)
                await obstore.put_async(store, f"images/{sha256}.png", data)

        await asyncio.gather(*(worker() for _ in range(concurrency)))


if __name__ == "__main__":
    meter = Meter()
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
    meter.report(images_in=Path(sys.argv[3]))
    os._exit(0)  # obstore's threads abort an interpreter that is taken down now and then
