"""The types of the options' values: what a word means, or a ``ValueError`` that says what it should have been."""

import os
from collections.abc import Callable
from datetime import date

_NAME_CHARS = 512


def at_least(low: int) -> Callable[[str], int]:
    """The type of a whole number that is not below ``low``."""

    def whole(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < low:
            raise ValueError(f"{text!r} is not a whole number of {low} or more")
        return int(text)

    return whole


def seconds(text: str) -> float:
    """The type of a time that is not negative."""
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is not a number of seconds")
    return value


def day(text: str) -> date:
    """The type of a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day like 2026-06-01") from None


def usd(text: str) -> int:
    """The type of money: micro-dollars."""
    from catalogs.money import parse_usd

    return parse_usd(text)


def rate(text: str) -> tuple[str, float]:
    """The type of ``MODEL=N``: the model's id and a number above 0."""
    model, value = _of_model(text)
    if not 0 < _number(value) < float("inf"):
        raise ValueError(f"{value!r} for {model} is not a number above 0")
    return model, float(value)


def price(text: str) -> tuple[str, str]:
    """The type of ``MODEL=USD``: the model's id and the amount as it was written."""
    model, amount = _of_model(text)
    usd(amount)
    return model, amount


def reader(text: str) -> str:
    """The type of ``--ocr``: local, off, or the id of a model that reads pictures."""
    if text in ("local", "off"):
        return text
    from catalogs.models import find_model

    model = find_model(_model_id(text))
    if "vision" not in model.formats:
        raise ValueError(f"{model.id} does not read pictures; give local, off or a vision model")
    return model.id


def words(text: str) -> tuple[str, ...]:
    """The type of ``A,B``: words without the space around them. None at all is a variable that nobody set."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise ValueError(f"{text!r} names nothing; leave the option out to mean all")
    return found


def name(text: str) -> str:
    """The type of a name: something that can be read, and shown on a terminal."""
    if not text.strip() or not text.isprintable() or len(text) > _NAME_CHARS:
        raise ValueError(f"{text[:_NAME_CHARS]!r} is not a name of at most {_NAME_CHARS} printable characters")
    return text


def place(text: str) -> str:
    """The type of a folder or address."""
    if not text.strip():
        raise ValueError(f"{text!r} names no place")
    return os.path.expanduser(text)  # noqa: PTH111 - a path may not normalize the slashes of s3://


def _of_model(text: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals or not name:
        raise ValueError(f"{text!r} is not MODEL=NUMBER, e.g. sora_image=10")
    return _model_id(name), value


def _model_id(name: str) -> str:
    from catalogs.models import UnknownModel, find_model

    try:
        return find_model(name).id
    except UnknownModel as error:
        raise ValueError(str(error)) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
