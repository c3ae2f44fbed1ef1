"""A perceptual hash: 64 bits that stay nearly the same when a picture is scaled, recompressed or brightened.

Algorithm (the usual DCT hash, as the imagehash package computes it, within a bit or two): grey values, scaled to
32 x 32, type-II DCT, the 8 x 8 lowest frequencies row by row, each bit says whether its coefficient is above their
median. Pictures of one subject differ in up to about 10 bits, unrelated ones in about 32.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 32
KEPT = 8

_steps = np.arange(SIDE)
_DCT: NDArray[np.float32] = np.cos(np.pi * np.outer(np.arange(KEPT), 2 * _steps + 1) / (2 * SIDE)).astype(np.float32)


def phash_of(grey: Image.Image) -> str:
    """The hash as 16 hex digits; ``grey`` is an image of mode ``L``, best already reduced to a few hundred pixels."""
    small = grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    low = _DCT @ np.asarray(small, dtype=np.float32) @ _DCT.T
    bits = (low > _median(low)).ravel()
    return np.packbits(bits).tobytes().hex()


def _median(low: NDArray[np.float32]) -> np.float32:
    """As ``np.median`` of 64 numbers, which takes seven times as long to look at its arguments."""
    middle = np.partition(low, (31, 32), axis=None)[31:33]
    return np.float32(middle.mean())


def distance(one: str, other: str) -> int:
    """In how many of the 64 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
