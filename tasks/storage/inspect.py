"""Are these bytes a picture, and which? Proven by decoding all of it; headers and file names are not believed."""

import functools
import hashlib
import io
import os
import struct
import threading
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from tasks.storage.containers import BadImage, Container, Fault, ImageFormat, scan
from tasks.storage.crew import Crew
from tasks.storage.phash import phash_of

MAX_PIXELS = 40_000_000
MAX_BYTES = 64 * 1024 * 1024
BLANK_RANGE = 8  # of 255 levels, after averaging over blocks
BLANK_PIXEL_RANGE = 32  # of 255 levels, single pixels: what JPEG leaves of one colour
SMALL_PX = 64  # the shorter side that hash and blankness are worked out on
BOMB_BYTES = 48 * 1024 * 1024  # decoded; below, any compression is believed
BOMB_RATIO = 500  # decoded to stored bytes; deflate can reach 1,030, pictures stay below 200
LARGE_PIXELS = 8_000_000

_DECODERS: dict[ImageFormat, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "png": PngImagePlugin.PngImageFile,
    "jpeg": JpegImagePlugin.JpegImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}
_DECODE_ERRORS = (  # all that Pillow's three decoders raise on damaged files
    OSError,
    SyntaxError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    EOFError,
    AssertionError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_one_large_at_a_time = threading.Lock()  # 40 million pixels are 160 MB while they are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What a picture is. ``sha256`` and ``size_bytes`` are of ``data``, the bytes to store.

    ``data`` is what came in, without what followed the end of the picture (a second file hidden behind it).
    ``phash`` is described in phash.py; ``blank`` means nearly one colour, or nothing but transparency.
    """

    format: ImageFormat
    width_px: int
    height_px: int
    sha256: str
    phash: str
    has_c2pa: bool
    size_bytes: int
    blank: bool
    data: bytes = field(repr=False, compare=False)

    @property
    def content_type(self) -> str:
        """The media type that belongs to ``format``."""
        return f"image/{self.format}"


def inspect_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """Decode every pixel and describe the picture.

    Raises ``BadImage``: not a PNG, JPEG or WebP by its first bytes; cut short; damaged; more than one frame; more than
    ``max_pixels`` (told before decoding) or far too small a file for its pixels (a decompression bomb).
    """
    if len(data) > MAX_BYTES:
        raise BadImage("too_many_bytes", f"{len(data):,} bytes, the limit is {MAX_BYTES:,}")
    outside = scan(data)
    _refuse(outside, max_pixels)
    body = data if outside.end == len(data) else data[: outside.end]
    with room_for(outside.width_px, outside.height_px):
        phash, blank = _look_at(body, outside)
    return ImageFacts(
        format=outside.format,
        width_px=outside.width_px,
        height_px=outside.height_px,
        sha256=hashlib.sha256(body).hexdigest(),
        phash=phash,
        has_c2pa=outside.has_c2pa,
        size_bytes=len(body),
        blank=blank,
        data=body,
    )


def room_for(width_px: int, height_px: int) -> AbstractContextManager[object]:
    """Wait, if a picture is large, until no other large one is in memory decoded."""
    return _one_large_at_a_time if width_px * height_px > LARGE_PIXELS else nullcontext()


def _refuse(outside: Container, max_pixels: int) -> None:
    pixels = outside.width_px * outside.height_px
    if not pixels:
        raise BadImage("corrupt", "the image has no pixels")
    size = f"{outside.width_px} x {outside.height_px} pixels"
    if pixels > max_pixels:
        raise BadImage("too_many_pixels", f"{size}, the limit is {max_pixels:,} in all")
    if pixels * 3 > BOMB_BYTES and pixels * 3 > BOMB_RATIO * outside.end:
        raise BadImage("too_many_pixels", f"{size} in {outside.end:,} bytes: a decompression bomb")
    if outside.pictures > 1:
        raise BadImage("animated", f"the file holds {outside.pictures} frames, one is wanted")


def _look_at(data: bytes, outside: Container) -> tuple[str, bool]:
    """The perceptual hash of the picture and whether it is blank; proof by the way that it decodes to its end."""
    try:
        plain = _decode(data, outside)
        small = plain.reduce((max(1, plain.width // SMALL_PX), max(1, plain.height // SMALL_PX)))
        return phash_of(small.convert("L")), _is_blank(small, lambda: _full_range(data, outside, plain))
    except _DECODE_ERRORS as error:
        if isinstance(error, BadImage):
            raise
        reason: Fault = "truncated" if "truncated" in str(error) else "corrupt"
        raise BadImage(reason, f"the {outside.format} does not decode: {str(error)[:200]}") from error


def _decode(data: bytes, outside: Container) -> Image.Image:
    with _DECODERS[outside.format](io.BytesIO(data)) as image:
        if image.size != (outside.width_px, outside.height_px):
            raise BadImage("corrupt", f"decodes to {image.size}, not to the size in its header")
        # only a JPEG heeds this: every coded byte is still read, but an eighth of the samples is worked out, which
        # halves the time
        image.draft("L", (SMALL_PX, SMALL_PX))
        image.load()
        return _plain(image)


def _plain(image: Image.Image) -> Image.Image:
    """The same picture in 8-bit grey or colour, with alpha if it has some."""
    if image.mode in {"L", "LA", "RGB", "RGBA"}:
        return image
    if image.mode.startswith("I"):  # 16-bit grey: Pillow would cut at 255 instead of scaling
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if "transparency" in image.info else "RGB")


def _is_blank(small: Image.Image, full_range: Callable[[], int]) -> bool:
    if "A" in small.getbands() and small.getchannel("A").getextrema()[1] <= BLANK_RANGE:  # type: ignore[operator] # one band
        return True
    # averaging makes a fine pattern look blank, so the pixels have the last word
    return _range(small) <= BLANK_RANGE and full_range() <= BLANK_PIXEL_RANGE


def _full_range(data: bytes, outside: Container, plain: Image.Image) -> int:
    if outside.format != "jpeg":
        return _range(plain)
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        return _range(image.convert("RGB"))


def _range(image: Image.Image) -> int:
    """The widest spread, in levels, of any colour band."""
    extrema = image.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return max(int(high - low) for (low, high), name in zip(bands, image.getbands(), strict=True) if name != "A")


class Inspector:
    """``inspect_image`` beside the event loop, in a few threads (Pillow decodes without holding the interpreter)."""

    def __init__(self, *, threads: int | None = None, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        count = threads or min(4, os.cpu_count() or 1)
        self._crew = Crew(count, "printroom-inspect")

    async def inspect(self, data: bytes) -> ImageFacts:
        """As ``inspect_image``."""
        return await self._crew.run(functools.partial(inspect_image, data, max_pixels=self._max_pixels))

    def close(self) -> None:
        """End the threads, once they have finished what they are at."""
        self._crew.close()
