"""What the bytes of a PNG, JPEG or WebP file say before any pixel is decoded.

The walk over a file's parts finds its size, its true end, how many pictures it holds and whether a C2PA manifest
(the provenance record that generators embed) is in it. Sources: W3C PNG 3rd edition, ITU T.81, RFC 9649, C2PA 2.1.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["png", "jpeg", "webp"]
Fault = Literal["not_an_image", "truncated", "corrupt", "animated", "too_many_pixels", "too_many_bytes"]

SHOWN_BYTES = 200
MAX_JPEG_SCANS = 100  # a crafted file has thousands, each as costly to decode as a picture


class BadImage(ValueError):
    """Bytes that are no picture we store; ``reason`` says in one word why, the text says it to people."""

    def __init__(self, reason: Fault, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Container:
    """The outside of an image file. ``end`` is the offset behind its last byte; more may follow there."""

    format: ImageFormat
    width_px: int
    height_px: int
    end: int
    pictures: int
    has_c2pa: bool


def scan(data: bytes) -> Container:
    """Walk over the file's parts. Raises ``BadImage`` if it is something else, cut short or damaged."""
    for magic, walk in _WALKS:
        if data.startswith(magic):
            try:
                return walk(data)
            except (IndexError, ValueError) as error:
                if isinstance(error, BadImage):
                    raise
                raise BadImage("truncated", "the image file ends before its end mark") from error
    raise BadImage("not_an_image", f"not a PNG, JPEG or WebP file but {_describe(data)}: {_shown(data)}")


def _png(data: bytes) -> Container:
    view, at, pictures, c2pa = memoryview(data), 8, 1, False
    width, height = _int(data, 16, 4), _int(data, 20, 4)
    while True:
        length, kind = _int(data, at, 4), data[at + 4 : at + 8]
        after = at + 12 + length
        if after > len(data):
            raise BadImage("truncated", f"the PNG ends inside its {kind!r} part")
        critical = not kind[0] & 0x20
        if critical and zlib.crc32(view[at + 4 : after - 4]) != _int(data, after - 4, 4):
            raise BadImage("corrupt", f"the checksum of the PNG's {kind!r} part is wrong")
        if (at == 8) != (kind == b"IHDR"):
            raise BadImage("corrupt", "the PNG does not begin with its header")
        if kind == b"acTL":
            pictures = _int(data, at + 8, 4)
        c2pa = c2pa or kind == b"caBX"
        at = after
        if kind == b"IEND":
            return Container("png", width, height, at, pictures, c2pa)


_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def _jpeg(data: bytes) -> Container:
    at, width, height, scans, c2pa = 2, 0, 0, 0, False
    while True:
        if data[at] != 0xFF:
            raise BadImage("corrupt", "the JPEG has bytes between its parts")
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _STANDALONE:
            at += 2
            continue
        if marker == 0xD9:
            return Container("jpeg", width, height, at + 2, 1, c2pa)
        if marker in _FRAME_HEADERS and not width:
            height, width = _int(data, at + 5, 2), _int(data, at + 7, 2)
        body = at + 4
        at += 2 + _int(data, at + 2, 2)
        c2pa = c2pa or (marker == 0xEB and b"jumb" in data[body:at] and b"c2pa" in data[body:at])
        if marker == 0xDA:
            scans += 1
            if scans > MAX_JPEG_SCANS:
                raise BadImage("corrupt", f"the JPEG has more than {MAX_JPEG_SCANS} scans")
            found = _NEXT_MARKER.search(data, at)
            if not found:
                raise BadImage("truncated", "the JPEG has no end mark")
            at = found.start()


def _webp(data: bytes) -> Container:
    if data[8:12] != b"WEBP":
        raise BadImage("not_an_image", f"not a PNG, JPEG or WebP file but {_describe(data)}: {_shown(data)}")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise BadImage("truncated", f"the WebP says it has {end:,} bytes, {len(data):,} came")
    at, size, frames, c2pa = 12, (0, 0), 0, False
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise BadImage("corrupt", f"the WebP's {kind!r} part is longer than the file")
        if size == (0, 0):
            size = _webp_size(kind, data[at + 8 : at + 18])
        frames += kind == b"ANMF"
        c2pa = c2pa or kind == b"C2PA"
        at += 8 + length + (length & 1)
    return Container("webp", *size, end, max(frames, 1), c2pa)


def _webp_size(kind: bytes, head: bytes) -> tuple[int, int]:
    if kind == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    return 0, 0


def _int(data: bytes, at: int, length: int) -> int:
    piece = data[at : at + length]
    if len(piece) < length:
        raise IndexError(at)
    return int.from_bytes(piece, "big")


_WALKS: tuple[tuple[bytes, Callable[[bytes], Container]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"RIFF", _webp),
)

_OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), name)
    for pattern, name in (
        (rb"$", "nothing"),
        (rb"GIF8", "a GIF"),
        (rb"BM.{4}\0\0\0\0", "a BMP"),
        (rb"(II\*\0|MM\0\*)", "a TIFF"),
        (rb".{4}ftyp(avif|avis)", "an AVIF"),
        (rb".{4}ftyp(heic|heix|mif1)", "a HEIC"),
        (rb".{4}ftyp", "a video"),
        (rb"%PDF-", "a PDF"),
        (rb"%!PS", "PostScript"),
        (rb"PK\x03\x04", "a ZIP"),
        (rb"\x1f\x8b", "gzip"),
        (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg\b", "an SVG"),
        (rb"\s*<(!doctype html|html|head|body)\b", "an HTML page"),
        (rb"\s*<", "XML or HTML"),
        (rb"\s*[\[{]", "JSON"),
    )
)


def _describe(data: bytes) -> str:
    head = data[:1024].removeprefix(b"\xef\xbb\xbf")
    return next((name for pattern, name in _OTHERS if pattern.match(head)), f"{len(data):,} unknown bytes")


def _shown(data: bytes) -> str:
    return data[:SHOWN_BYTES].decode("latin-1").encode("unicode_escape").decode("ascii")
