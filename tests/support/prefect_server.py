"""A real Prefect server on 127.0.0.1 with the settings of ``make ui`` but one, in a child process with its own home."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deployments.ui import server_environment

ROOT = Path(__file__).resolve().parents[2]
SOONER = {"PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5"}  # new schedules are looked for once a minute otherwise


class _Patient(httpx.HTTPTransport):
    """Asks again after 503, as Prefect's own client does: its SQLite database was locked."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(20):
            reply = super().handle_request(request)
            if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            reply.close()
            time.sleep(0.5)
        return reply


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """Where it listens and how a run finds it."""

    url: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PREFECT_API_URL": f"{self.url}/api", "PREFECT_HOME": str(self.home), "DO_NOT_TRACK": "1"}

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api", timeout=120, transport=_Patient())


@contextmanager
def prefect_server(home: Path, port: int | None = None) -> Iterator[PrefectServer]:
    """Start it on a free port and wait until it is healthy (about 13 CPU-seconds with a new database)."""
    port = port or _free_port()
    server = PrefectServer(f"http://127.0.0.1:{port}", home)
    home.mkdir(exist_ok=True)
    log = (home / "server.log").open("ab")
    child = subprocess.Popen(
        [sys.executable, "-m", "deployments.ui", str(port)], cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
        env={**server_environment(port), **SOONER, "PREFECT_HOME": str(home)},
    )  # fmt: skip
    try:
        _wait_healthy(server, child)
        yield server
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_healthy(server: PrefectServer, child: subprocess.Popen[bytes]) -> None:
    with server.client() as client:
        for _ in range(240):
            assert child.poll() is None, (server.home / "server.log").read_text()
            try:
                if client.get("/health").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.5)
    raise AssertionError("the Prefect server did not become healthy: " + (server.home / "server.log").read_text())
