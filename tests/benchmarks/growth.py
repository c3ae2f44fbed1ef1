"""What grows with the number of rows, and should not: peak memory, and CPU per row. Pictures of 2 KB, no latency.

CPU is divided by what a fixed piece of work took on the same machine in the same seconds (``slowness.py``): a run of
100,000 rows lasts minutes, and what else the machine does changes in between.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from deployments.sandbox.process import SandboxProcess
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding
from tests.benchmarks.measuring import measured
from tests.benchmarks.slowness import Slowness, slowness

BASE, SIZES = 100, (1_000, 10_000, 100_000)
TURNS = (SIZES[:2], SIZES[:1], SIZES[:2], SIZES[:1], SIZES, SIZES[:1], SIZES[:1])  # small ones are the noisy ones


def findings(folder: Path, *, scale: float = 1) -> Iterator[Finding]:
    def scaled(rows: int) -> int:
        return max(10, round(rows * scale))

    rss_mb, cost_ms = defaultdict[int, list[float]](list), defaultdict[int, list[float]](list)
    base, sizes = scaled(BASE), [scaled(rows) for rows in SIZES]
    with SandboxProcess("--picture-bytes", "2000", latency_scale=0) as gateway, slowness() as machine:
        for turn, rounds in enumerate(TURNS):
            start_s, _ = _run(gateway, machine, folder, base, turn)
            for rows in map(scaled, rounds):
                cpu_s, mb = _run(gateway, machine, folder, rows, turn)
                cost_ms[rows].append(1000 * (cpu_s - start_s) / (rows - base))
                rss_mb[rows].append(mb)
    peak_mb = {rows: max(found) for rows, found in rss_mb.items()}
    least, *_, most = sizes
    yield Finding(
        what=f"memory: peak RSS at {most:,} rows minus at {least:,}", value=peak_mb[most] - peak_mb[least], unit="MB",
        bar=150, goal=50, note=", ".join(f"{rows:,}: {peak_mb[rows]:.0f} MB" for rows in sizes),
    )  # fmt: skip
    cost = {rows: median(found) for rows, found in cost_ms.items()}
    yield Finding(
        what=f"growth: CPU per row at {', '.join(f'{rows:,}' for rows in sizes)}: apart by",
        value=100 * (max(cost.values()) / min(cost.values()) - 1), unit="%", bar=10,
        note=", ".join(f"{rows:,}: {cost[rows]:.2f} ms" for rows in sizes),
    )  # fmt: skip


def _run(gateway: SandboxProcess, machine: Slowness, folder: Path, rows: int, turn: int) -> tuple[float, float]:
    """CPU seconds after the imports, as on a quiet machine, and peak MB."""
    catalog = write_csv(folder / f"growth-{rows}.csv", rows, model="dall-e-2", size="256x256")
    began_s = time.monotonic()
    found = measured("printroom", gateway.base_url, catalog, folder / f"growth-{rows}-{turn}", 32)
    if found["images"] != rows:
        raise SystemExit(f"{found['images']} of {rows} images were stored")
    return found["since_start_cpu_s"] / machine.between(began_s, time.monotonic()), found["rss_mb"]
