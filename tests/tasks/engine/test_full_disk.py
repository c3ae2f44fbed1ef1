"""A dataset whose disk is full: said at once, nothing new bought, over soon, and nothing lost or bought twice."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    room: int | None,
    catalog: Path,
    dataset: Path,
    sandbox: SandboxProcess,
    monkeypatch: pytest.MonkeyPatch,
    patience_s: float = 20.0,
    **options: Any,
) -> tuple[RunResult, list[str]]:
    monkeypatch.setenv("PRINTROOM_SPOOL", str(dataset.parent / "spool"))
    session = session_for(catalog, dataset, sandbox, concurrency=2, **options)
    said: list[str] = []
    session.say = said.append
    session.store = LocalStore(dataset, fs=SmallDisk(room))
    session.pace = Pace(journal=Timing(patience_s=patience_s))
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


async def test_an_answer_that_a_later_run_records_costs_what_it_was_bought_at(
    tmp_path: Path, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS[:1]), tmp_path / "ds"
    bought_at = {"gpt-image-2": "0.015"}
    result, _ = await on_disk(0, catalog, dataset, sandbox, monkeypatch, patience_s=2.0, prices=bought_at)
    assert (result.stopped, result.succeeded) == ("store_down", 0)
    result, _ = await on_disk(None, catalog, dataset, sandbox, monkeypatch)
    (row,) = current_rows(dataset)
    assert (result.succeeded, row["attempts"], str(row["cost_usd"])) == (1, 1, "0.015000")
