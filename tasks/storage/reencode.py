"""The same pixels in another format, for a model that refuses the one a picture came in."""

import io
import threading
from contextlib import nullcontext

from PIL import Image, ImageOps

from tasks.storage.inspect import LARGE_PIXELS, inspect_image

_one_large_at_a_time = threading.Lock()


def as_png(data: bytes) -> bytes:
    """A PNG of what viewers show of ``data``, without loss. Raises ``BadImage`` as ``inspect_image``.

    With an alpha channel in any case: the one model that wants this, dall-e-2, refuses a PNG that has none.
    """
    facts = inspect_image(data)
    large = facts.width_px * facts.height_px > LARGE_PIXELS
    with _one_large_at_a_time if large else nullcontext():
        with Image.open(io.BytesIO(facts.data), formats=[facts.format.upper()]) as image:
            profile = image.info.get("icc_profile") if image.mode.startswith("RGB") else None
            made = ImageOps.exif_transpose(image).convert("RGBA")
        file = io.BytesIO()
        made.save(file, "PNG", icc_profile=profile)
    return file.getvalue()
