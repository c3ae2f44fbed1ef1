"""The control: exists? → call → put, as a careful script does it. ``python -m tests.faults.naive CATALOG FOLDER URL``.

It keeps no record of what it has asked for, so whatever happens between the question and the file is paid again.
It says that it is ready and waits for a line, so that two of them really run at once.
"""

import asyncio
import csv
import sys
from pathlib import Path

import aiohttp

AT_ONCE = 8


async def main(catalog: str, folder: str, base_url: str) -> None:
    """Buy every picture that is not there yet, eight at a time."""
    with Path(catalog).open(newline="") as file:
        rows = iter(list(csv.DictReader(file)))
    Path(folder).mkdir(parents=True, exist_ok=True)
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-naive"}) as session:
        await asyncio.gather(*(_worker(session, rows, Path(folder), base_url) for _ in range(AT_ONCE)))


async def _worker(session: aiohttp.ClientSession, rows: object, folder: Path, base_url: str) -> None:
    for row in rows:  # type: ignore[attr-defined]  # an iterator of dicts, shared by all workers
        target = folder / f"{row['id']}.png"
        if target.exists():
            continue
        body = {"model": row["model"], "prompt": row["prompt"], "size": row["size"], "n": 1}
        async with session.post(f"{base_url}/images/generations", json=body) as reply:
            url = (await reply.json())["data"][0]["url"]
        async with session.get(url) as reply:
            target.write_bytes(await reply.read())


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(main(*sys.argv[1:4]))
