"""Every run leaves a report, no run fails for it, and a rerun completes one that is missing."""

import json
import logging
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from deployments.cli.main import main
from deployments.sandbox.process import SandboxProcess
from tasks.begin import CannotStart
from tasks.engine.analysis.quality_table import quality_table
from tasks.engine.analysis.reporting import (
    NothingToReport,
    report_after_run,
    report_if_stale,
    write_report,
    write_usage_of,
)
from tasks.manifest.readers import read_manifest
from tasks.report.figures import money
from tasks.report.usage import Window
from tasks.report_usage import report_usage, spend_by_model
from tasks.storage.memory import MemoryStore
from tasks.storage.open import open_store
from tasks.storage.store import ObjectInfo
from tests.support.moto import S3Server
from tests.support.runs import run, write_catalog

ROWS = [{"id": f"d{i}", "prompt": f"door {i}", "model": "dall-e-2", "size": "256x256"} for i in range(3)]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return tmp_path / "ds"


async def test_a_run_leaves_a_gallery_a_usage_report_and_its_tables(
    tmp_path: Path, dataset: Path, sandbox: SandboxProcess
) -> None:
    result = await run(write_catalog(tmp_path / "c.csv", ROWS), dataset, sandbox)
    assert result.exit_code == 0
    page = (dataset / "report/index.html").read_text()
    assert '"outcomes":{"succeeded":3}' in page
    assert len(list((dataset / "report/thumbs").rglob("*.webp"))) == 3
    assert f"<b>{money(result.cost_micros / 1e6)}</b><span>known cost" in (dataset / "report/usage.html").read_text()
    assert (dataset / "report/usage/by_model.parquet").exists()


async def test_a_rerun_with_nothing_to_do_writes_only_a_report_that_is_missing(
    tmp_path: Path, dataset: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    await run(catalog, dataset, sandbox)
    page = dataset / "report/index.html"
    before = page.stat().st_mtime_ns
    await run(catalog, dataset, sandbox)
    assert page.stat().st_mtime_ns == before
    page.unlink()
    await run(catalog, dataset, sandbox)
    assert page.exists()


async def test_a_report_that_cannot_be_written_is_said_and_the_run_is_as_good(
    tmp_path: Path, dataset: Path, sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture
) -> None:
    dataset.mkdir()
    (dataset / "report").write_text("a file where the report's folder should be")
    with caplog.at_level(logging.WARNING, logger="printroom"):
        result = await run(write_catalog(tmp_path / "c.csv", ROWS), dataset, sandbox)
    assert result.exit_code == 0
    assert "the report could not be written" in caplog.text


class Faulty(MemoryStore):
    """A store in which writing meets a fault of our own."""

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        raise TypeError("a fault")


async def test_a_fault_of_our_own_in_the_report_is_logged_whole_and_fails_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, logger="printroom"):
        await report_after_run(Faulty("faulty"))
    assert "TypeError: a fault" in caplog.text


async def test_without_a_manifest_there_is_nothing_to_report(dataset: Path) -> None:
    with pytest.raises(NothingToReport, match="nothing has been committed"):
        await write_report(open_store(str(dataset)))
    await report_if_stale(open_store(str(dataset)))
    assert not dataset.exists()


async def test_on_s3_the_page_links_to_pictures_that_open_without_credentials(
    tmp_path: Path, sandbox: SandboxProcess, s3: S3Server
) -> None:
    bucket = s3.make_bucket("report")
    with s3.as_environment():
        await run(write_catalog(tmp_path / "c.csv", ROWS), f"s3://{bucket}/sets/night", sandbox)
    page = s3.client().get_object(Bucket=bucket, Key="sets/night/report/index.html")["Body"].read().decode()
    block = re.search(r'id="index">(.*?)</script>', page)
    assert block is not None
    links = json.loads(block.group(1))["columns"]["image_uri"]["v"]
    assert len(links) == 3
    with urllib.request.urlopen(links[0]) as reply:
        assert reply.read(4) == b"\x89PNG"


def test_the_command_line_says_where_the_pages_are_and_that_there_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--dataset", str(tmp_path / "none")]) == 2
    said = capsys.readouterr()
    assert "there is no dataset here yet" in said.err
    assert said.out == ""


async def test_several_datasets_are_measured_together_in_a_span_of_time(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    uris = [str(tmp_path / name) for name in ("one", "two")]
    for uri in uris:
        await run(catalog, uri, sandbox)
    to = open_store(str(tmp_path / "both"))
    usage = await write_usage_of(uris, to, Window())
    assert list(usage.by_dataset["results"]) == [3, 3]
    assert "Gallery" not in (await to.get("report/usage.html")).decode()
    assert [line["results"] for line in spend_by_model(usage)] == ["6"]
    past = Window(until=datetime(2020, 1, 1, tzinfo=UTC))
    assert (await write_usage_of(uris, to, past)).by_month.empty


async def test_an_accepted_picture_costs_in_the_report_what_the_run_said(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    rule = "width_px >= 512"
    rows = [*ROWS, {"id": "big", "prompt": "a gate", "model": "dall-e-2", "size": "512x512", "n": "2"}]
    catalog, uri = write_catalog(tmp_path / "c.csv", rows), str(tmp_path / "ds")
    said = (await run(catalog, uri, sandbox, accept=rule)).acceptance
    assert said is not None
    assert said.per_accepted_micros is not None
    words = f"<b>{money(said.per_accepted_micros / 1e6)}</b><span>per accepted picture: {escape(rule)}"
    assert words in (tmp_path / "ds/report/usage.html").read_text()
    usage = await write_usage_of([uri], open_store(uri), Window(), rule)
    assert list(usage.by_model["accepted"]) == [said.accepted] == [2]
    assert round(usage.by_model["cost_per_accepted_usd"][0] * 1e6) == said.per_accepted_micros
    assert words in (tmp_path / "ds/report/usage.html").read_text()


async def test_the_report_says_which_cells_repeat_themselves(tmp_path: Path, sandbox: SandboxProcess) -> None:
    styles = ("watercolor", "anime")
    rows = [{**row, "id": f"{at}{row['id']}", "art_style": styles[at], "take": str(1 + at)}
            for at in range(2) for row in ROWS]  # fmt: skip
    await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    table = pd.read_parquet(tmp_path / "ds/report/usage/quality.parquet").set_index(["cell", "value"])
    assert list(table["pictures"]) == [6, 3, 3]
    assert {value for cell, value in table.index if cell == "art_style"} == set(styles)
    assert table["diversity"].gt(0).all()
    assert "Quality by model and template value" in (tmp_path / "ds/report/usage.html").read_text()
    manifest = read_manifest(tmp_path / "ds")
    assert quality_table(manifest, 5) is None
    twice = quality_table(pa.concat_tables([manifest, manifest]), 20)
    assert twice is not None
    assert twice["near_duplicates"][0] >= 6


async def test_the_command_line_measures_several_datasets_in_a_span(
    tmp_path: Path, sandbox: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    for name in ("one", "two"):
        await run(catalog, str(tmp_path / name), sandbox)
    sets = ["--dataset", str(tmp_path / "one"), "--dataset", str(tmp_path / "two")]
    words = ["report", *sets, "--to", str(tmp_path / "both"), "--since", "2020-01-01", "--until", "2100-01-01"]
    with ThreadPoolExecutor(1) as thread:  # the command line has an event loop of its own
        assert thread.submit(main, words).result() == 0
        assert thread.submit(main, ["report", *sets]).result() == 2
        assert thread.submit(main, [*words, "--accept", "widht > 3"]).result() == 2
    assert "several datasets: --to" in capsys.readouterr().err
    kept = pd.read_parquet(tmp_path / "both/report/usage/by_dataset.parquet")
    assert sorted(kept["results"]) == [3, 3]


async def test_a_usage_report_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="nothing has been committed"):
        await report_usage.fn([str(tmp_path)], str(tmp_path), None, None)
