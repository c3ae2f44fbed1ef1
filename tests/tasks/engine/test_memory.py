"""What a run keeps in memory: nothing of partitions that are closed, with no help from Python's collector."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.execute import execute
from tasks.engine.shared.pace import Pace
from tasks.journal.fold import KeyState
from tests.support.runs import session_for, write_catalog

ROWS = [{"id": f"r{i}", "prompt": f"boat {i}", "model": "dall-e-2", "size": "256x256"} for i in range(40)]


def states() -> int:
    return sum(isinstance(each, KeyState) for each in gc.get_objects())


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def faulty(sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    sandbox.switch(scenarios=["server_error:0.2"])
    yield sandbox
    sandbox.switch(scenarios=[])


@pytest.mark.usefixtures("uncollected")
async def test_a_closed_partition_leaves_memory_by_itself(tmp_path: Path, faulty: SandboxProcess) -> None:
    session = session_for(write_catalog(tmp_path / "c.csv", ROWS), tmp_path / "ds", faulty)
    session.pace = Pace(commit_every_s=0.02)
    before = states()
    assert (await execute(session)).succeeded >= 30
    assert states() == before  # though the session, its plan and its committer are still here


@pytest.mark.usefixtures("uncollected")
def test_a_state_in_a_circle_is_seen() -> None:
    """The negative control: what the circle of buyer and settler did to every partition."""
    before = states()
    circle: list[object] = [KeyState("key")]
    circle.append(circle)
    del circle
    assert states() == before + 1


def test_arrow_takes_its_memory_where_it_can_be_given_back() -> None:
    told = "import deployments.cli.run, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "system\n"
