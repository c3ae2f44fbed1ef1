"""One Prefect server, with the project's deployments on it, for all tests of this folder; workers come and go."""

from collections.abc import Iterator

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.moto import S3Server
from tests.support.prefect_runs import deploy, worker
from tests.support.prefect_server import PrefectServer, prefect_server
from tests.support.team import KEY, Team, new_block


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as running:
        yield running


@pytest.fixture(scope="session")
def deployed(server: PrefectServer) -> PrefectServer:
    """The same server after ``make deploy``."""
    deploy(server)
    return server


@pytest.fixture(scope="module")
def team(
    server: PrefectServer, sandbox: SandboxProcess, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    """A team with a worker that has neither a key nor S3 credentials: both are in blocks."""
    variables = dict(s3.environment)
    secret = {name: variables.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    new_block(server, "secret", "gateway-key", {"value": KEY})
    new_block(server, "aws-credentials", "bucket", {name.lower(): value for name, value in secret.items()})
    deploy(server, {"PRINTROOM_AWS_BLOCK": "bucket"})
    environment = {
        **variables, "PRINTROOM_PROVIDER": "openai", "PRINTROOM_BASE_URL": sandbox.base_url,
        "PRINTROOM_API_KEY_BLOCK": "gateway-key", "PRINTROOM_ALLOW_HOSTS": "127.0.0.1",
        "PRINTROOM_SPOOL": str(tmp_path_factory.mktemp("spool")),
    }  # fmt: skip
    with worker(server, environment, "team"):
        yield Team(server, sandbox, s3, s3.make_bucket("team"), environment)
