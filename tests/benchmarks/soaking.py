"""A long run through small faults, looking at itself: does memory creep, do file descriptors leak, does the bill agree?

``python -m tests.benchmarks.soaking BASE_URL CATALOG DATASET`` is the run; ``findings`` starts it and judges.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.execute import execute
from tasks.engine.running.session import Session
from tasks.manifest.readers import read_manifest
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding
from tests.benchmarks.measuring import Meter, measured
from tests.benchmarks.printroom import session_of

ROWS = 50_000
FAULTS = (
    "rate_limit_none:0.002", "server_error:0.002", "upstream_502:0.002", "content_policy:0.002",
    "hangup_after_billing:0.001", "file_reset:0.001",
)  # fmt: skip
LOOK_EVERY_S = 1.0
WARM_UP = 0.25  # of the rows: until then caches and pools still fill


@dataclass(slots=True)
class Watch:
    """Rows done, RSS in MB and open file descriptors, once a second."""

    seen: list[tuple[int, float, int]] = field(default_factory=list)

    async def look(self, session: Session) -> None:
        page_mb = os.sysconf("SC_PAGE_SIZE") / 2**20
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if session.is_open:
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                done = sum(session.services.progress.outcomes.values())
                self.seen.append((done, pages * page_mb, sum(1 for _ in Path("/proc/self/fd").iterdir())))


def slope_mb(seen: list[tuple[int, float, int]], rows: int) -> float:
    """MB per 1,000 rows after the warm-up: least squares over all looks."""
    late = [(done / 1000, mb) for done, mb, _ in seen if done >= WARM_UP * rows]
    mean_x, mean_y = (sum(values) / len(late) for values in zip(*late, strict=True))
    above = sum((x - mean_x) * (y - mean_y) for x, y in late)
    below = sum((x - mean_x) ** 2 for x, _ in late)
    return above / below if below else 0.0


def findings(folder: Path, *, scale: float = 1) -> Iterator[Finding]:
    rows = max(60, round(ROWS * scale))
    catalog = write_csv(folder / f"soak-{rows}.csv", rows, model="dall-e-2", size="256x256")
    dataset = folder / "soak"
    with SandboxProcess("--picture-bytes", "2000", latency_scale=0, scenarios=FAULTS) as gateway:
        found = measured("soaking", gateway.base_url, catalog, dataset)
        bill = gateway.bill()["totals"]["micros"]
    table = read_manifest(str(dataset))
    outcomes = {word: table["outcome"].to_pylist().count(word) for word in set(table["outcome"].to_pylist())}
    known = sum(int(cost * 1_000_000) for cost in table["cost_usd"].to_pylist() if cost is not None)
    at_risk = sum(int(cost * 1_000_000) for cost in table["cost_at_risk_usd"].to_pylist() if cost is not None)
    handles = [count for done, _, count in found["seen"] if done >= WARM_UP * rows] or [0]
    note = f"{found['rss_mb']:.0f} MB at most, {1000 * found['cpu_s'] / rows:.2f} ms CPU a row; {outcomes}"
    yield Finding(
        what=f"soak, {rows:,} rows, 1 % faults: RSS per 1,000 rows", value=slope_mb(found["seen"], rows), unit="MB",
        bar=1, note=note,
    )  # fmt: skip
    yield Finding(
        what="soak: open file descriptors, last quarter minus second quarter",
        value=_middle(handles[-len(handles) // 3 :]) - _middle(handles[: len(handles) // 3 + 1]), bar=2,
        note=f"{min(handles)} to {max(handles)}",
    )  # fmt: skip
    off = max(0, bill - known - at_risk, known - bill)
    yield Finding(
        what="soak: bill outside [known, known + at risk], micro-dollars", value=off, bar=0,
        note=f"bill {bill:,}, known {known:,}, at risk {at_risk:,}; {table.num_rows:,} manifest rows",
    )  # fmt: skip


def _middle(counts: list[int]) -> int:
    return sorted(counts)[len(counts) // 2] if counts else 0


async def _soak(base_url: str, catalog: str, dataset: str) -> list[tuple[int, float, int]]:
    session, watch = session_of(base_url, catalog, dataset, 32), Watch()
    looking = asyncio.create_task(watch.look(session))
    result = await execute(session)
    looking.cancel()
    assert result.exit_code in (0, 3), result
    return watch.seen


if __name__ == "__main__":
    meter = Meter()
    meter.report(seen=json.loads(json.dumps(asyncio.run(_soak(*sys.argv[1:4])))))
