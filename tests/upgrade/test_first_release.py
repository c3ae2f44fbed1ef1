"""A dataset of the first release (999f31b) opens, verifies, resumes, reports and exports; an unknown layout does not.

``record.py`` wrote it, with the release's own command line; it is unpacked anew for every test.
"""

import json
import tarfile
import uuid
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from PIL import Image

from deployments.cli.main import main
from deployments.sandbox.process import SandboxProcess
from tasks.engine.options import RunOptions
from tasks.engine.running.execute import execute
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import forget, new_session
from tasks.engine.shared.pace import Pace
from tasks.journal.ports import Timing
from tasks.journal.spool import LocalSpool
from tasks.manifest.readers import read_manifest
from tasks.settings import at_address, read_settings
from tests.support.runs import charged, charges_so_far

KEPT = Path(__file__).parent / "first-999f31b.tar.gz"
ROW = Decimal("0.02")  # a small dall-e-2 picture
AFTER_THE_COMMIT = {"killed", "spooled"}  # their run died before it could commit what the journal has


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The dataset as the release left it, beside its catalogs; its spool where today's code looks for one."""
    with tarfile.open(KEPT) as packed:
        packed.extractall(tmp_path, filter="data")
    spool = tmp_path / "spool"
    monkeypatch.setenv("PRINTROOM_SPOOL", str(spool))
    [kept] = spool.iterdir()
    kept.rename(LocalSpool(str(tmp_path / "ds"), spool).directory)
    return tmp_path / "ds"


def rows(dataset: Path) -> list[dict[str, Any]]:
    return read_manifest(dataset).to_pylist()


def outcomes(dataset: Path) -> dict[str, set[str]]:
    """Outcome and reason by row id, of the rows that are current."""
    found: dict[str, set[str]] = {}
    for row in rows(dataset):
        if row["current"]:
            found.setdefault(row["outcome"], set()).add(row["row_id"])
    return found


@dataclass
class Evening:
    """Runs of the fixture's catalog by today's code, and what the gateway charged for each."""

    dataset: Path
    sandbox: SandboxProcess
    results: list[RunResult] = field(default_factory=list)

    async def run(self, **options: Any) -> Counter[str]:
        """One run; how often each row's prompt was charged."""
        before = charges_so_far(self.sandbox)
        asked = RunOptions(
            catalogs=(str(self.dataset.parent / "night.csv"),), dataset=str(self.dataset), provider="sandbox", **options
        )
        settings = at_address(read_settings("sandbox"), self.sandbox.base_url)
        session = new_session(asked, settings, str(uuid.uuid4()), say=lambda _: None)
        # the killed owner cannot be proven dead on another machine: it is waited for, here not two minutes
        session.pace = Pace(Timing(takeover_s=1.0, poll_s=0.1))
        try:
            self.results.append(await execute(session))
        finally:
            forget(session.run_id)
        return Counter(charge["model"] for charge in charged(self.sandbox, before))


def test_it_holds_every_outcome_and_what_a_crash_leaves(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcomes(dataset) == {
        "succeeded": {"plain", "pair", "edited", "sign", "rose", "chained", "asked", "read", "same"},
        "refused": {"refused"},
        "failed": {"invalid", "empty", "stumbled"},
        "unknown": {"cut"},
        "held": {"on-hold", "exhausted"},
        "pending": {"killed", "spooled", "left", "left-too"},
    }
    assert main(["status", "--dataset", str(dataset), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["in_flight"] == 2
    assert any("checkpoint" in path.read_text() for path in dataset.glob("journal/*/*.jsonl"))
    takes = {(row["row_id"], row["take"], row["current"]) for row in rows(dataset)}
    assert {("pair", 1, False), ("pair", 2, True), ("edited", 1, False), ("edited", 1, True)} <= takes


def test_it_verifies_and_its_manifest_comes_from_its_journal(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = read_manifest(dataset)
    assert main(["verify", "--dataset", str(dataset)]) == 0, capsys.readouterr().err
    assert main(["verify", "--dataset", str(dataset), "--rebuild-manifest"]) == 0
    now = read_manifest(dataset)
    same = [name for name in then.column_names if name not in ("manifest_commit", "schema_version")]
    assert same == [name for name in now.column_names if name in same], "a column is gone"

    def settled(table: Any) -> list[dict[str, Any]]:
        return [row for row in table.select(same).to_pylist() if row["row_id"] not in AFTER_THE_COMMIT]

    assert settled(now) == settled(then)


async def test_a_rerun_pays_for_what_is_left_and_for_nothing_else(dataset: Path, sandbox: SandboxProcess) -> None:
    evening = Evening(dataset, sandbox)
    then = {(r["row_id"], r["take"], r["sample_index"], r["prompt"]): r for r in rows(dataset)}
    # stumbled, cut, killed, left, left-too; not spooled, whose answer is at hand, nor invalid, refused for nothing
    assert await evening.run() == {"dall-e-2": 5}
    left = outcomes(dataset)
    assert {name: left[name] for name in left if name != "succeeded"} == {
        "refused": {"refused"}, "failed": {"invalid", "empty"}, "held": {"on-hold", "exhausted"},
    }  # fmt: skip
    assert evening.results[0].exit_code == 3
    assert await evening.run(only="held") == {"dall-e-2": 2}
    assert await evening.run(rows=("on-hold", "left")) == {}
    now = {(r["row_id"], r["take"], r["sample_index"], r["prompt"]): r for r in rows(dataset)}
    assert now.keys() == then.keys(), "a row vanished, or one came"
    for key, row in then.items():
        if row["outcome"] == "succeeded":
            kept = ("result_key", "cost_usd", "sha256", "image_uri", "ocr_text", "answer_text", "run_id", "reused")
            assert {name: now[key][name] for name in kept} == {name: row[name] for name in kept}
    assert {now[key]["sha256"] for key in now if key[0] == "spooled"} != {None}
    assert now["spooled", 1, 0, then_prompt(then, "spooled")]["cost_usd"] == ROW


def then_prompt(then: dict[tuple[str, int, int, str], dict[str, Any]], row_id: str) -> str:
    [prompt] = {key[3] for key in then if key[0] == row_id}
    return prompt


def test_it_is_reported_and_exported(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--dataset", str(dataset)]) == 0
    page = (dataset / "report" / "index.html").read_text(encoding="utf-8")
    assert all(word in page for word in ("a hill at dawn", "一扇蓝色的门", "attempts_exhausted"))
    to = tmp_path / "out"
    assert main(["export", "--dataset", str(dataset), "--format", "imagefolder", "--to", str(to)]) == 0
    pictures = sorted(to.rglob("*.png"))
    assert len(pictures) == sum(row["outcome"] == "succeeded" and row["image_uri"] is not None and row["current"]
                                for row in rows(dataset))  # fmt: skip
    assert {Image.open(path).size for path in pictures} == {(256, 256)}
    capsys.readouterr()
    read = pd.read_parquet(dataset / "manifest.parquet")
    [(count, cost)] = duckdb.sql(
        f"select count(*), sum(cost_usd + coalesce(ocr_cost_usd, 0)) from '{dataset}/manifest.parquet'"
    ).fetchall()
    assert (count, cost) == (len(read), sum(row["cost_usd"] or 0 for row in rows(dataset)))


@pytest.mark.parametrize(("layout", "words"), [(0, "older layout 0"), (2, "layout 2")])
@pytest.mark.parametrize("verb", ["plan", "run", "status", "verify", "report", "export"])
def test_a_layout_that_is_not_known_is_refused_in_one_line_by_every_verb(
    verb: str, layout: int, words: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = dataset / "dataset.json"
    named.write_text(json.dumps({**json.loads(named.read_text()), "layout": layout}))
    before = {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    more = {
        "plan": [str(tmp_path / "night.csv"), "--provider", "sandbox"],
        "run": [str(tmp_path / "night.csv"), "--provider", "sandbox", "--yes"],
        "export": ["--format", "csv", "--to", str(tmp_path / "out")],
    }
    assert main([verb, *more.get(verb, []), "--dataset", str(dataset)]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert {path: path.read_bytes() for path in dataset.rglob("*") if path.is_file()} == before
