"""A disk that is full, a store that goes away: said at once, over soon, and nothing lost or bought twice."""

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
from tasks.engine.shared.stopping import StopSignal
from tasks.journal.dataset import find_dataset
from tasks.journal.ports import Timing
from tasks.journal.spool import LocalSpool, drain_spool
from tasks.storage.durable import OsFileSystem
from tasks.storage.local import LocalStore
from tasks.storage.store import ObjectInfo, Unavailable
from tests.support.runs import charged, charges_so_far, current_rows, run, session_for, write_catalog

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


class LeavingStore(LocalStore):
    """A store that is away for good once its first picture is there."""

    stop: StopSignal

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.away, self.listed_in_vain = False, list[str]()

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """As the protocol says."""
        self._may_be_away(key)
        await super().put(key, body, content_type=content_type, metadata=metadata)
        self.away = self.away or key.startswith("images/")

    async def create(self, key: str, body: bytes) -> bool:
        """As the protocol says."""
        self._may_be_away(key)
        return await super().create(key, body)

    async def get(self, key: str) -> bytes:
        """As the protocol says."""
        self._may_be_away(key)
        return await super().get(key)

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        """As the protocol says."""
        if self.away and self.stop.stopped and prefix.startswith("journal/"):
            self.listed_in_vain.append(prefix)
        self._may_be_away(prefix)
        return await super().list(prefix, start_after=start_after)

    def _may_be_away(self, key: str) -> None:
        if self.away:
            raise Unavailable("nobody is there", key=key)


async def run_left_by_its_store(
    rows: list[dict[str, str]], folder: Path, sandbox: SandboxProcess, **options: int
) -> tuple[RunResult, LeavingStore]:
    session = session_for(write_catalog(folder / "c.csv", rows), folder / "ds", sandbox, **options)
    session.store = store = LeavingStore(folder / "ds")
    store.stop = session.stop
    session.pace = Pace(journal=Timing(patience_s=0.3, pause_s=0.05))
    try:
        return await execute(session), store
    finally:
        forget(session.run_id)


async def test_a_store_that_stays_away_is_waited_for_once_by_all_partitions_and_waves(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    rows = [{"id": f"r{i}", "prompt": f"a barn, number {i}", "model": "dall-e-2"} for i in range(200)]
    rows.append({"id": "later", "operation": "edit", "prompt": "in snow", "model": "dall-e-2", "images": "row:r0"})
    result, store = await run_left_by_its_store(rows, tmp_path, sandbox, concurrency=2, partitions=4)
    assert (result.stopped, result.exit_code) == ("store_down", 5)
    assert store.listed_in_vain == []


async def test_an_answer_in_the_spool_is_used_though_the_dataset_was_moved_meanwhile(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    before = charges_so_far(sandbox)
    await run_left_by_its_store(ROWS[:1], tmp_path, sandbox)
    moved = (tmp_path / "ds").rename(tmp_path / "moved")
    assert (await run(tmp_path / "c.csv", moved, sandbox)).succeeded == 1
    assert len(charged(sandbox, before)) == 1


@pytest.mark.parametrize("kept", ["in the spool", "in late/"])
async def test_an_answer_to_a_held_row_is_used_by_a_plain_run_that_has_nothing_else_to_do(
    kept: str, tmp_path: Path, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, catalog, dataset = charges_so_far(sandbox), tmp_path / "c.csv", tmp_path / "ds"
    monkeypatch.setenv("PRINTROOM_SPOOL", str(tmp_path / "elsewhere"))
    await run_left_by_its_store(ROWS[:1], tmp_path, sandbox)
    monkeypatch.setenv("PRINTROOM_SPOOL", str(tmp_path / "here"))
    assert (await run(catalog, dataset, sandbox, on_unknown="hold")).held == 1
    session = session_for(catalog, dataset, sandbox)
    await session.make_plan()
    assert session.nothing_to_do()
    forget(session.run_id)

    if kept == "in the spool":
        monkeypatch.setenv("PRINTROOM_SPOOL", str(tmp_path / "elsewhere"))
    else:
        store = LocalStore(dataset)
        found = await find_dataset(store)
        assert found is not None
        assert await drain_spool(store, LocalSpool(found.id, tmp_path / "elsewhere")) == 1
    assert (await run(catalog, dataset, sandbox)).succeeded == 1
    session = session_for(catalog, dataset, sandbox)
    await session.make_plan()
    assert session.nothing_to_do()
    forget(session.run_id)
    assert len(charged(sandbox, before)) == 1
