"""One mask that every reader understands: where to edit, white *and* transparent; where to keep, black and opaque."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "WEBP")
_MAX_UNDECIDED = 0.25  # of the pixels; a photograph has more mid-grey than any mask with soft edges


class MaskError(ValueError):
    """The file cannot serve as a mask; the message says why and what is expected."""


def safe_mask(mask_bytes: bytes, width_px: int, height_px: int) -> bytes:
    """A PNG (RGBA) of exactly ``width_px`` x ``height_px``: edited pixels white with alpha 0, kept ones black with 255.

    ``mask_bytes`` (PNG, JPEG, WebP) is read by its alpha channel if that hides anything (transparent = edit, as
    OpenAI has it), else by brightness (white = edit, as the gateway's page has it). The two readings contradict each
    other, this file satisfies both. Raises ``MaskError`` for another size, a damaged file, a picture that is no
    mask, or a mask that marks nothing.
    """
    mask = _open(mask_bytes, width_px, height_px)
    edit = _edited(mask)
    if edit.getextrema() == (0, 0):
        raise MaskError("the mask marks nothing to edit: white (or transparent) pixels are edited")
    return _safe_png(edit)


def _open(mask_bytes: bytes, width_px: int, height_px: int) -> "Image":
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(mask_bytes), formats=_FORMATS) as mask:
            if mask.size != (width_px, height_px):  # before decoding: a bomb has another size than its picture
                found = f"{mask.width}x{mask.height}"
                raise MaskError(f"the mask is {found}, the picture {width_px}x{height_px}: they must be equal")
            mask.load()
            return mask.copy()
    except UnidentifiedImageError:
        raise MaskError("the mask is not a PNG, JPEG or WebP file") from None
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MaskError(f"the mask cannot be decoded: {type(error).__name__}") from None


def _edited(mask: "Image") -> "Image":
    """White (255) where to edit, else black, mode L."""
    if mask.has_transparency_data:
        alpha = mask.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            return _decided(alpha, edit_above=False)
        mask = mask.convert("RGBA").convert("RGB")
    if mask.mode.startswith("I"):  # 16 bits a pixel: convert("L") would clip, not scale
        mask = mask.convert("I").point(lambda value: value / 257).convert("L")
    return _decided(mask.convert("L"), edit_above=True)


def _decided(grey: "Image", *, edit_above: bool) -> "Image":
    counts = grey.histogram()
    if sum(counts[64:192]) > _MAX_UNDECIDED * sum(counts):
        raise MaskError("the mask has too much grey: it must be black and white, or opaque and transparent")
    return grey.point([255 if (level >= 128) is edit_above else 0 for level in range(256)])


def _safe_png(edit: "Image") -> bytes:
    from PIL import Image, ImageChops

    file = io.BytesIO()
    Image.merge("RGBA", (edit, edit, edit, ImageChops.invert(edit))).save(file, "PNG", optimize=False)
    return file.getvalue()
