"""The recipes of docs/analytics.md, each run on a folder and on S3: the three tools give the same right answer."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import ROOT, SandboxProcess
from tasks.manifest.readers import read_manifest
from tests.support.moto import S3Server
from tests.support.runs import charged, run, write_catalog

PAGE = (ROOT / "docs" / "analytics.md").read_text(encoding="utf-8")
TOOLS = ("DuckDB", "Polars", "pandas")
STYLES = ("watercolor", "anime")


@pytest.fixture(scope="module")
def gateway() -> Iterator[SandboxProcess]:
    with SandboxProcess("--reader", "embedded", latency_scale=0) as running:
        yield running


def catalog(folder: Path) -> Path:
    """Sixteen pictures on two models: of two campaigns and none, three refused, some with garbled words."""
    rows = []
    for i in range(16):
        trouble = {
            3: " [[scenario:content_policy]]",
            5: " [[scenario:content_policy]]",
            8: " [[scenario:content_policy]]",
        }
        trouble |= dict.fromkeys((6, 10), " [[scenario:garbled_words]]")
        rows.append({
            "id": f"r{i}", "model": ("dall-e-2", "gpt-4o-image")[i % 2], "ocr": "true",
            "expected_text": f"SHOP NUMBER {i}",
            "prompt": f'a sign that says "SHOP NUMBER {i}"{trouble.get(i, "")}', "art_style": STYLES[i % 4 // 2],
            "tag:campaign": ("summer", "winter", "")[i % 3],
        })  # fmt: skip
    return write_catalog(folder / "c.csv", rows)


def answers(uri: str, commit: int) -> dict[tuple[str, str], Any]:
    """What each block leaves in ``answer``, by chapter and section; all blocks of the page share their names."""
    names: dict[str, Any] = {"URI": uri, "COMMIT": commit}
    found: dict[tuple[str, str], Any] = {}
    chapter = section = ""
    for heading, code in re.findall(r"^(#{2,3} [^\n]+)$|^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if heading.startswith("## "):
            chapter, section = heading[3:], ""
        elif heading:
            section = heading[4:]
        else:
            exec(compile(code, f"analytics.md: {chapter} {section}", "exec"), names)
            found[chapter, section] = names.get("answer")
    return found


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows with the empty tag, the missing one and the tool's own numbers made alike."""
    return [tuple(_plain(value) for value in row) for row in rows]


def _plain(value: Any) -> Any:
    if value is None or value == "" or value != value:
        return None
    return value if isinstance(value, str) else Decimal(str(value)).normalize()


def newest(uri: str) -> int:
    """The number of the newest commit."""
    number: int = read_manifest(uri)["manifest_commit"][0].as_py()
    return number


def check(uri: str, spent: Decimal, commit: int, pairs: int) -> None:
    found = answers(uri, commit)
    readers = found["Do two readers agree?", ""]
    assert (readers.pairs, readers.equal, readers.median_difference) == (pairs, pairs, 0.0)
    chapters = ("Spend per tag", "Refusals by template value", "The cheapest model that meets the accept rule")
    for chapter in chapters:
        first, *others = (plain(found[chapter, tool]) for tool in TOOLS)
        assert first
        assert all(other == first for other in others), chapter
    spend, refusals, models = (plain(found[chapter, "DuckDB"]) for chapter in chapters)
    assert sum(row[1] for row in spend) == spent
    assert {row[0] for row in spend} == {"summer", "winter", None}
    assert refusals == [("anime", 8, 1), ("watercolor", 8, 2)] or refusals == [("watercolor", 8, 2), ("anime", 8, 1)]
    rows = [row for row in read_manifest(uri).to_pylist() if row["cer"] is not None and row["cer"] <= 0.1]
    assert sum(row[1] for row in models) == len([row for row in rows if row["width_px"] >= 256])
    assert models[0][2] / models[0][1] <= models[1][2] / models[1][1]
    judged = found["Any rule, as the run judges it", ""]
    assert (judged.count(True), judged.count(None)) == (sum(row[1] for row in models), 3)
    cells = found["Near-duplicates, diversity, blank pictures, wrong sizes", ""]
    assert sum(cell.pictures for cell in cells) == 13


async def test_the_recipes_agree_with_each_other_and_with_the_bill_on_a_folder(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    gateway.reset()
    uri = str(tmp_path / "ds")
    await run(catalog(tmp_path), uri, gateway, ocr="local", rows=("r0", "r1"))
    before = newest(uri)
    await run(catalog(tmp_path), uri, gateway, ocr="gemini-2.5-pro")
    assert {row["ocr_model"] for row in read_manifest(uri).to_pylist() if row["ocr_text"]} == {"gemini-2.5-pro"}
    check(uri, Decimal(sum(charge["micros"] for charge in charged(gateway))) / 1_000_000, before, pairs=2)


async def test_the_recipes_agree_with_each_other_and_with_the_bill_on_s3(
    tmp_path: Path, gateway: SandboxProcess, s3: S3Server
) -> None:
    gateway.reset()
    bucket = s3.make_bucket("analytics")
    with s3.as_environment():
        uri = f"s3://{bucket}/sets/summer"
        await run(catalog(tmp_path), uri, gateway, ocr="gemini-2.5-pro")
        spent = Decimal(sum(charge["micros"] for charge in charged(gateway))) / 1_000_000
        check(uri, spent, newest(uri), pairs=13)
