"""CPU of one more picture: the slope between a small and a large run, for Printroom, the bare loop and the seed script.

Every round runs all of them one after the other against one gateway, which serves ready-made pictures from another
process; a figure is the median of the rounds. The machine may be shared, so ratios are what to quote. Noise is small
for its bytes and hardly has to be decoded: no gateway sends it, but nothing else shows our own share so plainly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from deployments.sandbox.process import SandboxProcess
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding
from tests.benchmarks.measuring import measured

CONTENDERS = ("bare", "seed", "printroom")
IN_FLIGHT = 32


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the gateway serves: about so many bytes, spread over so many pixels (None = noise, hardly to decode)."""

    name: str
    size_bytes: int
    side_px: int | None
    rows: tuple[int, int]
    bar: float | None = None  # None = no more is asked than that it is known
    goal: float | None = None


SERVED = {
    "drawn": Pictures("64 KB PNG, 1024 px", 65_536, 1024, (200, 2000), 2.0, 1.5),
    "noise": Pictures("worst case, 64 KB PNG of noise, 148 px", 65_536, None, (200, 3000)),
    "large": Pictures("1.5 MB PNG, 1024 px", 1_500_000, 1024, (50, 450), 1.3, 1.15),
    "large-noise": Pictures("worst case, 1.5 MB PNG of noise, 707 px", 1_500_000, None, (50, 650)),
}


def findings(folder: Path, *, scale: float = 1, rounds: int = 3, only: str | None = None) -> Iterator[Finding]:
    for served in (SERVED[only],) if only else SERVED.values():
        small, large = (max(2, round(rows * scale)) for rows in served.rows)
        side = ("--picture-side", str(served.side_px)) if served.side_px else ()
        slopes: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        with SandboxProcess("--picture-bytes", str(served.size_bytes), *side, latency_scale=0) as gateway:
            for turn in range(rounds):
                for name in CONTENDERS:
                    few, many = (
                        _run(name, gateway.base_url, folder, rows, f"{served.size_bytes}-{served.side_px}-{turn}")
                        for rows in (small, large)
                    )
                    slopes[name].append(1000 * (many - few) / (large - small))
        cost = {name: median(values) for name, values in slopes.items()}
        ratio = median(ours / bare for ours, bare in zip(slopes["printroom"], slopes["bare"], strict=True))
        note = ", ".join(f"{name} {cost[name]:.2f} ms" for name in CONTENDERS)
        yield Finding(
            what=f"CPU per image ÷ bare loop, {served.name}", value=ratio, unit="×", bar=served.bar, goal=served.goal,
            note=note,
        )  # fmt: skip


def _run(name: str, base_url: str, folder: Path, rows: int, turn: str) -> float:
    """CPU seconds of one contender on so many images; it must have stored them all."""
    catalog = write_csv(folder / f"marginal-{rows}.csv", rows)
    target = folder / f"{name}-{rows}-{turn}"
    arguments = (base_url, catalog, target, *(() if name == "seed" else (IN_FLIGHT,)))
    found = measured(name, *arguments)
    if found["images"] != rows:
        raise SystemExit(f"{name} stored {found['images']} of {rows} images")
    return float(found["cpu_s"])
