"""Bad downloads: asked for again while the URL lives, never bought again, and no trouble of the other rows."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.planning.table import ModelTable
from tasks.engine.running.execute import execute
from tasks.engine.running.session import forget
from tasks.engine.showing.digest import summary_markdown
from tasks.engine.showing.showcase import showcase
from tasks.settings import read_settings
from tests.gateways.looking import assert_books_agree, posts, row_meeting
from tests.support.gateway import OwnGateway, Post, images, own_gateway, said
from tests.support.runs import charged, current_rows, run, session_for, write_catalog

# what comes at first, and the right picture then
PASSING = ("file_html@1", "file_json@1", "file_truncated@1", "file_svg@1", "file_empty@1", "file_500@1", "file_reset@1",
           "file_404@1", "file_trailing", "file_wrong_type", "file_redirect")  # fmt: skip
SLOW = pytest.mark.slow  # each waits for a download's patience
LASTING = ("file_html", "file_truncated", "file_svg", "file_bomb", "file_huge", "file_gzip", "file_redirect_private")


async def test_a_bad_download_is_fetched_again_and_bought_once(tmp_path: Path, gateway: SandboxProcess) -> None:
    rows = [row_meeting(spelling) for spelling in PASSING]
    result = await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, concurrency=16)
    assert (result.succeeded, result.exit_code) == (len(PASSING), 0)
    assert len(posts(gateway)) == len(charged(gateway)) == len(PASSING)


async def test_pictures_are_stored_as_what_their_bytes_are_and_their_size_is_measured(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    names = ("jpeg_named_png", "wrong_size", "blank_picture")
    rows = [row_meeting(name, size="1024x1024") for name in names]
    await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    made = {row["row_id"]: row for row in current_rows(tmp_path / "ds")}
    assert (made["jpeg_named_png"]["format"], made["jpeg_named_png"]["image_uri"][-4:]) == ("jpeg", ".jpg")
    assert (made["wrong_size"]["width_px"], made["wrong_size"]["size_as_requested"]) == (1254, False)
    assert made["blank_picture"]["size_as_requested"]


async def test_the_summary_points_at_pictures_that_succeeded_and_deserve_a_look(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    rows = [row_meeting(name, size="1024x1024") for name in ("wrong_size", "blank_picture")]
    rows.append({**rows[0], "id": "good", "prompt": "a lake"})
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    try:
        result = await execute(session)
        session.services.progress.least_spare_s = 2.5
        text = summary_markdown(session, result, await showcase(session.store, session.run_id, {"c"}))
    finally:
        forget(session.run_id)
    worth = text.partition("## Pictures worth a look")[2].partition("##")[0].strip().splitlines()
    assert [line.partition(" (")[0] for line in worth] == [
        "- 1 of one colour throughout",
        "- 1 not of the size that was asked for",
        "- one stored only 2.5 s before its URL died: fewer calls in flight would help",
    ]


async def test_what_never_is_a_picture_fails_its_row_alone_and_is_not_stored(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    rows = [row_meeting(spelling) for spelling in LASTING]
    rows += [row_meeting("slow:0", id=f"good-{number}", prompt=f"a hill {number}") for number in range(20)]
    result = await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway, concurrency=16)
    assert (result.succeeded, result.failed, result.exit_code) == (20, len(LASTING), 3)
    assert len(posts(gateway)) == len(rows)
    assert len(list((tmp_path / "ds" / "images").rglob("*.*"))) == 20
    assert_books_agree(gateway, tmp_path / "ds")


@pytest.mark.parametrize("only", ["pending", *(pytest.param(o, marks=SLOW) for o in ("failed", "all-but-succeeded"))])
async def test_a_later_run_fetches_what_was_paid_for_instead_of_buying_it_again(
    only: str, tmp_path: Path, gateway: SandboxProcess
) -> None:
    """The file server is back after four tries: the fifth is the next run's."""
    catalog = write_catalog(tmp_path / "c.csv", [row_meeting("file_500@4")])
    first = await run(catalog, tmp_path / "ds", gateway)
    assert (first.failed, first.exit_code) == (1, 3)
    second = await run(catalog, tmp_path / "ds", gateway, only=only)
    assert (second.succeeded, second.cost_micros) == (1, 0)
    assert len(posts(gateway)) == len(charged(gateway)) == 1
    row = current_rows(tmp_path / "ds")[0]
    assert (row["outcome"], row["billed"], row["attempts"]) == ("succeeded", "yes", 1)


async def test_a_dead_url_waits_for_the_user_who_may_then_buy_again(tmp_path: Path, gateway: SandboxProcess) -> None:
    gateway.switch(scenarios=["url_expired"])
    catalog = write_catalog(tmp_path / "c.csv", [row_meeting("slow:0", id="late")])
    await run(catalog, tmp_path / "ds", gateway)
    gateway.switch(scenarios=[])
    again = await run(catalog, tmp_path / "ds", gateway)
    assert (again.failed, len(charged(gateway))) == (1, 1)
    assert current_rows(tmp_path / "ds")[0]["outcome_reason"] == "url_expired"
    wished = await run(catalog, tmp_path / "ds", gateway, only="failed")
    assert (wished.succeeded, len(charged(gateway))) == (1, 2)


async def test_a_url_that_dies_while_its_host_is_down_is_bought_anew_only_when_asked(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    gateway.switch(ttl_scale=0.0003, scenarios=["file_500"])  # an hour is a second
    catalog = write_catalog(tmp_path / "c.csv", [row_meeting("slow:0", id="late")])
    assert (await run(catalog, tmp_path / "ds", gateway)).failed == 1
    await asyncio.sleep(1)
    gateway.switch(ttl_scale=1, scenarios=[])
    assert (await run(catalog, tmp_path / "ds", gateway)).failed == 1
    assert len(charged(gateway)) == 1
    assert (await run(catalog, tmp_path / "ds", gateway, only="failed")).succeeded == 1
    assert len(charged(gateway)) == 2


async def test_what_was_wrong_with_downloads_is_said_once_for_each_reason(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    spellings = ("file_redirect_private", "file_huge", "file_html")
    rows = [
        row_meeting(name, id=f"{name}-{n}", prompt=f"{n} [[scenario:{name}]]") for name in spellings for n in (1, 2)
    ]
    session = session_for(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", gateway)
    said: list[str] = []
    session.say = said.append
    try:
        result = await execute(session)
    finally:
        forget(session.run_id)
    told = "\n".join(sorted(text for text in said if "could not be fetched" in text))
    assert told.count("\n") == 2
    assert "(bad_image): not a PNG, JPEG or WebP file but an HTML page" in told
    assert "(connection): 10.0.0.1 is not a public address" in told
    assert "(too_large): http://127.0.0.1" in told
    assert result.reasons == {"bad_image": 2, "connection": 2, "too_large": 2}


async def test_an_extra_picture_that_is_lost_fails_nothing_and_buys_nothing(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a lake", "model": "sora_image"}])
    async with own_gateway(lambda g, _: said(f"![a]({g.picture()})\n\n![b]({g.dead()})")) as gateway:
        for only in ("pending", "pending", "failed", "all-but-succeeded"):
            result = await run(catalog, tmp_path / "ds", gateway, only=only)
            assert (result.succeeded, result.exit_code, len(gateway.posts)) == (1, 0, 1)


async def test_rows_that_share_a_call_fetch_its_picture_once_and_have_one_reading(tmp_path: Path) -> None:
    row = row_meeting("slow:0", ocr="true", prompt="a lake")
    catalogs = [write_catalog(tmp_path / f"{name}.csv", [row]) for name in ("spring", "summer")]

    def answer(gateway: OwnGateway, post: Post) -> dict[str, Any]:
        return images(gateway.picture()) if post.path == "/images/generations" else said("A")

    async with own_gateway(answer) as gateway:
        gateway.files_away = True
        assert (await run(catalogs, tmp_path / "ds", gateway, ocr="off")).failed == 2
        gateway.files_away, before = False, len(gateway.fetched)
        caps = []
        for ocr in ("off", "gpt-4o"):
            session = session_for(catalogs, tmp_path / "ds", gateway, ocr=ocr)
            caps.append((await session.make_plan()).summary.cap_micros)
            forget(session.run_id)
        price = ModelTable(read_settings("sandbox").provider).reading("gpt-4o")
        assert price is not None
        assert caps[1] - caps[0] == price.cap_micros
        assert (await run(catalogs, tmp_path / "ds", gateway, ocr="gpt-4o")).succeeded == 2
        assert len(gateway.fetched) - before == 1
        assert [post.path for post in gateway.posts] == ["/images/generations", "/chat/completions"]
