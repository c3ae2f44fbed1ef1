"""``printroom run``, with Prefect and all: killed again and again, told twice to stop; what it left is finished."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deployments.cli.main import main
from deployments.sandbox.process import SandboxProcess
from tasks.storage.open import open_store
from tests.faults.audit import audit, read_books
from tests.faults.settled import bill_when_settled
from tests.support.prefect_server import ROOT, PrefectServer
from tests.support.runs import run as run_here
from tests.support.runs import write_catalog

CONCURRENCY = 8
PATIENCE_S = 240  # for a machine with much else to do


@pytest.fixture(scope="module")
def gateway() -> Iterator[SandboxProcess]:
    """Small pictures, ready-made, each after about 0.4 s."""
    words = ("--picture-bytes", "2000", "--workers", "0", "--reader", "embedded")
    with SandboxProcess(*words, latency_scale=0.05) as running:
        yield running


class Command:
    """``printroom run`` in a process of its own."""

    def __init__(self, words: list[str], environment: dict[str, str], folder: Path) -> None:
        self._out, self._err = (folder / f"{time.monotonic_ns()}.{name}" for name in ("out", "err"))
        with self._out.open("wb") as out, self._err.open("wb") as err:
            command = [sys.executable, "-m", "deployments.cli.main", "run", *words]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=err)

    def wait(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE_S)

    @property
    def said(self) -> str:
        """Everything that a person would have seen on stderr."""
        return self._err.read_text()

    @property
    def result(self) -> dict[str, Any]:
        """The last line of stdout."""
        values: dict[str, Any] = json.loads(self._out.read_text().splitlines()[-1])
        return values


@pytest.fixture
def run(gateway: SandboxProcess, server: PrefectServer, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts a run over so many rows; words are further options."""
    gateway.switch(scenarios=[])
    gateway.reset()
    started: list[Command] = []
    environment = {
        **os.environ, **server.environment, "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": gateway.base_url,
        "PRINTROOM_SPOOL": str(tmp_path / "spool"),
    }  # fmt: skip

    def start(rows: int, *words: str) -> Command:
        lines = ({"id": f"r{i}", "prompt": f"pier {i}", "model": "dall-e-2", "size": "256x256"} for i in range(rows))
        catalog = write_catalog(tmp_path / "c.csv", lines)
        place = ["--dataset", str(tmp_path / "ds"), "--partitions", "4", "--concurrency", str(CONCURRENCY)]
        started.append(Command([str(catalog), *place, "--yes", "--json", *words], environment, tmp_path))
        return started[-1]

    yield start
    for command in started:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait()


def until(happened: Callable[[], bool], command: Command) -> None:
    """Wait for something while a run goes on."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert command.process.poll() is None, command.said
        assert time.monotonic() < deadline, command.said
        time.sleep(0.02)


@pytest.mark.parametrize("kills", [1, pytest.param(12, marks=pytest.mark.slow)])
async def test_a_run_that_is_killed_again_and_again_loses_nothing_and_pays_nothing_twice(
    kills: int, run: Callable[..., Command], gateway: SandboxProcess, tmp_path: Path
) -> None:
    rows, random = 20 * kills, Random(kills)
    for _ in range(kills):
        before, more = len(gateway.bill()["charges"]), random.randint(1, 12)
        command = run(rows)
        until(lambda before=before, more=more: len(gateway.bill()["charges"]) >= before + more, command)
        time.sleep(random.uniform(0, 0.4))
        command.process.kill()
        assert command.wait() == -signal.SIGKILL
    last = run(rows)
    if last.wait() == 3:
        assert run(rows, "--only", "held").wait() == 0
    assert last.process.returncode in (0, 3), last.said
    store = open_store(str(tmp_path / "ds"))
    found = await audit(store, bill_when_settled(gateway), [f"c/r{i}" for i in range(rows)])
    print(f"kill storm, printroom run: kills {kills}, {found.figures()}")
    assert found.broken == []
    assert found.billed - rows <= (await read_books(store)).unknowns <= CONCURRENCY * kills


async def test_a_second_signal_ends_a_run_at_once_and_what_was_in_flight_is_unknown_until_it_is_asked_for(
    run: Callable[..., Command],
    gateway: SandboxProcess,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway.switch(scenarios=["hang"])  # billed, and never an answer
    command = run(CONCURRENCY, "--grace", "3600")
    until(lambda: len(gateway.bill()["charges"]) == CONCURRENCY, command)
    command.process.send_signal(signal.SIGINT)
    until(lambda: "calls in flight get 3600 s" in command.said, command)
    command.process.send_signal(signal.SIGINT)
    assert command.wait() == 130, command.said
    assert (command.result["unknown"], command.result["cost_at_risk_usd"]) == (CONCURRENCY, "0.16")
    assert await asyncio.to_thread(main, ["status", "--dataset", str(tmp_path / "ds")]) == 0
    status = capsys.readouterr().out
    assert status.count("\nunknown: c/r") == CONCURRENCY
    assert "possibly $0.16 more" in status
    gateway.switch(scenarios=[])
    again = await run_here(tmp_path / "c.csv", tmp_path / "ds", gateway, concurrency=CONCURRENCY, only="unknown")
    assert (again.exit_code, again.succeeded) == (0, CONCURRENCY), again
    assert len(gateway.bill()["charges"]) == 2 * CONCURRENCY
