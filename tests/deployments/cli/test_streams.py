"""What becomes of a command when nobody reads its words, or the terminal lacks their letters: nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.runs import run, write_catalog

ROOT = Path(__file__).parents[3]
ROW = {"id": "猫", "prompt": "一只猫", "model": "gpt-image-2-all"}
HINTED = {**ROW, "prompt": "a cat"}  # advice on it goes to stderr


def command(*words: str, **how: object) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "deployments.cli.main", *words]
    return subprocess.run(line, cwd=ROOT, text=True, timeout=60, check=False, **how)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(("unread", "other"), [("stdout", "stderr"), ("stderr", "stdout")])
def test_a_reader_that_has_left_changes_no_exit_code_and_prints_no_traceback(
    unread: str, other: str, tmp_path: Path
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [HINTED])
    reading, writing = os.pipe()
    os.close(reading)
    try:
        streams = {unread: writing, other: subprocess.PIPE}
        done = command("plan", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox", **streams)
    finally:
        os.close(writing)
    said = done.stderr if other == "stderr" else done.stdout
    assert (done.returncode, "Traceback" in said) == (0, False)
    assert said


async def test_letters_that_a_terminal_lacks_are_written_as_escapes(tmp_path: Path, sandbox: SandboxProcess) -> None:
    await run(write_catalog(tmp_path / "猫.csv", [ROW]), tmp_path / "ds", sandbox)
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = command("status", "--dataset", str(tmp_path / "ds"), capture_output=True, env=ascii_only)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u732b" in done.stdout
