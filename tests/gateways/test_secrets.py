"""Keys, signatures, markup and control text planted everywhere: they are found where they belong and nowhere else."""

import asyncio
import csv
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from deployments.cli.main import main
from tasks.engine.options import RunOptions
from tasks.engine.running.execute import execute
from tasks.engine.running.session import forget, new_session
from tasks.engine.showing.digest import summary_markdown
from tasks.engine.showing.showcase import showcase
from tasks.settings import read_settings
from tests.gateways.echoing import API_KEY, CONTROL, LINK, MARKUP, S3_SECRET, SIGNATURE, echoing, hostile_rows
from tests.support.prefect_server import ROOT, prefect_server
from tests.support.runs import current_rows, write_catalog
from tests.support.team import new_block

# Full URLs are needed to fetch what was paid for: they stand in the journal, and nowhere else.
MAY_HOLD_URLS = "journal"


def spellings(secret: str) -> tuple[bytes, ...]:
    return secret.encode(), secret.encode("utf-16-le"), secret.lower().encode()


def files_with(folder: Path, secret: str, *, skip: str = "") -> list[str]:
    """Files below a folder whose bytes, or Parquet values, hold the secret."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += str(pq.read_table(path).to_pylist()).encode()
        if any(form in data for form in spellings(secret)) and not (skip and name.startswith(skip)):
            found.append(name)
    return found


def csv_cells(folder: Path) -> list[str]:
    """Every cell of every CSV below a folder, as a spreadsheet would take it; numbers left out."""
    cells = [
        cell for path in folder.rglob("*.csv") for row in csv.reader(path.open(encoding="utf-8-sig")) for cell in row
    ]
    assert cells, "no table was looked at"
    return [cell for cell in cells if not re.fullmatch(r"-?[0-9.]*", cell)]


def lines_with(lines: Iterable[str], *secrets: str) -> list[str]:
    return [line for line in lines if any(secret in line for secret in secrets)]


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINTROOM_API_KEY", API_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_SECRET)
    monkeypatch.setenv("PRINTROOM_ALLOW_HOSTS", "127.0.0.1")


@pytest.mark.usefixtures("canaries")
async def test_a_run_through_every_failure_leaves_no_secret_in_files_logs_and_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    catalog = write_catalog(tmp_path / "c.csv", hostile_rows())
    async with echoing() as address:
        monkeypatch.setenv("PRINTROOM_BASE_URL", address)
        options = RunOptions(catalogs=(str(catalog),), dataset=str(tmp_path / "ds"), provider="apiyi")
        session = new_session(options, read_settings("apiyi"), "run-1", say=said.append)
        try:
            result = await execute(session)
            digest = summary_markdown(session, result, await showcase(session.store, "run-1", {"c"}))
            logging.getLogger("some.library").warning("key %s of %s", API_KEY, f"https://x/?sig={SIGNATURE}")
        finally:
            forget("run-1")
    assert (result.rows, result.succeeded) == (9, 2)
    assert files_with(tmp_path / "ds", API_KEY) == []
    assert files_with(tmp_path / "ds", S3_SECRET) == []
    assert files_with(tmp_path / "ds", SIGNATURE, skip=MAY_HOLD_URLS) == []
    spoken = [*said, *caplog.text.splitlines(), digest, str(result)]
    assert lines_with(spoken, API_KEY, S3_SECRET, SIGNATURE) == []
    assert any("some.library" in line for line in caplog.text.splitlines()), "the log was not looked at"
    active = re.sub(r"`[^`]*`", "", digest)  # in code spans, markup is text
    assert lines_with([active], MARKUP, LINK) == []
    assert [name for name in files_with(tmp_path / "ds" / "report", MARKUP) if name.endswith(".html")] == []
    assert [cell for cell in csv_cells(tmp_path / "ds" / "report") if cell[:1] in "=+-@\t\r" and cell] == []
    assert all(row["prompt"].endswith(LINK) for row in current_rows(tmp_path / "ds")), "data is kept as it is"


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """The negative control: a file in the journal holds the signature, one in the open holds the key."""
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "1.jsonl").write_text(SIGNATURE)
    (tmp_path / "open.txt").write_text(f"x{API_KEY}x")
    assert files_with(tmp_path, SIGNATURE) == ["journal/1.jsonl"]
    assert files_with(tmp_path, API_KEY) == ["open.txt"]
    assert lines_with([f"a {API_KEY}", "b"], API_KEY) == [f"a {API_KEY}"]


@pytest.mark.usefixtures("canaries")
async def test_a_stopped_run_does_not_say_the_key_that_was_rejected(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    catalog = write_catalog(tmp_path / "c.csv", hostile_rows(("stopped",)))
    async with echoing() as address:
        monkeypatch.setenv("PRINTROOM_BASE_URL", address)
        options = RunOptions(catalogs=(str(catalog),), dataset=str(tmp_path / "ds"), provider="apiyi")
        session = new_session(options, read_settings("apiyi"), "run-2", say=lambda _: None)
        try:
            result = await execute(session)
        finally:
            forget("run-2")
    assert (result.exit_code, result.message != "") == (5, True)
    assert lines_with([result.message, *caplog.text.splitlines()], API_KEY, SIGNATURE) == []
    assert files_with(tmp_path / "ds", API_KEY) == []


def test_a_signed_url_in_a_wrong_cell_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "a", "operation": "edit", "model": "gpt-image-1", "prompt": f"x {CONTROL}",
             "images": f"ftp://host/a.png?X-Amz-Signature={SIGNATURE}"}]  # fmt: skip
    catalog = write_catalog(tmp_path / "c.csv", rows)
    assert main(["plan", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox", "--json"]) == 2
    shown = capsys.readouterr()
    assert "ftp://host" in shown.err
    assert lines_with([shown.out, shown.err], SIGNATURE, "\x1b", "\u202e") == []


@pytest.mark.usefixtures("canaries")
def test_an_error_that_ends_a_run_is_told_without_its_secrets(tmp_path: Path) -> None:
    from tasks.engine.running.guarding import redacted_errors
    from tasks.protocols.redact import Redactor

    def fail() -> None:
        try:
            raise ConnectionError(f"GET https://bucket/x?X-Amz-Signature={SIGNATURE}")
        except ConnectionError as error:
            raise RuntimeError(f"with {API_KEY}") from error

    with pytest.raises(RuntimeError, match="with") as caught, redacted_errors(Redactor([API_KEY])):
        fail()
    assert lines_with([str(caught.value), str(caught.value.__cause__)], API_KEY, SIGNATURE) == []


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.parametrize("planted", ["environment", "block"])
async def test_prefect_is_told_no_secret(planted: str, tmp_path: Path) -> None:
    """The command as a user calls it, against a real server: its database, what was printed, and the dataset."""
    catalog = write_catalog(tmp_path / "c.csv", hostile_rows((*("picture", "refused", "html"), "stopped")))
    (tmp_path / "prefect").mkdir()
    keys = {"environment": {"PRINTROOM_API_KEY": API_KEY}, "block": {"PRINTROOM_API_KEY_BLOCK": "the-key"}}
    with prefect_server(tmp_path / "prefect") as server:
        new_block(server, "secret", "the-key", {"value": API_KEY if planted == "block" else "sk-none"})
        async with echoing() as address:
            environment = {
                **os.environ, **server.environment, "PYTHONPATH": str(ROOT), **keys[planted],
                "AWS_SECRET_ACCESS_KEY": S3_SECRET, "PRINTROOM_BASE_URL": address, "PRINTROOM_ALLOW_HOSTS": "127.0.0.1",
                "PREFECT_LOGGING_LEVEL": "DEBUG",
            }  # fmt: skip
            command = [sys.executable, "-m", "deployments.cli.main", "run", str(catalog), "--dataset",
                       str(tmp_path / "ds"), "--provider", "apiyi", "--yes", "--json"]  # fmt: skip
            done = await asyncio.to_thread(
                subprocess.run,
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
    assert done.returncode == 5, done.stderr
    assert lines_with([done.stdout, done.stderr], API_KEY, S3_SECRET, SIGNATURE, "\x1b") == []
    for secret in (API_KEY, S3_SECRET, SIGNATURE):
        assert files_with(tmp_path / "prefect", secret) == []
    assert files_with(tmp_path / "prefect", "generate_dataset") != [], "the database was not looked at"
    assert files_with(tmp_path / "ds", API_KEY) == []
