"""The free local engine on the sandbox's pictures, Chinese and English: how far its text is from what was asked."""

import random
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from rapidocr import RapidOCR

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.execute import execute
from tasks.engine.running.session import forget
from tests.support.runs import charged, current_rows, run, session_for, write_catalog

ENGLISH = [
    "harbor",
    "market",
    "lantern",
    "bridge",
    "coffee",
    "winter",
    "garden",
    "museum",
    "station",
    "summer",
    "bakery",
    "window",
    "orchard",
    "river",
]
CHINESE = [
    "海边咖啡",
    "夏日市场",
    "山间书店",
    "灯塔旅馆",
    "春天花园",
    "城市夜景",
    "老街茶馆",
    "雪山车站",
    "清晨码头",
    "秋日果园",
]


def signs(count: int) -> list[dict[str, str]]:
    """Half of them Chinese, half English, all different, each with its number."""
    draw = random.Random(6)
    rows = []
    for i in range(count):
        number = draw.randrange(100, 1000)
        text = (
            f"{CHINESE[i // 2 % len(CHINESE)]}{number}"
            if i % 2
            else f"{' '.join(draw.sample(ENGLISH, 2)).title()} {number}"
        )
        prompt = f"一块招牌，上面写着“{text}”" if i % 2 else f'a shop sign that says "{text}"'
        rows.append({"id": f"s{i}", "prompt": prompt, "expected_text": text, "ocr": "true", "model": "dall-e-2"})
    return rows


async def error_rates(tmp_path: Path, count: int) -> list[float]:
    """The character error rates of all pictures; prints what was found."""
    with SandboxProcess(latency_scale=0) as sandbox:
        await run(write_catalog(tmp_path / "c.csv", signs(count)), tmp_path / "ds", sandbox)
    rows = current_rows(tmp_path / "ds")
    assert {row["ocr_model"] for row in rows} == {"local:rapidocr"}
    assert sum(row["ocr_cost_usd"] for row in rows) == 0
    rates = [row["cer"] for row in rows if row["cer"] is not None]
    assert len(rates) == count
    median = statistics.median(rates)
    chinese = statistics.median(row["cer"] for row in rows if "招牌" in row["prompt"])
    wrong = sum(rate > 0.1 for rate in rates)
    print(f"local OCR: {count} pictures, median CER {median:.3f} (Chinese {chinese:.3f}), {wrong} above 0.1")
    return rates


async def test_the_local_engine_reads_the_pictures_of_the_sandbox(tmp_path: Path) -> None:
    assert statistics.median(await error_rates(tmp_path, 4)) <= 0.05


@pytest.mark.slow
async def test_the_median_error_over_two_hundred_chinese_and_english_pictures_is_at_most_five_percent(
    tmp_path: Path,
) -> None:
    rates = await error_rates(tmp_path, 200)
    assert statistics.median(rates) <= 0.05
    assert sum(rate > 0.1 for rate in rates) <= 4


async def test_windows_and_edges_of_a_drawing_are_not_read_as_text(tmp_path: Path) -> None:
    row = {"prompt": 'a shop sign that says "Market Winter 337"', "expected_text": "Market Winter 337", "ocr": "true"}
    with SandboxProcess(latency_scale=0) as sandbox:
        await run(write_catalog(tmp_path / "c.csv", [{**row, "model": "dall-e-2"}]), tmp_path / "ds", sandbox)
    found = current_rows(tmp_path / "ds")[0]
    everything = RapidOCR(params={"Global.log_level": "error"})((tmp_path / "ds" / found["image_uri"]).read_bytes())
    assert "■" in everything.txts, "the picture no longer shows what this test is about"
    assert (found["ocr_text"], found["cer"]) == ("Market Winter 337", 0.0)


async def test_misspelt_words_are_seen_as_errors(tmp_path: Path) -> None:
    row = {
        "prompt": 'a sign that says "LANTERN MARKET 27" [[scenario:garbled_words]]',
        "model": "dall-e-2",
        "ocr": "true",
    }
    with SandboxProcess(latency_scale=0) as sandbox:
        catalog = write_catalog(tmp_path / "c.csv", [{**row, "expected_text": "LANTERN MARKET 27"}])
        result = await run(catalog, tmp_path / "ds", sandbox, accept="cer <= 0.1")
    assert current_rows(tmp_path / "ds")[0]["cer"] > 0.1
    assert result.acceptance is not None
    assert (result.acceptance.accepted, result.acceptance.rejected) == (0, 1)


async def test_a_row_that_shares_the_picture_of_another_is_read_in_the_same_run(tmp_path: Path) -> None:
    sign = {"id": "a", "prompt": 'a sign that says "OPEN"', "model": "dall-e-2"}
    catalogs = tuple(
        str(write_catalog(tmp_path / f"{name}.csv", [row]))
        for name, row in (("c1", sign), ("c2", {**sign, "ocr": "true"}), ("c3", {**sign, "ocr": "true"}))
    )
    with SandboxProcess(latency_scale=0) as sandbox:
        session = session_for(catalogs[0], tmp_path / "ds", sandbox)
        session.options = replace(session.options, catalogs=catalogs)
        result = await execute(session)
        forget(session.run_id)
        assert len(charged(sandbox)) == 1
    assert (result.succeeded, result.reused) == (3, 2)
    assert {row["catalog"]: row["ocr_text"] for row in current_rows(tmp_path / "ds")}["c2"] == "OPEN"


async def test_a_paid_reading_is_not_replaced_by_a_free_one(tmp_path: Path) -> None:
    sign = {"id": "a", "prompt": 'a sign that says "OPEN"', "model": "dall-e-2", "ocr": "true"}
    catalog = write_catalog(tmp_path / "c.csv", [sign])
    with SandboxProcess(latency_scale=0) as sandbox:
        await run(catalog, tmp_path / "ds", sandbox, ocr="gpt-4o")
        session = session_for(catalog, tmp_path / "ds", sandbox)
        await session.make_plan()
        assert session.nothing_to_do()
        forget(session.run_id)
