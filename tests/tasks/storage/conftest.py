"""The stores under test: a folder, memory, and S3's real API on moto's server."""

import uuid
from collections.abc import Iterator

import pytest

from tasks.storage.local import LocalStore
from tasks.storage.memory import MemoryStore
from tasks.storage.s3 import S3Store
from tasks.storage.store import Store
from tests.support.moto import S3Server, s3_server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.make_bucket("storage")
        yield server


@pytest.fixture
def s3_environment(s3: S3Server) -> Iterator[S3Server]:
    with s3.as_environment():
        yield s3


@pytest.fixture(params=["local", "memory", "s3"])
def store(request, tmp_path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path / "dataset")
    if request.param == "memory":
        return MemoryStore()
    request.getfixturevalue("s3_environment")
    return S3Store("storage", f"contract/{uuid.uuid4().hex}", timeout_s=10, attempts=2)
