"""What the manifest costs: µs of CPU per row from fold to part, a large dataset's alias, and what a plan asks of it.

``python -m tests.benchmarks.manifest_cost [rows of one partition] [rows of the dataset]``
"""

import asyncio
import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from tasks.manifest.alias import CALLS, MANIFEST, write_alias
from tasks.manifest.commits import commit_entries
from tasks.manifest.known import known_rows
from tasks.manifest.parts import encode, snapshot
from tasks.manifest.publish import publish
from tasks.storage.memory import MemoryStore
from tests.tasks.manifest.story import finished_fold

PARTITIONS = 16
T = TypeVar("T")


def timed(label: str, rows: int, work: Callable[[], T]) -> T:
    began = time.process_time()
    result = work()
    spent = time.process_time() - began
    print(f"{label:<34}{spent:9.2f} CPU-s {spent / rows * 1e6:9.1f} µs/row {_rss_mb():7d} MB")
    return result


def _rss_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def one_partition(rows: int) -> None:
    snapshot(finished_fold(1), 0)  # pyarrow's first use imports pandas
    fold = finished_fold(rows)
    taken = timed(f"snapshot of {rows} rows and calls", rows, lambda: snapshot(fold, 0))
    part = timed("encode", rows, lambda: encode(taken))
    print(f"{len(part.rows) / rows:.0f} + {len(part.calls) / rows:.0f} bytes a row")


def whole_dataset(rows: int) -> None:
    store = MemoryStore()

    async def fill() -> None:
        entries = [await publish(store, p, finished_fold(rows // PARTITIONS, p)) for p in range(PARTITIONS)]
        await commit_entries(store, entries, run_id="bench", final=True)

    async def alias(key: str) -> None:
        commit = await commit_entries(store, [], run_id="bench", final=True)
        await write_alias(store, key, commit)

    asyncio.run(fill())
    for key in (MANIFEST, CALLS):
        timed(f"{key} of {rows} rows", rows, lambda key=key: asyncio.run(alias(key)))

    async def known() -> None:
        commit = await commit_entries(store, [], run_id="bench", final=True)
        for file in commit.files:
            await known_rows(store, file)

    timed(f"what a plan asks of {rows} rows", rows, lambda: asyncio.run(known()))


if __name__ == "__main__":
    sizes = [int(text) for text in sys.argv[1:]]
    one_partition(sizes[0] if sizes else 50_000)
    whole_dataset(sizes[1] if len(sizes) > 1 else 200_000)
