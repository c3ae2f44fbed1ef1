"""A picture in another format: the same pixels, as viewers show them."""

import io

import pytest
from PIL import Image, ImageChops

from tasks.storage.containers import BadImage, scan
from tasks.storage.reencode import as_png
from tests.support.pictures import black_png, encode, png, scene


def shown(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGBA")


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one, other).getbbox(alpha_only=False) is None


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_png_has_every_pixel_of_a_jpeg_and_an_alpha_channel(mode: str) -> None:
    data = encode(scene().convert(mode), "JPEG")
    made = as_png(data)
    assert (scan(made).format, Image.open(io.BytesIO(made)).mode) == ("png", "RGBA")
    assert same(shown(made), shown(data))


def test_what_is_transparent_stays_so() -> None:
    picture = scene().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    data = encode(picture, "WEBP", lossless=True, exact=True)
    assert same(shown(as_png(data)), picture)


def test_a_photograph_taken_sideways_is_upright_and_keeps_its_colours() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    made = Image.open(io.BytesIO(as_png(encode(scene(96, 64), "JPEG", exif=exif, icc_profile=b"colours" * 20))))
    assert made.size == (64, 96)
    assert made.info["icc_profile"] == b"colours" * 20
    assert 0x0112 not in made.getexif()


@pytest.mark.parametrize("data", [black_png(9_000, 9_000), black_png(64, 64)[:60], png(64, 64, b"no pixels")])
def test_bombs_and_damaged_pictures_are_refused(data: bytes) -> None:
    with pytest.raises(BadImage):
        as_png(data)
