"""The same pixels in another format, for a model that refuses the one a picture came in."""

import io

from PIL import Image, ImageOps

from tasks.storage.inspect import inspect_image, room_for


def as_png(data: bytes) -> bytes:
    """A PNG of what viewers show of ``data``, without loss. Raises ``BadImage`` as ``inspect_image``.

    With an alpha channel in any case: the one model that wants this, dall-e-2, refuses a PNG that has none.
    """
    facts = inspect_image(data)
    with room_for(facts.width_px, facts.height_px):
        with Image.open(io.BytesIO(facts.data), formats=[facts.format.upper()]) as image:
            profile = image.info.get("icc_profile") if image.mode.startswith("RGB") else None
            made = ImageOps.exif_transpose(image).convert("RGBA")
        file = io.BytesIO()
        made.save(file, "PNG", icc_profile=profile)
    return file.getvalue()
