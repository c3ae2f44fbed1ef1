"""Python's search for cycles, kept out of the way where there are none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = 200_000  # objects between two searches, instead of 700


@contextmanager
def rarely_searched() -> Iterator[None]:
    """Around work that makes millions of objects and no cycle: a third of the CPU of a large plan went into looking."""
    before = gc.get_threshold()
    gc.set_threshold(RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
