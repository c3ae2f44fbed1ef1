"""One Prefect server, with the project's deployments on it, for all tests of this folder; workers come and go."""

from collections.abc import Iterator

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.alerts import BLOCK, Alerts, listening
from tests.support.moto import S3Server
from tests.support.prefect_runs import deploy, worker
from tests.support.prefect_server import PrefectServer, prefect_server
from tests.support.team import KEY, Team, new_block

AWS_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as running:
        yield running


@pytest.fixture(scope="session")
def alerts(server: PrefectServer) -> Iterator[Alerts]:
    """Whom the automations tell."""
    with listening(server) as listener:
        yield listener


@pytest.fixture(scope="session")
def deployed(server: PrefectServer, alerts: Alerts, s3: S3Server) -> PrefectServer:
    """The same server after ``make deploy``, with credentials and an address for alerts in blocks."""
    new_block(server, "secret", "gateway-key", {"value": KEY})
    secret = {name.lower(): s3.environment[name] for name in AWS_SECRETS}
    new_block(server, "aws-credentials", "bucket", secret)
    deploy(server, {"PRINTROOM_AWS_BLOCK": "bucket", "PRINTROOM_ALERT_BLOCK": BLOCK})
    return server


@pytest.fixture(scope="module")
def team(
    deployed: PrefectServer, sandbox: SandboxProcess, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    """A team with a worker that has neither a key nor S3 credentials: both are in blocks."""
    environment = {
        **{name: value for name, value in s3.environment.items() if name not in AWS_SECRETS},
        "PRINTROOM_PROVIDER": "openai", "PRINTROOM_BASE_URL": sandbox.base_url,
        "PRINTROOM_API_KEY_BLOCK": "gateway-key", "PRINTROOM_ALLOW_HOSTS": "127.0.0.1",
        "PRINTROOM_SPOOL": str(tmp_path_factory.mktemp("spool")),
    }  # fmt: skip
    with worker(deployed, environment, "team"):
        yield Team(deployed, sandbox, s3, s3.make_bucket("team"), environment)
