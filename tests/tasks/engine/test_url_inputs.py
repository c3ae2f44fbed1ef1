"""Rows whose input lies behind a URL: it is fetched at run time, and the row stands in the manifest once."""

import random
from pathlib import Path

from PIL import Image

from deployments.sandbox.process import SandboxProcess
from tests.gateways.looking import calls_of
from tests.support.gateway import images, own_gateway
from tests.support.pictures import black_png, encode, scene
from tests.support.runs import current_rows, run, write_catalog
from tests.support.scripted import reply, scripted


def edit(row_id: str, url: str) -> dict[str, str]:
    return {"id": row_id, "prompt": "in blue", "model": "dall-e-2", "operation": "edit", "images": url}


async def test_a_row_with_a_url_is_one_result_whether_the_picture_comes_or_not(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    answers = {"/in.png": reply(black_png(64, 64)), "/none.png": reply(status="404 Not Found")}
    async with scripted(answers) as server:
        rows = [edit("there", server.url("/in.png")), edit("gone", server.url("/none.png"))]
        catalog, dataset = write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds"
        for reused in (0, 1):
            result = await run(catalog, dataset, sandbox)
            assert (result.rows, result.succeeded, result.failed, result.reused) == (2, 1, 1, reused)
            found = {row["row_id"]: row["outcome_reason"] for row in current_rows(dataset)}
            assert found == {"there": None, "gone": "input_unavailable"}
            assert len(current_rows(dataset)) == 2
        answers["/none.png"] = answers["/in.png"]  # another URL, the same picture: what was bought with it is reused
        result = await run(catalog, dataset, sandbox)
        assert (result.rows, result.succeeded, result.reused) == (2, 2, 2)
        assert sorted(row["row_id"] for row in current_rows(dataset)) == ["gone", "there"]


async def test_one_picture_by_path_and_by_url_is_edited_once(tmp_path: Path) -> None:
    data, dataset = black_png(64, 64), tmp_path / "ds"
    (tmp_path / "in.png").write_bytes(data)
    async with (
        scripted({"/in.png": reply(data)}) as server,
        own_gateway(lambda gateway, _: images(gateway.picture()), pause_s=0.1) as gateway,
    ):
        catalog = write_catalog(tmp_path / "c.csv", [edit("path", "in.png"), edit("url", server.url("/in.png"))])
        result = await run(catalog, dataset, gateway)
        assert (result.succeeded, len(gateway.posts), len(calls_of(dataset))) == (2, 1, 1)
    assert result.cost_micros == sum(row["cost_usd"] for row in current_rows(dataset)) * 1_000_000


async def test_a_picture_from_a_url_that_the_model_takes_in_no_way_is_not_sent(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    noise = Image.frombytes("RGB", (1280, 1280), random.Random(1).randbytes(3 * 1280 * 1280))
    answers = {"/wide.jpg": reply(encode(scene(96, 64), "JPEG")), "/noise.jpg": reply(encode(noise, "JPEG"))}
    async with scripted(answers) as server:
        rows = [edit("wide", server.url("/wide.jpg")), edit("noise", server.url("/noise.jpg"))]  # too large as a PNG
        result = await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    assert result.failed == 2
    found = [(row["outcome_reason"], row["attempts"]) for row in current_rows(tmp_path / "ds")]
    assert found == [("invalid_request", 0), ("invalid_request", 0)]


async def test_a_limit_counts_what_is_bought_not_what_has_no_input(tmp_path: Path, sandbox: SandboxProcess) -> None:
    none = {f"/none{i}.png": reply(status="404 Not Found") for i in range(3)}
    async with scripted({"/in.png": reply(black_png(64, 64)), **none}) as server:
        rows = [edit(f"gone{i}", server.url(f"/none{i}.png")) for i in range(3)]
        rows += [edit("there", server.url("/in.png")), edit("later", server.url("/in.png#later"))]
        catalog = write_catalog(tmp_path / "c.csv", rows)
        result = await run(catalog, tmp_path / "ds", sandbox, limit=1)
    assert (result.succeeded, result.failed, result.pending) == (1, 3, 1)
