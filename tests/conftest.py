"""Every test starts from a clean environment, its own spool, and no way to the network beyond this machine."""

import logging
import os
from collections.abc import Iterator

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.connects import recorded_connects
from tests.support.moto import S3Server, s3_server

_OURS = ("PRINTROOM_", "PREFECT_", "AWS_", "APIYI_", "OPENAI_")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """A connect beyond loopback fails the test that made it."""
    with recorded_connects():
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No key, address or profile of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PRINTROOM_SPOOL", str(tmp_path_factory.mktemp("spool")))
    monkeypatch.setenv("DO_NOT_TRACK", "1")


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """What a run of one test hides in its log records is not hidden in the next one's."""
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    """One gateway for the tests that only look at their own charges: no latency, and a reader that costs nothing."""
    with SandboxProcess("--reader", "embedded", latency_scale=0) as running:
        yield running


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """One S3 server; each test makes its own bucket."""
    with s3_server() as server:
        yield server
