"""Whether a picture came in the size or ratio that was asked for."""

import re
from functools import lru_cache

_SIZE = re.compile(r"\s*(\d+)\s*[xX*×]\s*(\d+)\s*")
_RATIO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[::]\s*(\d+(?:\.\d+)?)\s*")
_TOLERANCE = 0.03  # most models round sides to multiples of 16 or 64


@lru_cache(maxsize=4096)
def as_requested(requested: str | None, width_px: int, height_px: int) -> bool | None:
    """True if ``WxH`` is met exactly or ``W:H`` within 3 %; None if nothing definite was asked for (None, ``auto``)."""
    if size := _SIZE.fullmatch(requested or ""):
        return (width_px, height_px) == (int(size[1]), int(size[2]))
    ratio = _RATIO.fullmatch(requested or "")
    if ratio is None or not float(ratio[2]) or not height_px:
        return None
    wanted = float(ratio[1]) / float(ratio[2])
    return abs(width_px / height_px - wanted) <= _TOLERANCE * wanted
