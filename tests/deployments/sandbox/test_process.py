"""The sandbox as a process: started, asked, stopped, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from deployments.sandbox.main import main
from deployments.sandbox.process import ROOT, SandboxFailed, SandboxProcess

PARENT = """
import sys, time
from deployments.sandbox.process import SandboxProcess
with SandboxProcess("--workers", "0", "--reader", "embedded") as sandbox:
    print(sandbox.pid, flush=True)
    time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_a_process_answers_is_switched_and_is_gone_after_its_block() -> None:
    with SandboxProcess("--reader", "embedded", scenarios=["b64"], latency_scale=0) as sandbox:
        pid = sandbox.pid
        assert pid is not None
        assert sandbox.base_url.endswith("/v1")
        assert sandbox.bill()["totals"]["micros"] == 0
        assert sandbox.bill_csv().startswith("created_at,")
        assert sandbox.switch(scenarios=["storm:0.1"])["settings"]["scenarios"] == ["storm:0.1"]
        assert sandbox.log() == []
        sandbox.reset()
    assert not alive(pid)
    sandbox.stop()


def test_the_sandbox_dies_with_a_parent_that_is_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
    assert gone(pid)


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def test_the_drawing_processes_die_with_a_sandbox_that_is_killed() -> None:
    with SandboxProcess("--workers", "1", "--reader", "embedded", latency_scale=0) as sandbox:
        assert sandbox.pid is not None
        body = json.dumps({"model": "dall-e-2", "prompt": "a", "size": "256x256"}).encode()
        headers = {"Authorization": "Bearer sk-x", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{sandbox.base_url}/images/generations", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            assert reply.status == 200
        workers = children_of(sandbox.pid)
        assert workers
        os.kill(sandbox.pid, signal.SIGKILL)
        assert all(gone(worker) for worker in workers)


def test_a_sandbox_that_cannot_start_says_so() -> None:
    with SandboxProcess("--workers", "0", "--reader", "embedded") as sandbox:
        port = int(sandbox.root_url.rpartition(":")[2])
        with pytest.raises(SandboxFailed):
            SandboxProcess("--workers", "0", port=port).start()


@pytest.mark.parametrize(
    "options",
    [["--scenario", "no_such"], ["--rpm", "dall-e-3"], ["--rpm", "dall-e-9=3"], ["--balance", "much"]],
)
def test_wrong_options_end_with_two_before_anything_listens(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 2
    assert capsys.readouterr().err.startswith("sandbox: ")


def test_every_scenario_is_listed_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--list-scenarios"])
    out = capsys.readouterr().out
    assert "cloudflare_524" in out
    assert "storm" in out
