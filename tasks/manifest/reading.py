"""Text read from pictures: which reading counts, and how far it is from what was expected."""

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from catalogs.keys import canonical_json
from tasks.journal.events import Read

_USABLE = frozenset({"text", "no_text"})
_CJK = "\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\uff00-\uffef"  # no Hangul: Korean puts spaces between words
_BESIDE_CJK = re.compile(rf"(?<=[{_CJK}])\s+|\s+(?=[{_CJK}])")
_SPACES = re.compile(r"\s+")
_FENCED = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)


def best_reading(readings: Iterable[Read]) -> Read | None:
    """The newest reading that says what is there, else the newest at all; of equal age the last reader by name."""
    return max(readings, key=lambda read: (read.status in _USABLE, read.at, read.reader), default=None)


def fold_text(text: str) -> str:
    """The text as compared: NFKC, runs of white space as one space, none beside Chinese or Japanese characters."""
    return _SPACES.sub(" ", _BESIDE_CJK.sub("", unicodedata.normalize("NFKC", text))).strip()


@lru_cache(maxsize=32_768)  # the same rows come by with every commit, and long texts take up to 6 ms
def character_error_rate(expected: str | None, read: str | None) -> float | None:
    """Edits from ``read`` to ``expected`` per expected character, after ``fold_text``; None = nothing to compare."""
    if expected is None or read is None:
        return None
    truth = fold_text(expected)
    if not truth:
        return None
    return edit_distance(truth, fold_text(read)) / len(truth)


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance in ``len(b)`` steps on integers of ``len(a)`` bits (Myers 1999, Hyyrö 2003)."""
    if a == b or not a or not b:
        return 0 if a == b else len(a) or len(b)
    full, top = (1 << len(a)) - 1, 1 << (len(a) - 1)
    where: dict[str, int] = {}
    for position, char in enumerate(a):
        where[char] = where.get(char, 0) | 1 << position
    plus, minus, distance = full, 0, len(a)
    for char in b:
        match = where.get(char, 0)
        diagonal = (((match & plus) + plus) ^ plus) | match | minus
        up, down = minus | (full & ~(diagonal | plus)), plus & diagonal
        distance += bool(up & top) - bool(down & top)
        up = (up << 1 | 1) & full
        plus, minus = (down << 1 & full) | (full & ~(diagonal | up)), up & diagonal
    return distance


def answer_json(text: str | None) -> str | None:
    """The answer as JSON with sorted keys if it is a JSON object or list, bare or in a fence; else None."""
    if text is None:
        return None
    fenced = _FENCED.match(text)
    body = (fenced.group(1) if fenced else text).strip()
    if body[:1] not in ("{", "["):
        return None
    try:
        return canonical_json(json.loads(body)).decode()
    except (ValueError, RecursionError):
        return None
