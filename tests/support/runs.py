"""Runs for tests: a catalog file, a dataset, a sandbox; without Prefect unless the test is about it."""

import csv
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from deployments.sandbox.process import SandboxProcess
from tasks.engine.options import RunOptions
from tasks.engine.running.execute import execute
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import Session, forget, new_session
from tasks.manifest.readers import read_manifest
from tasks.settings import at_address, read_settings
from tests.support.gateway import OwnGateway


def write_catalog(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """A CSV catalog with the columns that the rows name between them."""
    listed = list(rows)
    columns = list(dict.fromkeys(name for row in listed for name in row))
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        writer.writerows(listed)
    return path


def session_for(
    catalog: Path | str | Iterable[Path], dataset: Path | str, sandbox: SandboxProcess | OwnGateway, **options: Any
) -> Session:
    """A session against ``sandbox``, ready to be planned or executed."""
    catalogs = (str(catalog),) if isinstance(catalog, Path | str) else tuple(map(str, catalog))
    asked = RunOptions(catalogs=catalogs, dataset=str(dataset), provider="sandbox", **options)
    said: list[str] = []
    session = new_session(
        asked, at_address(read_settings("sandbox"), sandbox.base_url), str(uuid.uuid4()), say=said.append
    )
    session.pace = replace(session.pace, fetch_pause_s=0.05)
    return session


async def run(
    catalog: Path | str | Iterable[Path], dataset: Path | str, sandbox: SandboxProcess | OwnGateway, **options: Any
) -> RunResult:
    """Plan and execute one catalog, or several."""
    session = session_for(catalog, dataset, sandbox, **options)
    try:
        return await execute(session)
    finally:
        forget(session.run_id)


def current_rows(dataset: Path | str) -> list[dict[str, Any]]:
    """The current rows of the manifest's newest commit, as plain dicts."""
    table: pa.Table = read_manifest(dataset)
    return [row for row in table.to_pylist() if row["current"]]


def charged(sandbox: SandboxProcess, since: int = 0) -> list[dict[str, Any]]:
    """The charges on the gateway's bill after the first ``since``."""
    charges: list[dict[str, Any]] = sandbox.bill()["charges"]
    return charges[since:]


def charges_so_far(sandbox: SandboxProcess) -> int:
    """How many charges the bill has now."""
    return len(sandbox.bill()["charges"])
