"""Prices by picture: one figure, or a table by size and quality. Billed for the ``n`` asked for, as one-api does."""

from decimal import Decimal
from functools import lru_cache

from catalogs.money import pico_of, round_half_even, round_up
from catalogs.types import ByToken, Model, Operation


def named(value: str | None) -> str:
    """The size or quality for a table look-up; ``auto`` and None leave it open, written ``""``."""
    return "" if value is None or value == "auto" else value


def lookup_order(size: str, quality: str) -> tuple[tuple[str, str], ...]:
    """The table keys that fit, the most fitting first."""
    return (size, quality), ("", quality), (size, ""), ("", "")


@lru_cache(maxsize=4096)
def flat_micros(model: Model, operation: Operation, n: int, size: str | None, quality: str | None) -> int | None:
    """What ``n`` pictures cost, rounded half to even; None = no price is known for this operation, size and quality."""
    usd = flat_usd(model, operation, n, size, quality)
    return None if usd is None else round_half_even(pico_of(usd))


@lru_cache(maxsize=4096)
def flat_cap_micros(model: Model, operation: Operation, n: int, size: str | None, quality: str | None) -> int | None:
    """The same, rounded up."""
    usd = flat_usd(model, operation, n, size, quality)
    return None if usd is None else round_up(pico_of(usd))


def flat_usd(model: Model, operation: Operation, n: int, size: str | None, quality: str | None) -> Decimal | None:
    """The same, exactly."""
    if n < 1:
        raise ValueError(f"n is {n}, not at least 1")
    if model.price is None or isinstance(model.price.rule, ByToken):
        return None
    rule = model.price.rule
    unit = rule.edit_usd if operation == "edit" else rule.usd
    if unit is None or isinstance(unit, Decimal):
        return None if unit is None else unit * n
    wanted = lookup_order(named(size) or named(model.default_size), named(quality))
    return next((unit[key] * n for key in wanted if key in unit), None)
