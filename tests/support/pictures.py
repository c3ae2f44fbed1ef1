"""Small real pictures, and PNG, JPEG and WebP files put together part by part."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageFilter


def scene(width: int = 96, height: int = 64, seed: int = 1) -> Image.Image:
    """Smooth coloured shapes: what a perceptual hash is made for."""
    grid = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))


def half_white(side: int) -> Image.Image:
    """A mask: the left half black, the right half white."""
    return Image.fromarray(np.repeat([[0] * (side // 2) + [255] * (side // 2)], side, axis=0).astype(np.uint8))


def encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, pixels: bytes, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """A grey PNG that claims this size, whatever ``pixels`` (already compressed) holds."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + png_chunk(b"IDAT", pixels) + after + png_chunk(b"IEND", b"")


def black_png(width: int, height: int) -> bytes:
    """A PNG as small as can be for its size: zeros."""
    squeeze, row = zlib.compressobj(9), bytes(width + 1)
    return png(width, height, b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush())


def with_png_chunk(data: bytes, chunk: bytes) -> bytes:
    """The same picture with one more part before its pixels."""
    return data[:33] + chunk + data[33:]


def with_jpeg_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """The same picture with one more segment at its beginning."""
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]


def with_webp_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """The same picture with one more part at its end."""
    whole = data[8:] + kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def resized_jpeg(data: bytes, width: int, height: int) -> bytes:
    """The same bytes with another size in the frame header."""
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]
