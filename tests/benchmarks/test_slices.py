"""Small slices of the benchmarks: that they measure what they say, not how fast this machine is."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks import growth, marginal, planning, puts, saturation, soaking, starting
from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding, lines
from tests.benchmarks.measuring import cpu_of_tree_s, peak_mb
from tests.benchmarks.slowness import USUAL_MS, Slowness, slowness


@pytest.mark.parametrize(
    ("value", "at_least", "verdict"),
    [(1.4, False, "goal"), (1.5, False, "goal"), (1.9, False, "bar"), (2.1, False, "MISSED"),
     (2.5, True, "goal"), (1.7, True, "bar"), (1.2, True, "MISSED")],
)  # fmt: skip
def test_a_figure_is_held_to_its_goal_and_its_bar(value, at_least, verdict):
    bar, goal = (1.5, 2.0) if at_least else (2.0, 1.5)
    found = Finding(what="x", value=value, bar=bar, goal=goal, at_least=at_least)
    assert found.verdict == verdict
    assert verdict in next(iter(lines([found])))


def test_a_gateway_kept_full_is_full_and_one_kept_half_full_is_half_full():
    full = [(start, start + 2.0) for start in range(0, 20, 2) for _ in range(8)]
    idle = [(2 * start, 2 * start + 2.0) for start, _ in full]
    assert saturation.fullness(full, 8) == pytest.approx(1.0)
    assert saturation.fullness(idle, 8) == pytest.approx(0.5)


def test_ramp_and_tail_are_left_out():
    ramp = [(start / 10, start / 10 + 4.0) for start in range(8)]  # one more every tenth of a second
    steady = [(4.0 * turn + start / 10, 4.0 * turn + start / 10 + 4.0) for turn in range(1, 5) for start in range(8)]
    tail = [(20.0, 99.0)]
    assert saturation.fullness(ramp + steady + tail, 8) == pytest.approx(1.0, abs=0.03)


def test_memory_that_creeps_is_told_from_memory_that_does_not():
    creeping = [(done, 100 + 3 * done / 1000, 40) for done in range(0, 50_000, 500)]
    settled = [(done, min(100 + done / 100, 200), 40) for done in range(0, 50_000, 500)]
    assert soaking.slope_mb(creeping, 50_000) == pytest.approx(3.0)
    assert soaking.slope_mb(settled, 50_000) == pytest.approx(0.0, abs=1e-6)


def test_the_cpu_of_a_process_includes_that_of_its_children():
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True); input()"
    nest = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    child = subprocess.Popen([sys.executable, "-c", nest], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    assert 0.3 <= cpu_of_tree_s(child.pid) < 5
    child.communicate("\n")


def test_the_peak_memory_of_a_process_is_its_own_and_not_that_of_who_started_it():
    most = bytearray(b"x") * 150_000_000
    told = [sys.executable, "-c", "from tests.benchmarks.measuring import peak_mb; print(peak_mb())"]
    small_mb = float(subprocess.run(told, capture_output=True, text=True, check=True).stdout)
    assert small_mb < len(most) / 2**20 < peak_mb()


def test_a_slow_minute_is_told_from_a_quick_one_and_one_without_a_measurement_from_both():
    machine = Slowness([(float(at), USUAL_MS * (2 if at >= 60 else 1)) for at in range(120)])
    assert machine.between(0, 59) == pytest.approx(1)
    assert machine.between(60, 119) == pytest.approx(2)
    with pytest.raises(ValueError, match="nothing was measured"):
        machine.between(500, 600)


def test_the_machine_is_measured_while_something_else_is():
    began_s = time.monotonic()
    with slowness() as machine:
        while len(machine.seen) < 3:
            assert time.monotonic() < began_s + 60
            time.sleep(0.05)
        assert machine.between(began_s, time.monotonic()) > 0


def test_every_contender_stores_every_picture(tmp_path: Path):
    [found] = marginal.findings(tmp_path, scale=0.01, rounds=1, only="drawn")
    assert found.value > 0
    for name in marginal.CONTENDERS:
        assert len(list(tmp_path.glob(f"{name}-20-*/**/*.png"))) == 20


def test_what_the_store_was_asked_is_what_lies_there(tmp_path: Path):
    written, read = puts.findings(tmp_path, scale=0.006)
    dataset = tmp_path / "puts-60"
    there = [path for path in dataset.rglob("*") if path.is_file() and ".tmp" not in path.parts]
    beside = [path for path in there if path.relative_to(dataset).parts[0] != "images"]
    assert len(there) - len(beside) == 60
    assert 60 * written.value >= len(beside)  # an object that was replaced was put more than once
    assert read.value > 0


def test_a_full_dataset_is_recognised_from_csv_and_parquet_and_nothing_is_called(tmp_path: Path):
    found = list(planning.findings(tmp_path, scale=0.00006))  # raises unless all 60 rows are reused
    assert [finding.unit for finding in found] == ["CPU-s", "MB", "CPU-s", "MB", "CPU-s", "CPU-s"]


def test_a_row_that_the_dataset_lacks_is_no_full_dataset(tmp_path: Path):
    planning.measured("planning", "build", write_csv(tmp_path / "night.csv", 5), tmp_path / "full")
    (tmp_path / "night.csv").unlink()
    with pytest.raises(SystemExit, match="5 of 60"):
        list(planning.findings(tmp_path, scale=0.00006))


def test_a_short_soak_ends_with_the_bill_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(soaking, "FAULTS", tuple(f"{fault.partition(':')[0]}:0.03" for fault in soaking.FAULTS))
    *_, bill = soaking.findings(tmp_path, scale=0.003)
    assert bill.value == 0


def test_every_row_of_the_table_can_be_asked_for_by_name():
    assert {growth.findings, starting.findings, soaking.findings} <= set(BENCHMARKS.values())
