"""Thumbnails: small pictures beside the originals, named after the original's sha256 and made once.

Originals are only read. A picture that cannot be drawn small (missing, torn, too large) has no thumbnail; the page says
so, and ``printroom verify`` says why.
"""

import asyncio
import io
import logging
import os
import re
import time
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.report.ports import Files

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

PREFIX = "report/thumbs/"
EDGE_PX = 400
MAX_PIXELS = 40_000_000
PARALLEL = 8
_IMAGE_KEY = re.compile(r"images/[0-9a-f]{2}/([0-9a-f]{64})\.(?:png|jpe?g|webp)")
_THUMB_KEY = re.compile(rf"{PREFIX}[0-9a-f]{{2}}/([0-9a-f]{{64}})\.webp")
log = logging.getLogger("printroom")


@dataclass(frozen=True, slots=True)
class Thumbs:
    """Which pictures have a thumbnail now: sha256s; ``late`` were left out because the time was up."""

    present: frozenset[str]
    made: int = 0
    late: int = 0


def sha_of(image_key: str | None) -> str | None:
    """The sha256 in a picture's key, or None for anything that is not a picture of a dataset."""
    match = _IMAGE_KEY.fullmatch(image_key or "")
    return match.group(1) if match else None


def thumb_key(sha256: str) -> str:
    """Where the thumbnail of that picture lives."""
    return f"{PREFIX}{sha256[:2]}/{sha256}.webp"


def draw_small(data: bytes) -> bytes:
    """A WebP of at most ``EDGE_PX`` on its longer side, transparency kept.

    ``ValueError`` if ``data`` is no PNG, JPEG or WebP that can be decoded within ``MAX_PIXELS``.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _drawn(Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"cannot be drawn small: {error}") from error


def _drawn(picture: "ImageFile") -> bytes:
    from PIL.Image import Resampling

    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(f"{picture.width} x {picture.height} pixels")
    picture.draft("RGB", (2 * EDGE_PX, 2 * EDGE_PX))  # JPEG decodes straight to about that size
    small = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    small.thumbnail((EDGE_PX, EDGE_PX), Resampling.HAMMING, reducing_gap=1.0)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=80, method=0)
    return out.getvalue()


async def make_thumbs(files: Files, image_keys: Iterable[str], *, budget_s: float | None = None) -> Thumbs:
    """Make the thumbnails that are missing; after ``budget_s`` seconds none is begun (None = no limit)."""
    wanted = {sha: key for key in image_keys if (sha := sha_of(key)) is not None}
    there = await _present(files)
    missing = iter([(sha, key) for sha, key in wanted.items() if sha not in there])
    ends_at = time.monotonic() + budget_s if budget_s is not None else float("inf")
    made: list[str] = []

    async def maker(pool: ThreadPoolExecutor) -> None:
        for sha, key in missing:
            if time.monotonic() > ends_at:
                late.append(sha)
            elif await _make(files, pool, sha, key):
                made.append(sha)

    late: list[str] = []
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="thumbs") as pool:
        await asyncio.gather(*(maker(pool) for _ in range(PARALLEL)))
    return Thumbs(frozenset((there & wanted.keys()) | set(made)), made=len(made), late=len(late))


async def _present(files: Files) -> set[str]:
    return {match.group(1) for item in await files.list(PREFIX) if (match := _THUMB_KEY.fullmatch(item.key))}


async def _make(files: Files, pool: ThreadPoolExecutor, sha256: str, key: str) -> bool:
    try:
        original = await files.get(key)
        small = await asyncio.get_running_loop().run_in_executor(pool, draw_small, original)
    except (FileNotFoundError, ValueError) as error:
        log.warning("no thumbnail of %s: %s", key, error)
        return False
    await files.put(thumb_key(sha256), small, content_type="image/webp")
    return True
