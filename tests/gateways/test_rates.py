"""The gateway's own log of a run under its limits: how full they are, how often it said no, and no window too full."""

from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.gateways.looking import posts
from tests.support.busiest_window import busiest_window
from tests.support.runs import run, write_catalog

WARM_UP = 10  # requests
pytestmark = pytest.mark.slow  # rates need a machine that is not busy with something else


def lakes(count: int) -> list[dict[str, str]]:
    return [{"id": f"r{n}", "prompt": f"lake {n}", "model": "dall-e-2", "size": "256x256"} for n in range(count)]


@pytest.mark.parametrize(("latency_scale", "in_flight"), [(0, 64), (0.05, 8)], ids=["10 a second", "and 8 in flight"])
async def test_ten_a_minute_scaled_by_sixty_is_used_and_kept(
    latency_scale: float, in_flight: int, tmp_path: Path, gateway: SandboxProcess
) -> None:
    gateway.switch(rpm={"*": 10}, rpm_window_s=1, concurrency={"*": in_flight}, latency_scale=latency_scale)
    catalog = write_catalog(tmp_path / "c.csv", lakes(100))
    result = await run(catalog, tmp_path / "ds", gateway, rpm={"dall-e-2": 600}, concurrency=in_flight)
    assert result.succeeded == 100
    sent = posts(gateway)
    times = [line["started_s"] for line in sent]
    refused = [line for line in sent[WARM_UP:] if line["status"] == 429]
    rate = (len(times) - 1) / (times[-1] - times[0])
    print(f"rate {rate:.2f} of 10 a second, {len(refused)} × 429, busiest second {busiest_window(times, 1)}")
    assert rate >= 0.9 * 10
    assert len(refused) <= 0.05 * len(sent)
    assert busiest_window(times, 1) <= 11


async def test_ten_a_minute_unscaled_never_passes_ten(tmp_path: Path, gateway: SandboxProcess) -> None:
    gateway.switch(rpm={"*": 10})
    catalog = write_catalog(tmp_path / "c.csv", lakes(25))
    result = await run(catalog, tmp_path / "ds", gateway, rpm={"dall-e-2": 10})
    times = [line["started_s"] for line in posts(gateway)]
    assert (result.succeeded, len(times)) == (25, 25)
    assert busiest_window(times, 60) <= 10


async def test_a_limit_that_nobody_told_us_is_found_and_kept(tmp_path: Path, gateway: SandboxProcess) -> None:
    """Eight in flight are allowed, 32 are tried: the first round trip teaches it."""
    gateway.switch(concurrency={"*": 8}, latency_scale=0.02)
    catalog = write_catalog(tmp_path / "c.csv", lakes(300))
    result = await run(catalog, tmp_path / "ds", gateway, concurrency=32)
    assert result.succeeded == 300
    sent = posts(gateway)
    refused = [line for line in sent[64:] if line["status"] == 429]
    print(f"{len(sent)} requests, {len(refused)} × 429 after the first 64")
    assert len(refused) <= 0.05 * len(sent)
