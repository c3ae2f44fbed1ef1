"""What is found out about a picture."""

import hashlib
import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tasks.storage.containers import BadImage
from tasks.storage.inspect import Inspector, inspect_image
from tasks.storage.phash import distance
from tests.support.pictures import encode, png_chunk, scene, with_jpeg_segment, with_png_chunk, with_webp_chunk

FORMATS = ("PNG", "JPEG", "WEBP")
PLAIN = {image_format: encode(scene(), image_format) for image_format in FORMATS}


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_facts_of_a_picture(image_format):
    data = PLAIN[image_format]
    facts = inspect_image(data)
    assert (facts.format, facts.content_type) == (image_format.lower(), f"image/{image_format.lower()}")
    assert (facts.width_px, facts.height_px, facts.size_bytes) == (96, 64, len(data))
    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    assert facts.data is data
    assert not facts.has_c2pa
    assert not facts.blank
    assert len(facts.phash) == 16


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_read(mode):
    image = scene().convert("L") if mode == "I;16" else scene()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    facts = inspect_image(encode(image if mode == "I;16" else image.convert(mode), "PNG"))
    assert (facts.width_px, facts.height_px) == (96, 64)
    assert not facts.blank
    if mode in {"L", "LA", "I;16"}:
        assert distance(facts.phash, inspect_image(encode(scene().convert("L"), "PNG")).phash) <= 2


@pytest.mark.parametrize(
    ("mode", "options"), [("L", {}), ("CMYK", {}), ("RGB", {"progressive": True}), ("RGB", {"subsampling": 2})]
)
def test_every_kind_of_jpeg_is_read(mode, options):
    facts = inspect_image(encode(scene(333, 201).convert(mode), "JPEG", **options))
    assert (facts.width_px, facts.height_px) == (333, 201)


def test_the_picture_of_a_phone_that_holds_a_second_one_is_its_first():
    both = encode(scene(), "MPO", save_all=True, append_images=[scene(seed=2)])
    facts = inspect_image(both)
    assert facts.format == "jpeg"
    assert facts.size_bytes < len(both)
    with Image.open(io.BytesIO(facts.data)) as image:
        image.load()


def test_the_hash_survives_another_format_size_and_quality_and_tells_pictures_apart():
    kept = inspect_image(encode(scene(480, 320), "PNG")).phash
    for data in (
        encode(scene(480, 320), "JPEG", quality=40),
        encode(scene(480, 320), "WEBP", quality=40),
        encode(scene(480, 320).resize((240, 160)), "PNG"),
        encode(scene(480, 320).point(lambda value: min(255, value + 12)), "PNG"),
    ):
        assert distance(inspect_image(data).phash, kept) <= 6
    others = [inspect_image(encode(scene(480, 320, seed), "PNG")).phash for seed in range(2, 12)]
    assert min(distance(other, kept) for other in others) >= 14


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("size", [(64, 64), (700, 500), (1, 1)])
def test_one_colour_is_blank_in_every_format(image_format, size):
    assert inspect_image(encode(Image.new("RGB", size, (12, 130, 200)), image_format)).blank


def test_nearly_one_colour_and_full_transparency_are_blank():
    noise = np.random.default_rng(1).integers(120, 124, (300, 300, 3), dtype=np.uint8)
    assert inspect_image(encode(Image.fromarray(noise), "PNG")).blank
    clear = scene().convert("RGBA")
    clear.putalpha(0)
    assert inspect_image(encode(clear, "PNG")).blank


def _checkers() -> Image.Image:
    return Image.fromarray(((np.indices((256, 256)).sum(axis=0) % 2) * 255).astype(np.uint8))


def _one_line() -> Image.Image:
    image = Image.new("RGB", (1024, 1024), "white")
    ImageDraw.Draw(image).text((500, 500), "hi", fill="black")
    return image


def _equal_light() -> Image.Image:
    image = Image.new("RGB", (256, 256), (200, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 128, 256), fill=(0, 102, 0))
    return image


@pytest.mark.parametrize(
    "image", [_checkers(), _one_line(), _equal_light()], ids=["fine pattern", "tiny text", "colours of one light"]
)
@pytest.mark.parametrize("image_format", FORMATS)
def test_a_picture_with_anything_on_it_is_not_blank(image, image_format):
    assert not inspect_image(encode(image, image_format)).blank


JUMBF = b"JP\0\1\0\0\0\1\0\0\0\x40jumb\0\0\0\x20jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\3c2pa\0"


@pytest.mark.parametrize(
    ("data", "has_c2pa"),
    [
        (with_png_chunk(PLAIN["PNG"], png_chunk(b"caBX", b"\0\0\0\x10jumbc2pa")), True),
        (with_jpeg_segment(PLAIN["JPEG"], 0xEB, JUMBF), True),
        (with_webp_chunk(PLAIN["WEBP"], b"C2PA", b"\0\0\0\x10jumb"), True),
        (with_png_chunk(PLAIN["PNG"], png_chunk(b"tEXt", b"Comment\0caBX c2pa jumb")), False),
        (with_jpeg_segment(PLAIN["JPEG"], 0xEB, b"JP something else"), False),
        (with_jpeg_segment(PLAIN["JPEG"], 0xFE, JUMBF), False),
        (with_webp_chunk(PLAIN["WEBP"], b"XMP ", b"C2PA"), False),
    ],
)
def test_provenance_is_seen_where_it_belongs_and_only_there(data, has_c2pa):
    assert inspect_image(data).has_c2pa is has_c2pa


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_picture_cut_anywhere_is_refused(image_format):
    data = PLAIN[image_format]
    for length in {*range(12), *range(0, len(data), 37), len(data) - 1}:
        with pytest.raises(BadImage):
            inspect_image(data[:length])


@pytest.mark.parametrize("image_format", FORMATS)
def test_damage_never_raises_anything_but_bad_image(image_format):
    rng = np.random.default_rng(5)
    data = PLAIN[image_format]
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata
        for _ in range(150):
            damaged = bytearray(data)
            for at in rng.integers(0, min(len(data), 700), 3):
                damaged[at] = rng.integers(0, 256)
            try:
                inspect_image(bytes(damaged))
            except BadImage:
                refused += 1
    assert refused > 15


def test_what_follows_the_picture_is_cut_off_and_the_digest_is_of_the_rest():
    data = PLAIN["PNG"] + b"PK\x03\x04 a second file"
    facts = inspect_image(data)
    assert facts.data == PLAIN["PNG"]
    assert facts.sha256 == hashlib.sha256(PLAIN["PNG"]).hexdigest()


def test_a_page_in_place_of_a_picture_is_shown_escaped_and_cut():
    page = b"<html>\x1b[31m\x00\xe9</html>" + b"x" * 1_000
    with pytest.raises(BadImage, match="an HTML page") as caught:
        inspect_image(page)
    text = str(caught.value)
    assert r"<html>\x1b[31m\x00\xe9</html>" in text
    assert text.isascii()
    assert text.isprintable()
    assert text.count("x" * 100) == 1
    assert len(text) < 300


def test_the_limit_of_pixels_is_told_before_decoding():
    with pytest.raises(BadImage, match="96 x 64 pixels") as caught:
        inspect_image(PLAIN["PNG"], max_pixels=96 * 64 - 1)
    assert caught.value.reason == "too_many_pixels"
    assert inspect_image(PLAIN["PNG"], max_pixels=96 * 64)


async def test_the_inspector_gives_the_same_facts_from_its_threads():
    inspector = Inspector(threads=2)
    assert await inspector.inspect(PLAIN["PNG"]) == inspect_image(PLAIN["PNG"])
    with pytest.raises(BadImage):
        await inspector.inspect(b"")
    inspector.close()
