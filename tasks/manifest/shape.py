"""Whether a picture came in the size or ratio that was asked for."""

import re
from functools import lru_cache

_SIZE = re.compile(r"\s*(\d+)\s*[xX×*]\s*(\d+)\s*")
_RATIO = re.compile(r"\s*(\d+)\s*:\s*(\d+)\s*")
_TOLERANCE = 0.02  # sides are rounded to multiples of 8 or 16 by most models


@lru_cache(maxsize=4096)
def as_requested(requested: str | None, width_px: int, height_px: int) -> bool | None:
    """True if ``WxH`` is met exactly or ``W:H`` within 2 %; None if nothing exact was asked (``auto``, nothing)."""
    if requested is None:
        return None
    size = _SIZE.fullmatch(requested)
    if size:
        return (width_px, height_px) == (int(size[1]), int(size[2]))
    ratio = _RATIO.fullmatch(requested)
    if ratio is None or int(ratio[2]) == 0 or height_px == 0:
        return None
    wanted = int(ratio[1]) / int(ratio[2])
    return abs(width_px / height_px - wanted) <= _TOLERANCE * wanted
