"""A dataset whose disk is full: said at once, nothing new bought, over soon, and nothing lost or bought twice."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.execute import execute
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import forget
from tasks.engine.shared.pace import Pace
from tasks.journal.ports import Timing
from tasks.storage.durable import OsFileSystem
from tasks.storage.local import LocalStore
from tests.support.runs import charged, charges_so_far, current_rows, session_for, write_catalog

ROWS = [{"id": f"r{i}", "prompt": f"a house, number {i}", "model": "gpt-image-2"} for i in range(12)]


class SmallDisk(OsFileSystem):
    """A disk that takes so many bytes in large files; small ones always fit, as they often do."""

    def __init__(self, room: int | None) -> None:
        self.room = room

    def write(self, path: str, body: bytes, attributes: Mapping[str, str]) -> int:
        """As the protocol says."""
        if self.room is not None and len(body) > 20_000:
            if len(body) > self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            self.room -= len(body)
        return super().write(path, body, attributes)


async def on_disk(
    room: int | None, catalog: Path, dataset: Path, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> tuple[RunResult, list[str]]:
    monkeypatch.setenv("PRINTROOM_SPOOL", str(dataset.parent / "spool"))
    session = session_for(catalog, dataset, sandbox, concurrency=2)
    said: list[str] = []
    session.say = said.append
    session.store = LocalStore(dataset, fs=SmallDisk(room))
    session.pace = Pace(journal=Timing(patience_s=20.0))
    try:
        return await execute(session), said
    finally:
        forget(session.run_id)


async def test_a_full_disk_is_said_at_once_stops_buying_and_costs_nothing_twice(
    tmp_path: Path, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS), tmp_path / "ds"
    before = charges_so_far(sandbox)
    result, said = await on_disk(200_000, catalog, dataset, sandbox, monkeypatch)
    assert (result.stopped, result.exit_code) == ("store_down", 5)
    told = [text for text in said if "No space left on device" in text]
    assert len(told) == 1
    assert str(dataset) in told[0]
    bought = len(charged(sandbox, before))
    assert bought < len(ROWS)

    result, said = await on_disk(None, catalog, dataset, sandbox, monkeypatch)
    assert result.succeeded == len(ROWS) == len(charged(sandbox, before))
    assert {row["outcome"] for row in current_rows(dataset)} == {"succeeded"}
    assert said == []  # above all not that another run, which ended in this process, is waited for
