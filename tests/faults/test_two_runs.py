"""T3: several runs at once on one dataset, one of them put to sleep past the time-out and woken again."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.journal.dataset import open_dataset
from tasks.journal.inspect import load_all
from tasks.storage.open import open_store
from tests.faults.audit import Audit, audit
from tests.faults.nursery import ROOT, Child, Nursery
from tests.faults.settled import bill_when_settled
from tests.support.moto import S3Server

Figures = Callable[..., None]
WriteCatalog = Callable[..., Path]
CONCURRENCY = 8
AWAKE = {"poll_s": 0.1}  # nobody is taken for dead
HASTY = {"poll_s": 0.1, "takeover_s": 2.0}  # whoever is silent for two seconds is


def start(
    runs: Nursery, number: int, catalog: Path, dataset: str, gateway: SandboxProcess, *, partitions: int, **more: Any
) -> Child:
    """One of several runs; each has a spool of its own, as on another machine."""
    more |= {
        "spool": str(catalog.parent / f"spool-{number}"),
        "options": {"concurrency": CONCURRENCY, "partitions": partitions},
    }
    return runs.start(catalog, dataset, gateway.base_url, commit_every_s=0.5, **more)


def parts(rows: int) -> int:
    """Partitions: the default in the long form, fewer in the slice."""
    return 16 if rows >= 200 else 4


async def audited(dataset: str, gateway: SandboxProcess, *names: str) -> Audit:
    found = await audit(open_store(dataset), bill_when_settled(gateway), names)
    assert found.broken == []
    return found


@pytest.mark.parametrize(
    ("count", "rows"),
    [(2, 60), pytest.param(2, 300, marks=pytest.mark.slow), pytest.param(4, 300, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("place", ["folder", pytest.param("s3", marks=pytest.mark.slow)])
async def test_runs_at_once_pay_for_each_row_once_and_say_that_they_wait(
    count: int,
    rows: int,
    place: str,
    runs: Nursery,
    gateway: SandboxProcess,
    catalog: WriteCatalog,
    tmp_path: Path,
    s3: S3Server,
    figures: Figures,
) -> None:
    rows = rows if place == "folder" or rows > 100 else 24
    environment = dict(s3.environment) if place == "s3" else {}
    dataset = f"s3://{s3.make_bucket(f'runs-{count}-{rows}')}/set" if place == "s3" else str(tmp_path / "ds")
    wanted = catalog(rows)
    with s3.as_environment():
        children = [
            start(runs, n, wanted, dataset, gateway, partitions=parts(rows), timing=AWAKE, environment=environment)
            for n in range(count)
        ]
        ends = [child.wait(300) for child in children]
        assert [end.code for end in ends] == [0] * count, "\n".join(child.log()[-1500:] for child in children)
        found = await audited(dataset, gateway, *(f"c/r{i}" for i in range(rows)))
    figures(f"{count} runs at once, {place}", **found.figures())
    assert found.billed == rows
    assert any("waiting" in child.log() for child in children)


@pytest.mark.parametrize("rows", [60, pytest.param(300, marks=pytest.mark.slow)])
async def test_two_catalogs_that_overlap_pay_for_what_they_share_once(
    rows: int, runs: Nursery, gateway: SandboxProcess, catalog: WriteCatalog, tmp_path: Path, figures: Figures
) -> None:
    third = rows // 3
    one, other = catalog(2 * third, "one.csv"), catalog(2 * third, "other.csv", first=third)
    dataset = str(tmp_path / "ds")
    children = [
        start(runs, n, each, dataset, gateway, partitions=parts(rows), timing=AWAKE)
        for n, each in enumerate((one, other))
    ]
    assert [child.wait(300).code for child in children] == [0, 0], "\n".join(c.log()[-1500:] for c in children)
    names = [f"one/r{i}" for i in range(2 * third)] + [f"other/r{i}" for i in range(third, 3 * third)]
    found = await audited(dataset, gateway, *names)
    figures("overlapping catalogs", **found.figures())
    assert found.billed == 3 * third


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (60, "folder"),
        pytest.param(300, "folder", marks=pytest.mark.slow),
        pytest.param(300, "s3", marks=pytest.mark.slow),
    ],
)
async def test_an_owner_that_sleeps_past_the_time_out_costs_at_most_its_calls_in_flight(
    rows: int,
    place: str,
    runs: Nursery,
    gateway: SandboxProcess,
    catalog: WriteCatalog,
    tmp_path: Path,
    s3: S3Server,
    figures: Figures,
) -> None:
    common: dict[str, Any] = {"partitions": parts(rows)}
    if place == "s3":
        common["environment"] = dict(s3.environment)
    dataset = f"s3://{s3.make_bucket(f'asleep-{rows}')}/set" if place == "s3" else str(tmp_path / "ds")
    wanted = catalog(rows)
    with s3.as_environment():
        sleeper = start(runs, 0, wanted, dataset, gateway, timing=HASTY, **common)
        until_charged(gateway, rows // 5)
        sleeper.signal(signal.SIGSTOP)
        asleep_at, in_flight = len(bill_when_settled(gateway)), await calls_open(dataset)
        other = start(runs, 1, wanted, dataset, gateway, timing=HASTY, **common)
        try:
            assert other.wait(300).code in (0, 3), other.log()[-3000:]
        finally:
            sleeper.signal(signal.SIGCONT)
        assert sleeper.wait(120).code in (0, 3), sleeper.log()[-3000:]
        last = start(runs, 2, wanted, dataset, gateway, **common)
        assert last.wait(120).code == 0, last.log()[-3000:]
        found = await audited(dataset, gateway, *(f"c/r{i}" for i in range(rows)))
    figures(f"an owner asleep, {place}", charged_before=asleep_at, in_flight=in_flight, **found.figures())
    assert asleep_at < rows, "it had nothing left to lose"
    assert found.billed <= rows + in_flight
    assert in_flight <= CONCURRENCY, "a call kept no place although its outcome was not on record"


async def calls_open(dataset: str) -> int:
    """Calls without an outcome on record: about to be made, at the gateway, or answered and about to be recorded."""
    store = open_store(dataset)
    folds = [fold async for _, fold in load_all(store, await open_dataset(store, create=False))]
    return sum(a.state == "open" for fold in folds for key in fold.keys.values() for a in key.attempts.values())


def until_charged(gateway: SandboxProcess, charges: int, timeout_s: float = 60) -> None:
    """Wait until the gateway has charged so many calls."""
    deadline = time.monotonic() + timeout_s
    while len(gateway.bill()["charges"]) < charges:
        assert time.monotonic() < deadline, "the run does not get going"
        time.sleep(0.02)


@pytest.mark.parametrize("rows", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_the_naive_control_pays_nearly_twice(
    rows: int, gateway: SandboxProcess, catalog: WriteCatalog, tmp_path: Path, figures: Figures
) -> None:
    wanted = catalog(rows)
    command = [sys.executable, "-m", "tests.faults.naive", str(wanted), str(tmp_path / "out"), gateway.base_url]
    children = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.close()
    assert [child.wait(120) for child in children] == [0, 0]
    billed = len(gateway.bill()["charges"])
    figures("2 naive runs at once", rows=rows, billed=billed)
    assert billed > rows * 5 / 3
