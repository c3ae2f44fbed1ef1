"""Plans of a very large catalog, CSV and Parquet, against a dataset that has all its rows; and the run after that."""

import argparse
import asyncio
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tasks.engine.options import RunOptions
from tasks.engine.running.session import Session, new_session
from tasks.settings import at_address, read_settings
from tests.benchmarks.catalogs import write_csv, write_parquet
from tests.benchmarks.finding import Finding
from tests.benchmarks.measuring import Meter, measured
from tests.faults.finished import build_finished

ROWS = 1_000_000
NOWHERE = "http://127.0.0.1:9/v1"  # a call would fail: none is made


def findings(folder: Path, *, scale: float = 1, only: str | None = None) -> Iterator[Finding]:
    """``only``: one of ``PARTS``; the dataset is built when it is not there yet."""
    rows = max(50, round(ROWS * scale))
    catalog, dataset = write_csv(folder / "night.csv", rows), folder / "full"
    if not (dataset / "manifest.parquet").exists():
        measured("planning", "build", catalog, dataset)
    for part in (only,) if only else PARTS:
        yield from PARTS[part](catalog, dataset, rows)


def _of_a_file(kind: str, catalog: Path, dataset: Path, rows: int) -> Iterator[Finding]:
    file = catalog if kind == "CSV" else write_parquet(catalog.with_suffix(".parquet"), rows)
    found = measured("planning", "plan", file, dataset)
    _check(found, rows)
    yield Finding(
        what=f"plan of {rows:,} rows, {kind}, against a full dataset: CPU", value=found["cpu_s"], unit="CPU-s",
        bar=60, goal=20, note=f"{1e6 * found['cpu_s'] / rows:.1f} µs a row, imports included",
    )  # fmt: skip
    yield Finding(what=f"the same, {kind}: peak memory", value=found["rss_mb"], unit="MB", bar=700)


def _into_nothing(catalog: Path, dataset: Path, rows: int) -> Iterator[Finding]:
    found = measured("planning", "plan", catalog, dataset.with_name("none"))
    yield Finding(
        what=f"plan of {rows:,} rows, CSV, into a new dataset: CPU", value=found["cpu_s"], unit="CPU-s",
        note=f"no bar is set for it; every row is written down twice; {found['rss_mb']:.0f} MB",
    )  # fmt: skip


def _again(catalog: Path, dataset: Path, rows: int) -> Iterator[Finding]:
    plan, again = (measured("planning", what, catalog, dataset) for what in ("plan", "run"))
    _check(again, rows)
    yield Finding(
        what=f"rerun of {rows:,} finished rows: CPU beyond the plan", value=again["cpu_s"] - plan["cpu_s"],
        unit="CPU-s", bar=10, goal=3, note=f"0 calls, {again['rss_mb']:.0f} MB",
    )  # fmt: skip


PARTS: dict[str, Callable[[Path, Path, int], Iterator[Finding]]] = {
    "csv": partial(_of_a_file, "CSV"), "parquet": partial(_of_a_file, "Parquet"), "new": _into_nothing,
    "rerun": _again,
}  # fmt: skip


def _check(found: dict[str, int], rows: int) -> None:
    if found["reused"] != rows:
        raise SystemExit(f"{found['reused']} of {rows} rows were recognised")


def _session(catalog: str, dataset: str) -> Session:
    options = RunOptions(catalogs=(catalog,), dataset=dataset, provider="sandbox", ocr="off")
    return new_session(options, at_address(read_settings("sandbox"), NOWHERE), str(uuid.uuid4()))


async def _plan(catalog: str, dataset: str) -> int:
    plan = await _session(catalog, dataset).make_plan()
    plan.discard()
    return plan.summary.reused


async def _rerun(catalog: str, dataset: str) -> int:
    session = _session(catalog, dataset)
    await session.make_plan()
    assert session.nothing_to_do()
    return (await session.idle()).reused


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("build", "plan", "run"))
    parser.add_argument("catalog")
    parser.add_argument("dataset")
    args = parser.parse_args()
    meter, reused = Meter(), 0
    if args.what == "build":
        target = Path(args.dataset)
        asyncio.run(build_finished(Path(args.catalog), target, target.with_name("spool")))
    else:
        reused = asyncio.run({"plan": _plan, "run": _rerun}[args.what](args.catalog, args.dataset))
    meter.report(reused=reused)
