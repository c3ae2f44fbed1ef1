"""Thumbnails are small, made once, and never at an original's cost."""

import asyncio
import io
import logging
from pathlib import Path

import pytest
from PIL import Image

from tasks.report.thumbs import EDGE_PX, draw_small, make_thumbs, sha_of, thumb_key
from tasks.storage.memory import MemoryStore
from tests.tasks.report.made import image_key, picture, sha


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1600, 800), (EDGE_PX, EDGE_PX // 2)),
        ((300, 1200), (100, EDGE_PX)),
        ((30, 20), (30, 20)),
        ((4000, 1), (EDGE_PX, 1)),
    ],
)
def test_a_thumbnail_keeps_the_shape_and_never_grows(size: tuple[int, int], small: tuple[int, int]) -> None:
    made = opened(draw_small(picture(1, size)))
    assert (made.format, made.size) == ("WEBP", small)


def test_a_thumbnail_keeps_transparency() -> None:
    assert opened(draw_small(picture(1, (800, 800), "RGBA"))).getpixel((5, 5))[3] == 90  # type: ignore[index]  # RGBA


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "GIF")
    return out.getvalue()


def huge() -> bytes:
    """A PNG whose header promises 60,000 x 60,000 pixels."""
    import struct
    import zlib

    data = bytearray(picture(1))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize(
    "data", [b"", b"<svg/>", picture(1)[:60], gif(), huge()], ids=["empty", "svg", "torn", "gif", "huge"]
)
def test_bytes_that_are_no_usable_picture_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be drawn small"):
        draw_small(data)


class Counting(MemoryStore):
    """A memory store that counts what is read and written."""

    def __init__(self) -> None:
        super().__init__("thumbs")
        self.read: list[str] = []
        self.written: list[str] = []

    async def get(self, key: str) -> bytes:
        self.read.append(key)
        return await super().get(key)

    async def put(self, key: str, body: bytes, **options: object) -> None:
        self.written.append(key)
        await super().put(key, body, **options)  # type: ignore[arg-type]  # passed through


async def filled(count: int) -> Counting:
    store = Counting()
    for number in range(count):
        await store.put(image_key(number), picture(number))
    store.written.clear()
    return store


async def test_a_picture_is_drawn_small_once_and_only_new_ones_are_read_again() -> None:
    store = await filled(4)
    first = await make_thumbs(store, [image_key(n) for n in (0, 1, 2, 2)])
    assert (first.made, sorted(store.written)) == (3, sorted(thumb_key(sha(n)) for n in range(3)))
    store.read.clear()
    second = await make_thumbs(store, [image_key(n) for n in range(4)])
    assert (second.made, store.read) == (1, [image_key(3)])
    assert second.present == {sha(n) for n in range(4)}


async def test_pictures_left_when_the_time_is_up_are_counted_and_made_later() -> None:
    store = await filled(3)
    keys = [image_key(n) for n in range(3)]
    hurried = await make_thumbs(store, keys, budget_s=-1)
    assert (hurried.made, hurried.late, hurried.present) == (0, 3, frozenset())
    assert (await make_thumbs(store, keys)).made == 3


async def test_a_missing_and_a_torn_picture_have_no_thumbnail_and_are_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = await filled(2)
    await store.put(image_key(1), picture(1)[:50])
    with caplog.at_level(logging.WARNING, logger="printroom"):
        made = await make_thumbs(store, [image_key(n) for n in range(3)])
    assert made.present == {sha(0)}
    assert all(image_key(n) in caplog.text for n in (1, 2))
    assert image_key(0) not in caplog.text


@pytest.mark.parametrize(
    "key", [None, "", "../../etc/passwd", "javascript:alert(1)", "images/ab/x.png", f"images/ab/{sha(1)}.svg"]
)
def test_only_a_picture_of_a_dataset_has_a_sha256(key: str | None) -> None:
    assert sha_of(key) is None
    assert sha_of(image_key(1)) == sha(1)


async def test_originals_stay_as_they_are(tmp_path: Path) -> None:
    from tasks.storage.local import LocalStore

    store = LocalStore(str(tmp_path))
    await store.put(image_key(1), picture(1))
    await make_thumbs(store, [image_key(1)])
    assert await asyncio.to_thread((tmp_path / image_key(1)).read_bytes) == picture(1)
