"""The garbage collector while a run lasts: rarer, and spared what was there before.

What a run makes is freed by its reference counts; what it keeps (journals, plans) only grows, and is looked through
again and again for cycles that are not there: a tenth of the loop's CPU by Python's own thresholds.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = (50_000, 20, 50)  # some 10 MB of garbage at most before the first look


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """Python's own thresholds come back at the end."""
    before = gc.get_threshold()
    gc.freeze()  # without a collection first: after an import of Prefect it would take a third of a second
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
