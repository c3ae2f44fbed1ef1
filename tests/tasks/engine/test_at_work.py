"""What pacing decided can be seen while a run lasts, by others too, and says nothing that is secret."""

import asyncio
import socket
from pathlib import Path

import pytest

from deployments.cli.main import main
from deployments.cli.progress import progress_line
from deployments.sandbox.process import SandboxProcess
from tasks.engine.analysis.at_work import SILENT_AFTER_S, AtWork, at_work, decisions
from tasks.engine.running.execute import execute
from tasks.engine.running.session import forget
from tasks.engine.shared.pace import Pace
from tasks.engine.showing.progress_digest import progress_markdown
from tasks.journal.ports import Timing
from tasks.settings import at_address
from tasks.storage.open import open_store
from tests.support.runs import session_for, write_catalog


async def test_a_rest_that_the_gateway_asked_for_is_seen_in_status_on_the_terminal_and_on_the_run_page(
    tmp_path: Path, sandbox: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = ["pier", "pier [[scenario:rate_limit@1]]"]
    rows = [{"id": f"r{n}", "prompt": prompt, "model": "dall-e-2"} for n, prompt in enumerate(prompts)]
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox, rpm={"dall-e-2": 600})
    session.pace = Pace(journal=Timing(takeover_s=0.5))  # a sign of life ten times a second
    running = asyncio.create_task(execute(session))
    try:
        store = open_store(str(tmp_path / "ds"))
        while not (resting := [each for each in await at_work(store) if paused(each)]):
            assert not running.done()
            await asyncio.sleep(0.05)
        live, page = progress_line(session), progress_markdown(session)
        told = "\n".join(resting[0].details())
        assert "a minute, rests another" in told
        assert "calls rate limited, last: rests 1 s as the gateway asked" in told
        assert "## Limits" in page
        assert "rests 1 s as the gateway asked" in page
        assert "0/2 done" in live or "1/2 done" in live
        assert await asyncio.to_thread(main, ["status", "--dataset", str(tmp_path / "ds")]) == 0
        assert f"at work: run {session.run_id}" in capsys.readouterr().out
        assert (await running).succeeded == 2
        assert await at_work(store) == []
    finally:
        forget(session.run_id)


async def test_a_gateway_that_is_not_there_is_named_by_host_and_port_with_the_time_it_is_tried(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    rows = [{"id": f"r{n}", "prompt": f"a pier {n}", "model": "dall-e-2"} for n in range(8)]
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox, grace_s=0.0)
    with socket.socket() as nobody:  # bound, and never listening: the port refuses whoever comes
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        session.settings = at_address(session.settings, f"http://127.0.0.1:{port}/a/secret/path")
        running = asyncio.create_task(execute(session))
        try:
            while "cannot be reached" not in (line := progress_line(session)):
                assert not running.done()
                await asyncio.sleep(0.05)
            assert f"the gateway at 127.0.0.1:{port} cannot be reached" in line
            assert "for another 10 min at most" in line
            assert "secret" not in line
            assert any(f"127.0.0.1:{port}" in told for told in decisions(session.services.traffic.snapshot()))
        finally:
            session.stop.stop("interrupted")
            session.stop.end_grace()
            await running
            forget(session.run_id)


def paused(process: AtWork) -> bool:
    return bool(process.said["models"].get("dall-e-2", {}).get("paused_s"))


def test_a_process_that_says_nothing_any_more_is_not_shown_as_working() -> None:
    said = {"run_id": "r", "pid": 1, "host": "h", "at_s": 1_796_000_000.0, "done": 1, "planned": 9, "in_flight": 3}
    assert "1 of 9 calls done, 3 in flight" in AtWork(said, 10).line
    assert "no sign of life since 2026-11-30 00:53:20 UTC" in AtWork(said, SILENT_AFTER_S + 1).line
