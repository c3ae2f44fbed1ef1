"""How full the gateway is kept: calls it holds ÷ calls it may hold, between the end of the ramp and the last start.

Both ends are read from the gateway's own log: the ramp ends when as many calls as may be in flight have begun, and
what is left when the last call begins is the tail. In between, ideal ÷ actual time is the mean number in flight ÷ C.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding
from tests.benchmarks.measuring import measured
from tests.support.busiest_window import busiest_window

PATH = "/v1/images/generations"
DALL_E_2_S = 8.0  # the sandbox's latency of that family; what follows scales it
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Load:
    """So many calls in flight that take so long each, and how many times over."""

    in_flight: int
    latency_s: float
    times: int
    bar: float


LOADS = {"32": Load(32, 2.0, 20, 0.95), "256": Load(256, 10.0, 5, 0.95), "1000": Load(1000, 40.0, 3, 0.90)}


def findings(folder: Path, *, scale: float = 1, only: str | None = None) -> Iterator[Finding]:
    for load in (LOADS[only],) if only else LOADS.values():
        in_flight, latency_s = max(4, round(load.in_flight * scale)), load.latency_s * min(1.0, 4 * scale)
        spans, _ = _calls(folder, in_flight * load.times, in_flight, latency_s)
        yield Finding(
            what=f"ideal ÷ actual time, {in_flight:,} in flight × {latency_s:g} s", value=fullness(spans, in_flight),
            bar=load.bar, goal=0.98, at_least=True, note=f"{len(spans):,} calls, ramp and tail excluded",
        )  # fmt: skip


def rate_findings(folder: Path, *, scale: float = 1) -> Iterator[Finding]:
    """A limit of ten calls a second, for calls of 0.4 s with up to 32 in flight."""
    per_s, rows = 10, max(20, round(400 * scale))
    spans, refused = _calls(folder, rows, 32, 0.4, rpm=60 * per_s)
    begun = sorted(start for start, _ in spans)
    rate = (len(begun) - 1) / (begun[-1] - begun[0])
    note = f"busiest second {busiest_window(begun, 1)} of {per_s}, {refused} × 429"
    yield Finding(
        what=f"rate-limited to {per_s}/s: achieved ÷ allowed", value=rate / per_s, bar=0.90, goal=0.95, at_least=True,
        note=note,
    )  # fmt: skip
    yield Finding(
        what="rate-limited: calls above the limit in the busiest second", value=busiest_window(begun, 1) - per_s, bar=1
    )


def fullness(spans: Sequence[Span], in_flight: int) -> float:
    """Mean calls in flight ÷ ``in_flight``, from the start of call number ``in_flight`` to that of the last one."""
    begun = sorted(start for start, _ in spans)
    first, last = begun[in_flight - 1], begun[-1]
    held = sum(max(0.0, min(end, last) - max(start, first)) for start, end in spans)
    return held / (in_flight * (last - first))


def _calls(
    folder: Path, rows: int, in_flight: int, latency_s: float, *, rpm: int | None = None
) -> tuple[list[Span], int]:
    """Start and end of every call at the gateway, in seconds, and how many it refused."""
    catalog = write_csv(folder / f"small-{rows}.csv", rows, model="dall-e-2", size="256x256")
    target = folder / f"saturated-{in_flight}-{rows}-{rpm}"
    with SandboxProcess("--picture-bytes", "2000", latency_scale=latency_s / DALL_E_2_S) as gateway:
        if rpm:
            gateway.switch(rpm={"*": rpm // 60}, rpm_window_s=1)
        limit = ("--rpm", rpm) if rpm else ()
        found = measured("printroom", gateway.base_url, catalog, target, in_flight, *limit)
        log = gateway.log(PATH)
    if found["images"] != rows:
        raise SystemExit(f"{found['images']} of {rows} images were stored")
    return [(line["started_s"], line["finished_s"]) for line in log], sum(line["status"] == 429 for line in log)
