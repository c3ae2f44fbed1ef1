"""A gateway for these tests alone, made to forget before each of them: they look at its whole log and bill."""

from collections.abc import Iterator

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.gateways.looking import NO_TROUBLE


@pytest.fixture(scope="session")
def one_gateway() -> Iterator[SandboxProcess]:
    with SandboxProcess(
        "--reader", "embedded", "--workers", "0", "--picture-bytes", "2000", latency_scale=0
    ) as running:
        yield running


@pytest.fixture
def gateway(one_gateway: SandboxProcess) -> SandboxProcess:
    """Serves small pictures at once, sets no limit, has nothing on its bill."""
    one_gateway.switch(**NO_TROUBLE)
    one_gateway.reset()
    return one_gateway
