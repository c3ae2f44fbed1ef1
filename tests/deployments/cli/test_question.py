"""The question before a plan that may cost more, at a real terminal: only a yes buys."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.runs import charges_so_far, write_catalog

ROOT = Path(__file__).parents[3]
ASKED = b"This may cost up to $0.02. Go on? [y/N] "


def answered(keys: bytes, catalog: Path, sandbox: SandboxProcess) -> tuple[int, bytes]:
    """Exit code and screen of a run whose question gets ``keys`` for an answer."""
    words = ["run", str(catalog), "--dataset", str(catalog.with_name("ds")), "--provider", "sandbox"]
    child, screen = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ["PRINTROOM_BASE_URL"] = sandbox.base_url
        os.execv(sys.executable, [sys.executable, "-m", "deployments.cli.main", *words, "--approve-above", "0.01"])
    seen = b""
    try:
        while part := _read(screen):
            seen += part
            if seen.endswith(ASKED):
                time.sleep(0.2)  # until the terminal waits for a line
                os.write(screen, keys)
                keys = b"n\n"  # whatever is asked after that: no
    finally:
        os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 4096) if select.select([screen], [], [], 60)[0] else b""  # a run that hangs is hung up
    except OSError:  # Linux says so when the other side is closed
        return b""


@pytest.mark.parametrize(("keys", "code"), [(b"n\n", 4), (b"\n", 4), (b"\x04", 4), (b"\x03", 130)])
def test_no_an_empty_line_ctrl_d_and_ctrl_c_buy_nothing_and_say_no_more_than_that(
    keys: bytes, code: int, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill", "model": "dall-e-2"}])
    before = charges_so_far(sandbox)
    found, seen = answered(keys, catalog, sandbox)
    assert (found, seen.count(ASKED)) == (code, 1)
    assert b"Traceback" not in seen
    assert charges_so_far(sandbox) == before


@pytest.mark.parametrize(("keys", "code"), [(b"n\n", 4), (None, 130)])
def test_the_question_and_the_plans_notes_are_on_the_terminal_and_only_the_result_on_a_captured_stdout(
    keys: bytes | None, code: int, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill", "model": "dall-e-2"}])
    words = ["run", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox", "--approve-above", "0.01"]
    screen, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli.main", *words, "--json"], cwd=ROOT, stdin=terminal, stderr=terminal,
        stdout=subprocess.PIPE, env={**os.environ, "PRINTROOM_BASE_URL": sandbox.base_url},
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    while not seen.endswith(ASKED) and (part := _read(screen)):
        seen += part
    if keys is None:
        child.terminate()
    else:
        os.write(screen, keys)
    out, _ = child.communicate(timeout=60)
    os.close(screen)
    assert (child.returncode, seen.count(ASKED), b"note: dall-e-2 " in seen) == (code, 1, True)
    [line] = out.splitlines()
    assert (json.loads(line)["pending"], json.loads(line)["cost_usd"]) == (1, "0.00")
