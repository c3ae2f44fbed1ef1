"""How often a run asks the store, beyond putting its pictures: by verb, per row."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.execute import execute
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding
from tests.benchmarks.printroom import session_of
from tests.support.counting_store import PUTS, READS, CountingStore


def findings(folder: Path, *, scale: float = 1) -> Iterator[Finding]:
    rows = max(20, round(10_000 * scale))
    catalog = write_csv(folder / f"puts-{rows}.csv", rows, model="dall-e-2", size="256x256")
    with SandboxProcess("--picture-bytes", "2000", latency_scale=0) as gateway:
        session = session_of(gateway.base_url, str(catalog), str(folder / f"puts-{rows}"), 32)
        store = CountingStore(session.store)
        session.store = store  # type: ignore[assignment]  # it passes everything on
        result = asyncio.run(execute(session))
    if result.succeeded != rows:
        raise SystemExit(f"{result.succeeded} of {rows} rows succeeded")
    images = sum(n for (verb, room), n in store.asked.items() if room == "images" and verb in PUTS)
    puts = sum(n for (verb, room), n in store.asked.items() if room != "images" and verb in PUTS)
    reads = sum(n for (verb, _), n in store.asked.items() if verb in READS)
    most = ", ".join(f"{verb} {room} {n:,}" for (verb, room), n in store.asked.most_common(4))
    yield Finding(
        what=f"puts per row beyond the image, {rows:,} rows, 32 in flight", value=puts / rows, bar=1.5, goal=1.0,
        note=f"images {images / rows:.2f}; {most}",
    )  # fmt: skip
    yield Finding(what="lists and gets per row", value=reads / rows, bar=0.05, goal=0.02)
