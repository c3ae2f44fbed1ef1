"""What every fault test needs: runs that can be killed, a gateway that charges whoever leaves, a place for figures."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.faults.nursery import Nursery, nursery
from tests.faults.s3_process import s3_apart
from tests.faults.settled import bill_when_settled
from tests.support.moto import S3Server
from tests.support.runs import write_catalog

_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where runs are started. Each test gives its runs a spool of their own."""
    with nursery(tmp_path_factory.mktemp("runs")) as nursing:
        yield nursing


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3 server in a process of its own; each test makes its own bucket."""
    with s3_apart() as server:
        yield server


@pytest.fixture(scope="session")
def _gateway() -> Iterator[SandboxProcess]:
    """One gateway process that draws small pictures, ready-made."""
    with SandboxProcess(
        "--picture-bytes", "2000", "--workers", "0", "--reader", "embedded", latency_scale=0
    ) as running:
        yield running


@pytest.fixture
def gateway(_gateway: SandboxProcess) -> Iterator[SandboxProcess]:
    """The gateway with an empty bill and no scenario, its latencies about 0.1 s for dall-e-2."""
    _gateway.switch(scenarios=[], latency_scale=0.0125)
    _gateway.reset()
    yield _gateway
    bill_when_settled(_gateway)  # what a killed run has left under way is not the next test's


@pytest.fixture
def catalog(tmp_path: Path) -> Callable[..., Path]:
    """Writes a catalog of so many rows, ids r0, r1, …"""

    def write(rows: int, name: str = "c.csv", *, first: int = 0, model: str = "dall-e-2") -> Path:
        size = "256x256" if model == "dall-e-2" else "1024x1024"
        return write_catalog(
            tmp_path / name,
            ({"id": f"r{i}", "prompt": f"lighthouse number {i}", "model": model, "size": size}
             for i in range(first, first + rows)),
        )  # fmt: skip

    return write


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keeps figures to be printed at the end of the session."""

    def keep(title: str, **values: Any) -> None:
        shown = ", ".join(f"{name.replace('_', ' ')} {_short(value)}" for name, value in values.items())
        request.config.stash.setdefault(_FIGURES, []).append(f"{title}: {shown}")

    return keep


def _short(value: Any) -> str:
    return f"{value:,.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = config.stash.get(_FIGURES, [])
    if lines:
        terminalreporter.section("figures of the fault tests")
        for line in lines:
            terminalreporter.write_line(line)
