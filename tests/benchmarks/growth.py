"""What grows with the number of rows, and should not: peak memory, and CPU per row. Pictures of 2 KB, no latency."""

from collections.abc import Iterator
from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding
from tests.benchmarks.measuring import measured

BASE, SIZES = 100, (1_000, 10_000, 100_000)


def findings(folder: Path, *, scale: float = 1) -> Iterator[Finding]:
    rss_mb, cost_ms = {}, {}
    base, sizes = max(2, round(BASE * scale)), [max(10, round(rows * scale)) for rows in SIZES]
    least = sizes[0]
    with SandboxProcess("--picture-bytes", "2000", latency_scale=0) as gateway:
        start_s = min(_run(gateway, folder, base, turn)[0] for turn in range(3))
        for rows in sizes:
            runs = [_run(gateway, folder, rows, turn) for turn in range(3 if rows == least else 1)]
            cost_ms[rows] = 1000 * (min(cpu_s for cpu_s, _ in runs) - start_s) / (rows - base)
            rss_mb[rows] = max(mb for _, mb in runs)
    most = sizes[-1]
    yield Finding(
        what=f"memory: peak RSS at {most:,} rows minus at {least:,}", value=rss_mb[most] - rss_mb[least], unit="MB",
        bar=150, goal=50, note=", ".join(f"{rows:,}: {mb:.0f} MB" for rows, mb in rss_mb.items()),
    )  # fmt: skip
    apart = 100 * (max(cost_ms.values()) / min(cost_ms.values()) - 1)
    yield Finding(
        what=f"growth: CPU per row at {', '.join(f'{rows:,}' for rows in sizes)}: apart by", value=apart, unit="%",
        bar=10, note=", ".join(f"{rows:,}: {ms:.2f} ms" for rows, ms in cost_ms.items()),
    )  # fmt: skip


def _run(gateway: SandboxProcess, folder: Path, rows: int, turn: int) -> tuple[float, float]:
    catalog = write_csv(folder / f"growth-{rows}.csv", rows, model="dall-e-2", size="256x256")
    found = measured("printroom", gateway.base_url, catalog, folder / f"growth-{rows}-{turn}", 32)
    if found["images"] != rows:
        raise SystemExit(f"{found['images']} of {rows} images were stored")
    return found["cpu_s"], found["rss_mb"]
