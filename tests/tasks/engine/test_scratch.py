"""What a killed process left in the temporary directory is swept; what a living one uses is not."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.engine.planning.scratch import OWNER, PREFIX, SWEPT_AFTER_S, UNLOCKED_SWEPT_AFTER_S, Scratch, sweep

HOLDER = """
import sys, time
from tasks.engine.planning.scratch import Scratch
held = Scratch()
(held.path / "rows-00000.jsonl").write_text("{}")
print(held.path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def another_process(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A process that holds a scratch folder, and the folder."""
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def aged(path: Path, age_s: float) -> None:
    """As if nothing had happened in the folder for so long."""
    os.utime(path, (time.time() - age_s,) * 2)


def test_the_folder_of_a_killed_process_is_swept_and_that_of_a_living_one_is_kept(folder: Path) -> None:
    with another_process(folder) as (killed, left), another_process(folder) as (_, used):
        for path in (left, used):
            aged(path, 100 * SWEPT_AFTER_S)
        assert sweep() == 0
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert sweep() == 1
        assert (left.exists(), used.exists()) == (False, True)
        assert (used / "rows-00000.jsonl").exists()


def test_a_folder_that_is_just_being_made_is_spared(folder: Path) -> None:
    with another_process(folder) as (killed, left):
        killed.kill()
        killed.wait()
        assert (sweep(), left.exists()) == (0, True)
        aged(left, SWEPT_AFTER_S + 1)
        assert (sweep(), left.exists()) == (1, False)


def test_a_folder_of_our_own_lives_until_it_is_removed() -> None:
    scratch = Scratch()
    aged(scratch.path, 100 * SWEPT_AFTER_S)
    assert (sweep(), scratch.path.exists()) == (0, True)
    scratch.remove()
    scratch.remove()
    assert not scratch.path.exists()


def test_a_folder_without_an_owner_is_swept_after_a_week_only(folder: Path) -> None:
    left = folder / f"{PREFIX}older"
    left.mkdir()
    aged(left, UNLOCKED_SWEPT_AFTER_S / 2)
    assert (sweep(), left.exists()) == (0, True)
    aged(left, UNLOCKED_SWEPT_AFTER_S + 1)
    assert (sweep(), left.exists()) == (1, False)


def test_what_only_looks_like_a_folder_of_ours_is_left_alone(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / OWNER).touch()
    (folder / f"{PREFIX}link").symlink_to(elsewhere)
    file = folder / f"{PREFIX}file"
    file.touch()
    for path in (elsewhere, file):
        aged(path, 100 * UNLOCKED_SWEPT_AFTER_S)
    assert sweep() == 0
    assert (elsewhere / OWNER).exists()
    assert file.exists()
