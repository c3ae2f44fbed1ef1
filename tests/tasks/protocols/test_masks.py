"""Whatever mask a user draws, the gateway gets one that both readings understand."""

import io

import pytest
from PIL import Image

from tasks.protocols.masks import MaskError, safe_mask

EDIT, KEEP = (255, 255, 255, 0), (0, 0, 0, 255)


def drawn(mode: str, white: object, black: object, size: tuple[int, int] = (40, 20)) -> Image.Image:
    """The left half is to be edited."""
    mask = Image.new(mode, size, black)
    mask.paste(white, (0, 0, size[0] // 2, size[1]))
    return mask


def encoded(mask: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    mask.save(file, format_, **options)
    return file.getvalue()


def palette_mask() -> Image.Image:
    mask = Image.new("P", (40, 20), 0)
    mask.putpalette([10, 10, 10, 240, 240, 240])
    mask.paste(1, (0, 0, 20, 20))
    return mask


def transparent_palette_mask() -> Image.Image:
    mask = palette_mask()
    mask.info["transparency"] = 1
    return mask


def sixteen_bit_mask() -> Image.Image:
    mask = Image.new("I;16", (40, 20), 0)
    mask.paste(65535, (0, 0, 20, 20))
    return mask


MASKS = {
    "mode 1": lambda: encoded(drawn("1", 1, 0)),
    "mode L": lambda: encoded(drawn("L", 255, 0)),
    "mode L, soft greys": lambda: encoded(drawn("L", 200, 40)),
    "mode LA, opaque": lambda: encoded(drawn("LA", (255, 255), (0, 255))),
    "mode LA, transparent": lambda: encoded(drawn("LA", (0, 0), (0, 255))),
    "mode P": lambda: encoded(palette_mask()),
    "mode P with a transparent colour": lambda: encoded(transparent_palette_mask(), transparency=1),
    "mode RGB": lambda: encoded(drawn("RGB", (255, 255, 255), (0, 0, 0))),
    "mode RGB as JPEG": lambda: encoded(drawn("RGB", (255, 255, 255), (0, 0, 0)), "JPEG", quality=60),
    "mode RGB as WebP": lambda: encoded(drawn("RGB", (255, 255, 255), (0, 0, 0)), "WEBP"),
    "mode RGBA, opaque black and white": lambda: encoded(drawn("RGBA", (255, 255, 255, 255), (0, 0, 0, 255))),
    "mode RGBA, a hole in a photograph": lambda: encoded(drawn("RGBA", (90, 120, 80, 0), (90, 120, 80, 255))),
    "mode RGBA, black hole in white": lambda: encoded(drawn("RGBA", (0, 0, 0, 0), (255, 255, 255, 255))),
    "mode RGBA, a safe mask already": lambda: encoded(drawn("RGBA", EDIT, KEEP)),
    "mode I;16": lambda: encoded(sixteen_bit_mask()),
}


@pytest.mark.parametrize("make", MASKS.values(), ids=MASKS.keys())
def test_a_mask_becomes_white_and_transparent_where_edited_black_and_opaque_elsewhere(make):
    with Image.open(io.BytesIO(safe_mask(make(), 40, 20))) as safe:
        assert (safe.format, safe.mode, safe.size) == ("PNG", "RGBA", (40, 20))
        pixels = [safe.getpixel((x, y)) for y in range(20) for x in range(40)]
    assert set(pixels) == {EDIT, KEEP}
    assert pixels.count(EDIT) == 400
    assert (pixels[5], pixels[35]) == (EDIT, KEEP)


def test_a_safe_mask_passed_again_stays_as_it_is():
    once = safe_mask(encoded(drawn("L", 255, 0)), 40, 20)
    assert safe_mask(once, 40, 20) == once


def test_a_mask_of_the_whole_picture_is_allowed():
    with Image.open(io.BytesIO(safe_mask(encoded(Image.new("L", (8, 8), 255)), 8, 8))) as safe:
        assert safe.getextrema() == ((255, 255), (255, 255), (255, 255), (0, 0))


def photograph() -> Image.Image:
    return Image.linear_gradient("L").resize((40, 20))


WRONG = {
    "another size": (lambda: encoded(drawn("L", 255, 0, (20, 40))), "20x40"),
    "nothing marked": (lambda: encoded(Image.new("L", (40, 20), 0)), "marks nothing"),
    "nothing transparent and all black": (lambda: encoded(Image.new("RGBA", (40, 20), KEEP)), "marks nothing"),
    "a photograph": (lambda: encoded(photograph()), "too much grey"),
    "half a file": (lambda: encoded(drawn("RGB", (255, 0, 255), (0, 9, 0)).resize((40, 20)))[:70], "decoded"),
    "a text": (lambda: b"not a picture", "not a PNG"),
    "nothing": (lambda: b"", "not a PNG"),
    "another format": (lambda: encoded(drawn("L", 255, 0), "BMP"), "not a PNG"),
}


@pytest.mark.parametrize(("make", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_a_mask_is_refused_with_the_reason(make, said):
    with pytest.raises(MaskError, match=said):
        safe_mask(make(), 40, 20)


def test_the_size_is_looked_at_before_anything_is_decoded():
    broken = encoded(Image.new("1", (4000, 4000), 1))[:100]
    with pytest.raises(MaskError, match="4000x4000"):
        safe_mask(broken, 40, 20)
    with pytest.raises(MaskError, match="decoded"):
        safe_mask(broken, 4000, 4000)
