"""One Prefect server, with the project's deployments on it, for all tests of this folder; workers come and go."""

from collections.abc import Iterator

import pytest

from tests.support.prefect_runs import deploy
from tests.support.prefect_server import PrefectServer, prefect_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as running:
        yield running


@pytest.fixture(scope="session")
def deployed(server: PrefectServer) -> PrefectServer:
    """The same server after ``make deploy``."""
    deploy(server)
    return server
