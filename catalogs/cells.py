"""Reading one cell: text in, a value out, or ``BadCell`` that says what would be allowed. No model is known here."""

import json
import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from catalogs.problems import BadCell, nearest, one_of, shown
from catalogs.types import ImageRef, Json, Param

_WHOLE = re.compile(r"([+-]?[0-9]{1,19})(?:\.0+)?")  # pandas writes 42.0 where a column also has gaps
_SIZE = re.compile(r"([0-9]{1,5})\s*[xX×*]\s*([0-9]{1,5})")
_RATIO = re.compile(r"([0-9]{1,4})\s*[:\uff1a]\s*([0-9]{1,4})")
_TRUE = frozenset({"true", "1", "yes", "y", "1.0", "是"})
_FALSE = frozenset({"false", "0", "no", "n", "0.0", "否"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20})://|(data):")
_INT64 = 2**63
_REF_FORMS = "a path relative to the catalog, s3://…, https://… or row:<id>"


def whole_number(text: str, low: int, high: int, what: str) -> int:
    """A whole number within ``low``..``high``; ``42.0`` is 42, ``1e5`` is not a number here."""
    match = _WHOLE.fullmatch(text)
    if match is None or not low <= int(match[1]) <= high:
        raise BadCell(f"{what}: a whole number from {low} to {high}" if low < high else f"{what}: only {low}")
    return int(match[1])


def truth(text: str) -> bool:
    """``true`` or ``false`` in any case; also 1/0, yes/no, 是/否."""
    word = text.casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadCell("true or false")


def choice(text: str, options: Sequence[str], what: str) -> str:
    """The option that ``text`` spells, in any case."""
    for option in options:
        if option.casefold() == text.casefold():
            return option
    raise BadCell(f"{what}: {one_of(options)}", nearest=nearest(text, options))


def size(text: str) -> str:
    """``1024x1024`` or ``auto``; a × or an X is an x."""
    if text.casefold() == "auto":
        return "auto"
    match = _SIZE.fullmatch(text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise BadCell("a size such as 1024x1024")
    return f"{int(match[1])}x{int(match[2])}"


def ratio(text: str) -> str:
    """``2:3``; a full-width colon is a colon."""
    match = _RATIO.fullmatch(text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise BadCell("a ratio such as 2:3")
    return f"{int(match[1])}:{int(match[2])}"


def is_ratio(text: str) -> bool:
    """Whether ``text`` has the form of a ratio, in whichever column it stands."""
    return _RATIO.fullmatch(text) is not None


def proportion(text: str) -> Fraction | None:
    """Width by height of a size or a ratio; None for ``auto``."""
    sides = parse_sides(text)
    return Fraction(*sides) if sides else None


def parse_sides(text: str) -> tuple[int, int] | None:
    """Both numbers of a size or a ratio; None for ``auto``."""
    match = _SIZE.fullmatch(text) or _RATIO.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def param(text: str, rule: Param, what: str) -> str | int | float | bool:
    """A parameter's value from a cell, by the model's rule for it."""
    if rule.kind == "bool":
        return truth(text)
    if rule.kind == "str":
        return choice(text, rule.values, what) if rule.values else text
    if rule.kind == "int":
        low, high = _range(rule)
        return whole_number(text, low, high, what)
    try:
        return _in_range(float(text), rule, what)
    except ValueError:
        raise BadCell(f"{what}: a number{_bounds(rule)}") from None


def json_param(value: Any, rule: Param, what: str) -> Json:
    """A parameter's value from JSON, by the model's rule; the JSON type must be the rule's."""
    kinds: dict[str, set[type]] = {"str": {str}, "int": {int}, "float": {int, float}, "bool": {bool}}
    if type(value) not in kinds[rule.kind]:
        names = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
        raise BadCell(f"{what}: {names[rule.kind]}{_bounds(rule)}", found=shown(json.dumps(value, ensure_ascii=False)))
    if rule.kind == "bool":
        return value
    return param(str(value), rule, what) if rule.kind == "str" else _in_range(value, rule, what)


def json_object(text: str) -> dict[str, Json]:
    """A JSON object. Keys given twice, NaN, and text that is not valid Unicode are refused."""
    try:
        value = json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except BadCell:
        raise
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, character {error.colno}"
        raise BadCell(f'a JSON object such as {{"seed": 42}}; it breaks at {where}: {error.msg}') from None
    except UnicodeEncodeError:
        raise BadCell("JSON text in valid Unicode; this one holds half a surrogate pair") from None
    except (ValueError, RecursionError):
        raise BadCell("a JSON object without endless numbers or levels") from None
    if not isinstance(value, dict):
        raise BadCell('a JSON object such as {"seed": 42}')
    return value


def image_refs(text: str, base: str | None) -> tuple[ImageRef, ...]:
    """The pictures of a ``;``-separated cell, in order."""
    return tuple(image_ref(part.strip(), base) for part in text.split(";") if part.strip())


def image_ref(text: str, base: str | None) -> ImageRef:
    """One picture: a path (joined to ``base``, a folder or URI), ``s3://``, ``https://`` or ``row:<id>[#sample]``."""
    if text.startswith("row:"):
        return _row_ref(text)
    if not text.isprintable():
        raise BadCell(f"{_REF_FORMS}, without control characters", found=shown(text))
    scheme = _SCHEME.match(text)
    name = (scheme[1] or scheme[2]).lower() if scheme else ""
    if name in ("http", "https"):
        if not re.fullmatch(r"https?://[^\s/@?#]+(?:[/?#]\S*)?", text, re.IGNORECASE):
            raise BadCell("a full URL such as https://host/picture.png, without user name", found=shown(text))
        return ImageRef(kind="https", target=text)
    if name == "s3":
        if not re.fullmatch(r"s3://[^/\s]+/.+", text, re.IGNORECASE):
            raise BadCell("s3://bucket/key", found=shown(text))
        return ImageRef(kind="s3", target=text)
    if name:
        raise BadCell(_REF_FORMS, found=shown(text), nearest="https" if name.startswith("htt") else None)
    return _below(base, text)


def _row_ref(text: str) -> ImageRef:
    target, mark, sample = text[4:].rpartition("#")
    if mark and target and sample.isascii() and sample.isdigit() and len(sample) < 5:
        return ImageRef(kind="row", target=target.strip(), sample=int(sample))
    if not text[4:].strip():
        raise BadCell("row:<id> or row:<id>#0", found=shown(text))
    return ImageRef(kind="row", target=text[4:].strip())


def _below(base: str | None, path: str) -> ImageRef:
    if path.startswith("/"):
        return ImageRef(kind="file", target=path)
    if base is None:
        raise BadCell("s3://…, https://… or row:<id>: this catalog has no folder that a path could start from")
    joined = f"{base.rstrip('/')}/{path}" if base else path
    return ImageRef(kind="s3" if base.lower().startswith("s3://") else "file", target=joined)


def _range(rule: Param) -> tuple[int, int]:
    low = -_INT64 if rule.low is None else math.ceil(rule.low)
    return low, _INT64 - 1 if rule.high is None else math.floor(rule.high)


def _in_range(value: float, rule: Param, what: str) -> float:
    low, high = (-_INT64 if rule.low is None else rule.low), (_INT64 - 1 if rule.high is None else rule.high)
    if not low <= value <= high:  # NaN is in no range
        raise BadCell(f"{what}: a number{_bounds(rule)}", found=shown(str(value)))
    return value


def _bounds(rule: Param) -> str:
    if rule.low is None and rule.high is None:
        return ""
    if rule.high is None:
        return f" from {rule.low:g}"
    return f" up to {rule.high:.12g}" if rule.low is None else f" from {rule.low:g} to {rule.high:.12g}"


def _no_repeats(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise BadCell("each key once", found=shown(twice) + " twice")
    return found


def _no_constant(name: str) -> Json:
    raise BadCell("JSON without NaN and Infinity", found=name)
