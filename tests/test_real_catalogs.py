"""Catalogs as they are: the quickstart to the micro-dollar, and 1,632 prompts that nobody here wrote."""

import csv
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.moto import S3Server
from tests.support.runs import charged, charges_so_far, current_rows, run

ROOT = Path(__file__).parents[1]
QUICKSTART = ROOT / "catalogs" / "quickstart.csv"
PARTI = Path(os.environ.get("PRINTROOM_PARTI") or ROOT.parent / "shared" / "data" / "PartiPrompts.tsv")


async def test_every_row_of_the_quickstart_has_its_outcome_and_costs_what_the_bill_says(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    before = charges_so_far(sandbox)
    result = await run(QUICKSTART, tmp_path / "ds", sandbox, ocr="off")
    with QUICKSTART.open(encoding="utf-8") as file:
        asked = [row["id"] for row in csv.DictReader(file)]
    rows = current_rows(tmp_path / "ds")
    assert sorted(row["row_id"] for row in rows) == sorted(asked)
    assert {row["outcome"] for row in rows} == {"succeeded"}
    bill = sum(charge["micros"] for charge in charged(sandbox, before))
    assert result.cost_micros == bill
    assert sum(row["cost_usd"] for row in rows) == Decimal(bill) / 1_000_000


def parti_prompts() -> list[dict[str, str]]:
    """The file read without any idea of quoting: a quote mark is a character of the prompt."""
    lines = PARTI.read_text(encoding="utf-8").splitlines()
    header = lines[0].split("\t")
    return [dict(zip(header, line.split("\t"), strict=False)) for line in lines[1:]]


@pytest.mark.slow
@pytest.mark.skipif(not PARTI.exists(), reason=f"needs PartiPrompts.tsv (google-research/parti) at {PARTI}")
@pytest.mark.parametrize("place", ["local", "s3"])
async def test_the_parti_prompts_arrive_whole_with_their_columns_as_tags(
    place: str, tmp_path: Path, sandbox: SandboxProcess, s3: S3Server
) -> None:
    before = charges_so_far(sandbox)
    with s3.as_environment():
        dataset = str(tmp_path / "ds") if place == "local" else f"s3://{s3.make_bucket('parti')}/prompts"
        result = await run(PARTI, dataset, sandbox, model="dall-e-3", concurrency=32)
        rows = current_rows(dataset)
    asked = parti_prompts()
    assert Counter(row["prompt"] for row in rows) == Counter(row["Prompt"] for row in asked)
    for row in rows:
        tags, wanted = dict(row["tags"]), asked[row["row_number"] - 1]
        assert {name: tags[name] for name in ("Category", "Challenge")} == {
            name: wanted[name] for name in ("Category", "Challenge")
        }
        assert row["image_uri"]
    bill = sum(charge["micros"] for charge in charged(sandbox, before))
    assert (result.succeeded, result.cost_micros) == (len(asked), bill)
    print(f"{place}: {len(asked):,} rows, paid phase {result.paid_phase_s:.1f} s, bill ${bill / 1e6:.2f}")
