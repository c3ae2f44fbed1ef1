"""Files that rows feed on: what is no picture is a problem of the catalog, before anything is spent."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.problems import InvalidCatalog
from tests.support.moto import S3Server
from tests.support.pictures import black_png, encode, half_white, png_chunk, scene, with_png_chunk
from tests.support.runs import charges_so_far, current_rows, run, write_catalog

SECRET = b"aws_secret_access_key = wJalrXUtnFEMI"


def edit(row_id: str, images: str, mask: str = "", model: str = "gpt-image-2") -> dict[str, str]:
    return {
        "id": row_id, "prompt": "in blue", "model": model, "operation": "edit", "images": images, "mask": mask,
    }  # fmt: skip


async def test_every_file_that_is_no_picture_is_listed_and_none_of_its_bytes_are_shown(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    whole = black_png(64, 64)
    files = {"fine.png": whole, "credentials": SECRET, "old.bmp": encode(scene(), "BMP"), "half.png": whole[:60]}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    rows = [
        edit("ok", "fine.png"), edit("text", "fine.png;credentials"), edit("bmp", "old.bmp"),
        edit("cut", "fine.png", mask="half.png"), edit("fed", "row:ok;old.bmp"),
    ]  # fmt: skip
    before = charges_so_far(sandbox)
    with pytest.raises(InvalidCatalog) as caught:
        await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    found = [(problem.row_number, problem.column) for problem in caught.value.problems]
    assert found == [(2, "images"), (3, "images"), (4, "mask"), (5, "images")]
    assert "old.bmp', no PNG, JPEG or WebP" in caught.value.lines[1]
    assert "wJalr" not in "".join(caught.value.lines)
    assert charges_so_far(sandbox) == before


async def test_a_mask_that_marks_nothing_is_the_rows_input_not_a_fault_of_ours(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    (tmp_path / "black.png").write_bytes(black_png(64, 64))
    rows = [edit("a", "black.png", mask="black.png")]
    await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    assert [row["outcome_reason"] for row in current_rows(tmp_path / "ds")] == ["input_unavailable"]


async def test_a_picture_in_a_format_that_the_model_refuses_is_sent_in_one_it_takes(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    original = encode(scene(64, 64), "JPEG")
    (tmp_path / "in.jpg").write_bytes(original)
    (tmp_path / "half.png").write_bytes(encode(half_white(64), "PNG"))
    rows = [edit("a", "in.jpg", model="dall-e-2"), edit("masked", "in.jpg", mask="half.png", model="dall-e-2")]
    result = await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    assert (result.succeeded, result.failed) == (2, 0)
    sha256 = hashlib.sha256(original).hexdigest()  # the key and the record are those of the file
    assert [row["input_sha256s"] for row in current_rows(tmp_path / "ds")] == [[sha256], [sha256]]


async def test_a_picture_that_the_model_takes_in_no_format_is_listed_before_anything_is_spent(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    (tmp_path / "wide.jpg").write_bytes(encode(scene(96, 64), "JPEG"))
    (tmp_path / "square.jpg").write_bytes(encode(scene(64, 64), "JPEG"))
    (tmp_path / "large.png").write_bytes(with_png_chunk(black_png(64, 64), png_chunk(b"teSt", bytes(4_000_000))))
    rows = [
        edit("wide", "wide.jpg", model="dall-e-2"), edit("large", "large.png", model="dall-e-2"),
        edit("square", "square.jpg", model="dall-e-2"), edit("elsewhere", "large.png"),
        edit("advised", "large.png", model="gpt-image-2-all"),
    ]  # fmt: skip
    before = charges_so_far(sandbox)
    with pytest.raises(InvalidCatalog) as caught:
        await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    assert [(problem.row_number, problem.column) for problem in caught.value.problems] == [(1, "images"), (2, "images")]
    assert "'wide.jpg', a picture of 96x64; dall-e-2 takes only square pictures" in caught.value.lines[0]
    assert "dall-e-2 takes pictures of at most 4,000,000 bytes" in caught.value.lines[1]
    assert charges_so_far(sandbox) == before


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("options", [{}, {"only": "failed", "again": True}])
async def test_every_input_that_is_not_there_or_cannot_be_read_is_listed_with_its_row(
    tmp_path: Path, sandbox: SandboxProcess, s3: S3Server, options: dict[str, Any]
) -> None:
    away = f"s3://{s3.make_bucket(f'inputs-{len(options)}')}/gone.png"
    (tmp_path / "bad.png").symlink_to("/proc/self/mem")  # a file that nobody can read from its beginning, not even root
    rows = [edit("a", away), edit("b", "bad.png"), edit("c", away, mask=away)]
    with s3.as_environment(), pytest.raises(InvalidCatalog) as caught:
        await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox, **options)
    found = [(problem.row_number, problem.column, problem.found) for problem in caught.value.problems]
    gone = "'gone.png', which is not there"
    assert found == [
        (1, "images", gone), (2, "images", "'bad.png', Input/output error"), (3, "images", gone), (3, "mask", gone),
    ]  # fmt: skip
