"""The main job, end to end, without Prefect: a catalog becomes a dataset; a rerun buys nothing; growth buys growth."""

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.moto import S3Server
from tests.support.runs import charged, charges_so_far, current_rows, run, write_catalog

QUICKSTART = Path(__file__).parents[1] / "catalogs" / "quickstart.csv"
VASE = str(QUICKSTART.parent / "quickstart" / "vase.png")
MASK = str(QUICKSTART.parent / "quickstart" / "vase-mask.png")
BRUSH = str(QUICKSTART.parent / "quickstart" / "brush.png")

GENERATE = [
    {"id": "sora", "model": "sora_image", "prompt": "海边的猫", "ratio": "2:3"},
    {"id": "4o", "model": "gpt-4o-image", "prompt": "a cat by the sea", "size": "1024x1792"},
    {"id": "d2", "model": "dall-e-2", "prompt": "a cat by the sea", "size": "256x256", "n": "2"},
    {"id": "d3", "model": "dall-e-3", "prompt": "a cat by the sea", "size": "1792x1024", "quality": "hd"},
    {"id": "fluxpro", "model": "flux-pro-v1.1", "prompt": "a cat by the sea", "ratio": "16:9", "seed": "7"},
    {"id": "fluxmax", "model": "flux-kontext-max", "prompt": "a cat by the sea", "ratio": "1:1"},
    {"id": "gpt1", "model": "gpt-image-1", "prompt": "a cat by the sea", "size": "1024x1536", "quality": "low"},
]
EDIT = [
    {"id": "e-sora", "operation": "edit", "model": "sora_image", "prompt": "as a watercolour", "images": VASE},
    {"id": "e-4o", "operation": "edit", "model": "gpt-4o-image", "prompt": "as a watercolour", "images": VASE},
    {"id": "e-d2", "operation": "edit", "model": "dall-e-2", "prompt": "a rose", "images": VASE, "mask": MASK},
    {"id": "e-max", "operation": "edit", "model": "flux-kontext-max", "prompt": "at night", "images": VASE},
    {"id": "e-gpt1", "operation": "edit", "model": "gpt-image-1", "prompt": "at night", "images": VASE, "mask": MASK},
    {"id": "fusion", "operation": "edit", "model": "sora_image", "prompt": "merge", "images": f"{VASE};{BRUSH}"},
    {"id": "chained", "operation": "edit", "model": "flux-kontext-max", "prompt": "in winter", "images": "row:d3"},
]
VISION = [
    {"id": f"{task}-{model}", "operation": "vision", "model": model, "vision": task,
     "prompt": "What is on the table?" if task == "ask" else "",
     "images": f"{VASE};{BRUSH}" if task == "compare" else VASE}
    for task in ("ocr", "describe", "compare", "ask")
    for model in ("gpt-4o", "gemini-2.5-pro", "claude-3-5-sonnet")
]  # fmt: skip


@pytest.mark.parametrize("rows", [GENERATE, [*EDIT, GENERATE[3]], VISION], ids=["generate", "edit", "vision"])
async def test_every_family_and_operation_of_the_seeds_succeeds_at_the_price_on_the_bill(
    rows: list[dict[str, str]], tmp_path: Path, sandbox: SandboxProcess
) -> None:
    before = charges_so_far(sandbox)
    catalog = write_catalog(tmp_path / "families.csv", rows)
    result = await run(catalog, tmp_path / "ds", sandbox)
    made = current_rows(tmp_path / "ds")
    assert {row["row_id"]: row["outcome"] for row in made} == {row["id"]: "succeeded" for row in rows}
    bill = sum(charge["micros"] for charge in charged(sandbox, before))
    assert sum(row["cost_usd"] for row in made) == Decimal(bill) / 1_000_000
    assert result.cost_micros == bill
    assert result.exit_code == 0


async def test_every_picture_is_stored_as_its_original_bytes_under_their_hash(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    await run(write_catalog(tmp_path / "c.csv", GENERATE), tmp_path / "ds", sandbox)
    for row in current_rows(tmp_path / "ds"):
        data = (tmp_path / "ds" / row["image_uri"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert len(data) == row["size_bytes"]


async def test_a_second_run_of_the_same_catalog_pays_nothing_and_says_reused(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [*GENERATE, *EDIT])
    first = await run(catalog, tmp_path / "ds", sandbox)
    assert (first.reused, first.succeeded) == (0, first.rows)
    before = charges_so_far(sandbox)
    second = await run(catalog, tmp_path / "ds", sandbox)
    assert charged(sandbox, before) == []
    assert (second.reused, second.cost_micros) == (first.rows, 0)


async def test_a_catalog_that_grows_by_ten_rows_pays_for_ten(tmp_path: Path, sandbox: SandboxProcess) -> None:
    rows = [{"prompt": f"lighthouse number {i}", "model": "sora_image"} for i in range(30)]
    catalog = write_catalog(tmp_path / "c.csv", rows[:20])
    await run(catalog, tmp_path / "ds", sandbox, rpm={"sora_image": 100_000})
    before = charges_so_far(sandbox)
    grown = write_catalog(tmp_path / "c.csv", [*rows[20:25], *rows[:20], *rows[25:]])
    result = await run(grown, tmp_path / "ds", sandbox, rpm={"sora_image": 100_000})
    assert len(charged(sandbox, before)) == 10
    assert (result.rows, result.reused, result.succeeded) == (30, 20, 30)


async def test_an_edited_prompt_adds_a_row_and_the_old_one_is_no_longer_current(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill", "model": "dall-e-2"}])
    await run(catalog, tmp_path / "ds", sandbox)
    write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill at dawn", "model": "dall-e-2"}])
    await run(catalog, tmp_path / "ds", sandbox)
    from tasks.manifest.readers import read_manifest

    rows = {row["prompt"]: row["current"] for row in read_manifest(tmp_path / "ds").to_pylist()}
    assert rows == {"a hill": False, "a hill at dawn": True}


async def test_asking_twice_for_the_same_picture_gives_two_and_another_catalog_reuses_them(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    twice = [{"prompt": "a red door", "model": "dall-e-2"}] * 2
    before = charges_so_far(sandbox)
    await run(write_catalog(tmp_path / "one.csv", twice), tmp_path / "ds", sandbox)
    assert len(charged(sandbox, before)) == 2
    await run(write_catalog(tmp_path / "two.csv", twice), tmp_path / "ds", sandbox)
    assert len(charged(sandbox, before)) == 2
    other = [row for row in current_rows(tmp_path / "ds") if row["catalog"] == "two"]
    assert [(row["reused"], row["cost_usd"]) for row in other] == [(True, Decimal(0))] * 2


async def test_again_buys_another_picture_and_the_next_plain_run_keeps_it(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": i, "prompt": f"door {i}", "model": "dall-e-2"} for i in "ab"])
    await run(catalog, tmp_path / "ds", sandbox)
    before = charges_so_far(sandbox)
    await run(catalog, tmp_path / "ds", sandbox, again=True, rows=("a",))
    assert len(charged(sandbox, before)) == 1
    await run(catalog, tmp_path / "ds", sandbox)
    assert len(charged(sandbox, before)) == 1
    assert {(row["row_id"], row["take"]) for row in current_rows(tmp_path / "ds")} == {("a", 2), ("b", 1)}


async def test_on_s3_images_manifest_and_journal_are_there_and_readers_agree(
    tmp_path: Path, sandbox: SandboxProcess, s3: S3Server
) -> None:
    bucket = s3.make_bucket("main-job")
    with s3.as_environment():
        uri = f"s3://{bucket}/sets/night"
        result = await run(write_catalog(tmp_path / "c.csv", GENERATE), uri, sandbox)
        assert result.exit_code == 0
        keys = [item["Key"] for item in s3.client().list_objects_v2(Bucket=bucket)["Contents"]]
        for part in ("images/", "journal/", "manifest/parts/", "manifest/commits/", "manifest.parquet", "dataset.json"):
            assert any(key.startswith(f"sets/night/{part}") for key in keys), part
        body = s3.client().get_object(Bucket=bucket, Key="sets/night/manifest.parquet")["Body"].read()
    import io

    import duckdb
    import pandas as pd
    import polars as pl

    local = tmp_path / "manifest.parquet"
    local.write_bytes(body)
    assert len(pd.read_parquet(io.BytesIO(body))) == len(pl.read_parquet(io.BytesIO(body))) == result.rows
    assert duckdb.sql(f"select count(*), sum(cost_usd) from '{local}'").fetchall()[0][0] == result.rows
