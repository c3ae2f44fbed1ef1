"""Hostile answers over a real connection: each ends in time and within limits, and nothing but pictures is kept."""

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from tasks.storage.containers import BadImage
from tasks.storage.fetch import Fetcher, FetchError
from tasks.storage.inspect import Inspector
from tests.support.scripted import reply, scripted
from tests.tasks.storage.hostile_bodies import CASES, GOOD, HTML, JPEG, MAX_BYTES, PNG, WEBP

GOODS = 40


async def fate_of(fetcher: Fetcher, inspector: Inspector, url: str, deadline_s: float = 30) -> tuple[str, bytes]:
    try:
        fetched = await fetcher.fetch(url, deadline_s=deadline_s, max_bytes=MAX_BYTES)
        return "stored", (await inspector.inspect(fetched.data)).data
    except (FetchError, BadImage) as error:
        return error.reason, b""


def memory_peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_memory_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def test_the_table_is_long_enough_and_has_no_row_twice():
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


async def test_all_hostile_bodies_at_once_end_in_time_within_memory_and_the_good_ones_arrive():
    answers = {f"/{n}": case.answer for n, case in enumerate(CASES)} | {"/good": GOOD}
    inspector = Inspector()
    async with scripted(answers) as server, Fetcher(["127.0.0.1"]) as fetcher:
        await fate_of(fetcher, inspector, server.url("/good"))  # codecs loaded, pools filled
        forget_memory_peak()
        before = memory_peak_bytes()
        async with asyncio.timeout(60):
            hostile = [
                fate_of(fetcher, inspector, server.url(f"/{n}"), case.deadline_s) for n, case in enumerate(CASES)
            ]
            good = [fate_of(fetcher, inspector, server.url("/good")) for _ in range(GOODS)]
            fates = await asyncio.gather(*hostile, *good)
        grown = memory_peak_bytes() - before
    inspector.close()
    wrong = [(case.name, case.fate, fate) for case, (fate, _) in zip(CASES, fates, strict=False) if fate != case.fate]
    assert wrong == []
    assert [fate for fate, _ in fates[len(CASES) :]] == ["stored"] * GOODS
    for fate, data in fates:
        if fate == "stored":
            assert is_nothing_but_a_picture(data)
    assert grown <= 64 * 1024 * 1024


def is_nothing_but_a_picture(data: bytes) -> bool:
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
        image.load()
    return b"<script" not in data and b"<html" not in data and b"PK\x03\x04" not in data


def test_the_check_for_pictures_sees_what_hides_behind_one():
    """The negative control."""
    assert is_nothing_but_a_picture(PNG)
    assert not is_nothing_but_a_picture(JPEG + HTML)


@pytest.mark.parametrize(
    ("status", "retryable"),
    [("403 Forbidden", False), ("410 Gone", False), ("404 Not Found", True), ("401 Unauthorized", False),
     ("400 Bad Request", False), ("408 Request Timeout", True), ("429 Slow Down", True), ("500 Oops", True),
     ("503 Busy", True)],
)  # fmt: skip
async def test_an_error_says_whether_asking_again_makes_sense(status, retryable):
    async with scripted({"/x": reply(status=status)}) as server, Fetcher(["127.0.0.1"]) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(server.url("/x"))
    assert caught.value.retryable is retryable
    assert caught.value.status == int(status[:3])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("100000", 300), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Fri, 31 Dec 9998 23:59:59 GMT", 300),
     ("soon", None), ("-3", None), ("", None)],
)  # fmt: skip
async def test_retry_after_is_understood_in_both_forms_and_capped(header, seconds):
    answer = reply(b"", f"Retry-After: {header}", status="429 Slow Down")
    async with scripted({"/x": answer}) as server, Fetcher(["127.0.0.1"]) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(server.url("/x"))
    assert caught.value.retry_after_s == seconds


async def test_a_refused_connection_may_be_tried_again():
    async with scripted({}) as server:
        gone = server.url("/x")
    async with Fetcher(["127.0.0.1"]) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(gone, deadline_s=5)
    assert (caught.value.reason, caught.value.retryable) == ("connection", True)


async def test_a_data_uri_is_fetched_without_a_network():
    import base64

    async with Fetcher() as fetcher:
        got = await fetcher.fetch("data:image/webp;base64," + base64.b64encode(WEBP).decode())
        assert (got.data, got.content_type, got.url) == (WEBP, "image/webp", "data:")
        for uri, reason in (
            ("data:,", "ok"),
            ("data:image/png;base64,@@", "bad_url"),
            ("data:" + "a" * 900, "bad_url"),
        ):
            if reason == "ok":
                assert (await fetcher.fetch(uri)).data == b""
                continue
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch(uri)
            assert caught.value.reason == reason
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch("data:;base64," + "A" * 4_000, max_bytes=2_000)
        assert caught.value.reason == "too_large"
