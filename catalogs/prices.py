"""What a call will cost, can cost at most, and has cost: pure functions over the model table, exact to micro-dollars.

Three figures for one call: ``estimate_micros`` for a plan, ``cap_micros`` reserved before the POST, ``charged_micros``
from the reply. Always estimate <= cap, and charge <= cap at a gateway that keeps to the table. Each is None when it is
not known, never 0. Caps round up to a whole micro-dollar, estimates and charges round half to even.

Flat prices are billed as one-api does: for the ``n`` asked for, as soon as one picture came, even if fewer came.
Token prices are billed by the reply's ``usage``.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from catalogs.flat_prices import flat_cap_micros, flat_micros, flat_usd
from catalogs.money import format_usd, parse_usd, round_half_even, round_up, split_micros, usd_decimal
from catalogs.token_prices import CHARS_PER_TOKEN, most_pico, picture_tokens, token_rule, used_pico, usual_pico
from catalogs.types import ByToken, Model, Operation, PerImage, Price, PriceRule

__all__ = [
    "at_quote",
    "cap_micros",
    "charged_micros",
    "estimate_micros",
    "format_usd",
    "parse_usd",
    "picture_tokens",
    "quote",
    "split_micros",
    "usd_decimal",
    "with_price",
]


def with_price(model: Model, usd: Decimal | str, as_of: date | None = None) -> Model:
    """The model at the user's own flat price (``--price MODEL=USD``) for each picture, edit or reading.

    Raises ValueError for a negative price or one finer than a micro-dollar.
    """
    amount = usd_decimal(parse_usd(f"{usd:f}" if isinstance(usd, Decimal) else usd))
    rule = PerImage(usd=amount, edit_usd=amount)
    name = f"{format_usd(parse_usd(str(amount)))} per image (--price)"
    price = Price(name=name, rule=rule, as_of=as_of or datetime.now(UTC).date(), source="--price")
    return replace(model, price=price)


def estimate_micros(
    model: Model,
    *,
    operation: Operation,
    n: int = 1,
    size: str | None = None,
    quality: str | None = None,
    input_images: int = 0,
    prompt_chars: int = 0,
    max_tokens: int | None = None,
) -> int | None:
    """What one call usually costs, in micro-dollars; None = no price is known."""
    if token_rule(model) is None:
        return flat_micros(model, operation, n, size, quality)
    fixed, per_token = usual_pico(
        model, operation, n=n, size=size, quality=quality, input_images=input_images, max_tokens=max_tokens
    )
    return round_half_even(fixed + (prompt_chars // CHARS_PER_TOKEN + 1) * per_token)


def cap_micros(
    model: Model,
    *,
    operation: Operation,
    n: int = 1,
    size: str | None = None,
    quality: str | None = None,
    input_images: int = 0,
    prompt_chars: int = 0,
    max_tokens: int | None = None,
) -> int | None:
    """The most one call can cost, in micro-dollars, to be reserved before its POST; None = no price is known.

    Token-priced pictures reserve the table's maximum whatever quality is asked for; a reading reserves ``max_tokens``
    (the model's own cap by default), which must be sent with it. ``prompt_chars`` counts all text sent, a JSON schema
    too; ``input_images`` counts a mask as one.
    """
    if token_rule(model) is None:
        return flat_cap_micros(model, operation, n, size, quality)
    fixed, per_char = most_pico(model, operation, n=n, size=size, input_images=input_images, max_tokens=max_tokens)
    return round_up(fixed + prompt_chars * per_char)


def charged_micros(
    model: Model,
    *,
    operation: Operation,
    delivered: int,
    requested_n: int = 1,
    size: str | None = None,
    quality: str | None = None,
    input_images: int = 0,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
    input_text_tokens: int | None = None,
    input_image_tokens: int | None = None,
) -> int | None:
    """What an answered call was billed, in micro-dollars; None = the reply does not tell.

    ``delivered`` is the number of pictures in the reply (for a reading: 1). A reply without any tells nothing of its
    bill; extra pictures are free. ``size`` and ``quality`` are those asked for, token counts those of the reply.
    """
    if delivered < 1:
        return None
    rule = token_rule(model)
    if rule is None:
        return flat_micros(model, operation, requested_n, size, quality)
    pico = used_pico(
        rule,
        operation,
        input_images=input_images,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        input_text_tokens=input_text_tokens,
        input_image_tokens=input_image_tokens,
    )
    return None if pico is None else round_half_even(pico)


@lru_cache(maxsize=4096)
def quote(model: Model, operation: Operation, size: str | None, quality: str | None) -> tuple[str, ...]:
    """The price of such a call, to be kept beside it: ``at_quote`` charges by it when the table says something else.

    USD for each picture, or USD per million text-in, image-in and output tokens; empty = no price is known.
    """
    rule = token_rule(model)
    if rule is not None:
        return str(rule.text_in), str(rule.image_in), str(rule.output)
    usd = flat_usd(model, operation, 1, size, quality)
    return () if usd is None else (str(usd),)


@lru_cache(maxsize=256)
def at_quote(model: Model, quoted: tuple[str, ...]) -> Model:
    """The model at the price that ``quote`` gave; it is good for ``charged_micros`` and nothing else."""
    if not quoted:
        return replace(model, price=None)
    first, *others = map(Decimal, quoted)
    rule: PriceRule = PerImage(usd=first, edit_usd=first)
    if others:
        image_in, output = others
        rule = ByToken(text_in=first, image_in=image_in, output=output, max_output_tokens=0, tokens_per_input_image=0)
    return replace(model, price=Price(name="as quoted", rule=rule, as_of=date.min, source="the call's context"))
