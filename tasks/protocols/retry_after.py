"""How long a gateway asks us to wait: ``retry-after-ms``, ``retry-after`` in seconds or as a date, or in words."""

import math
import re
import time
from collections.abc import Mapping

CAP_S = 300.0

_IN_WORDS = re.compile(r"(?:try|retry) again in (?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,6}(?:\.\d{1,6})?)(ms|s))?")


def wanted_pause_s(headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds from now, uncapped; None if nothing usable is said.

    ``retry-after-ms`` wins over ``retry-after``; a date is measured against the reply's own ``date`` header, so that
    a wrong clock here does no harm. ``message`` (lower case) is read for OpenAI's "try again in 1m12s".
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    header = headers.get("retry-after")
    if header is not None:
        seconds = _number(header)
        return seconds if seconds is not None else _until(header, headers.get("date"))
    return _in_words(message)


def capped_s(pause_s: float | None) -> float | None:
    """``pause_s`` but never more than five minutes."""
    return None if pause_s is None else min(pause_s, CAP_S)


def _number(text: str | None) -> float | None:
    try:
        value = float(text.strip()) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _until(text: str, now: str | None) -> float | None:
    then_s = _timestamp_s(text)
    now_s = _timestamp_s(now) if now else None
    if then_s is None:
        return None
    return max(0.0, then_s - (now_s if now_s is not None else time.time()))


def _timestamp_s(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _in_words(message: str) -> float | None:
    found = _IN_WORDS.search(message)
    if not found or not any(found.groups()[:3]):
        return None
    hours, minutes, amount, unit = found.groups()
    seconds = float(amount or 0) / (1000 if unit == "ms" else 1)
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds
