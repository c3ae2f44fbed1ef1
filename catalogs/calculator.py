"""The seeds' calculator: what N pictures (or readings) cost on each model, without a catalog."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from catalogs.flat_prices import flat_micros
from catalogs.models import MODELS, retirement
from catalogs.money import pico_of, round_half_even
from catalogs.prices import cap_micros, estimate_micros
from catalogs.token_prices import token_rule
from catalogs.types import BySizeQuality, ByToken, Model, Operation

SEED_TOKENS_PER_PICTURE = {"gpt-image-1": 1_000}  # the seed's assumption; medium quality is 1,056


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the pictures cost on one model, in micro-dollars; None = no price is known.

    ``low`` and ``high`` span qualities and sizes, ``expected`` is the usual case. Prompts and inputs are left out.
    """

    model: Model
    low_micros: int | None
    expected_micros: int | None
    high_micros: int | None
    assumption: str
    retirement: str | None


def compare(
    n_pictures: int, *, today: date, operation: Operation = "generate", models: Iterable[Model] | None = None
) -> list[Comparison]:
    """One row for each model that does the operation, the cheapest expected first, unknown prices last.

    ``models`` are the rows to compare (default: the whole table), so that prices may be a provider's or the user's.
    Raises ValueError for a negative number.
    """
    if n_pictures < 0:
        raise ValueError(f"{n_pictures} pictures")
    rows = [
        _compared(model, n_pictures, operation, today)
        for model in (MODELS.values() if models is None else models)
        if operation in model.formats
    ]
    return sorted(rows, key=lambda row: (row.expected_micros is None, row.expected_micros or 0, row.model.id))


def _compared(model: Model, n_pictures: int, operation: Operation, today: date) -> Comparison:
    if operation == "vision":
        low, expected, high, assumption = _readings(model, n_pictures)
    elif (rule := token_rule(model)) is not None:
        low, expected, high, assumption = _by_token(model, rule, n_pictures)
    else:
        low, expected, high, assumption = _flat(model, operation, n_pictures)
    return Comparison(
        model=model,
        low_micros=low,
        expected_micros=expected,
        high_micros=high,
        assumption=assumption,
        retirement=retirement(model, today),
    )


_Range = tuple[int | None, int | None, int | None, str]


def _times(micros: int | None, n_pictures: int) -> int | None:
    return None if micros is None else micros * n_pictures


def _readings(model: Model, n_pictures: int) -> _Range:
    usual = _times(estimate_micros(model, operation="vision", input_images=1), n_pictures)
    most = _times(cap_micros(model, operation="vision", input_images=1), n_pictures)
    return usual, usual, most, "one picture of about 1024x1024 each"


def _by_token(model: Model, rule: ByToken, n_pictures: int) -> _Range:
    least, most = min(rule.output_tokens.values()), rule.max_output_tokens
    usual = SEED_TOKENS_PER_PICTURE.get(model.id, rule.output_tokens[("", "")])
    pico_per_token = pico_of(rule.output.scaleb(-6))
    low, expected, high = (round_half_even(pico_per_token * count * n_pictures) for count in (least, usual, most))
    return low, expected, high, f"{usual:,} output tokens each; {least:,} to {most:,} by quality and size"


def _flat(model: Model, operation: Operation, n_pictures: int) -> _Range:
    rule = model.price.rule if model.price else None
    usual = estimate_micros(model, operation=operation)
    sizes: Iterable[tuple[str, str]] = ()
    if isinstance(rule, BySizeQuality):
        sizes = (rule.edit_usd if operation == "edit" else rule.usd) or ()
    prices = [flat_micros(model, operation, 1, size, quality) for size, quality in sizes] or [usual]
    known = [price for price in prices if price is not None]
    if not known:
        return None, None, None, "no known price: give one with --price"
    low, high = min(known), max(known)
    assumption = "flat price" if low == high else "by size and quality"
    return low * n_pictures, _times(usual, n_pictures), high * n_pictures, assumption
