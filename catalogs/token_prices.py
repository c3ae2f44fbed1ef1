"""Prices by token: what a picture or a reading usually takes, can take at most, and took by the reply's ``usage``.

Amounts are pico-dollars (``catalogs.money``), split into what is the same for many rows, cached, and the prompt.
"""

from decimal import Decimal
from functools import lru_cache
from math import isqrt

from catalogs.flat_prices import lookup_order, named
from catalogs.money import pico_of
from catalogs.types import ByToken, Model, Operation

TOKENS_PER_CHAR_CAP = 4  # no tokenizer here gives a character more tokens than its UTF-8 bytes
CHARS_PER_TOKEN = 3  # the usual case, between English (4) and Chinese (1 to 2)
OVERHEAD_TOKENS = 64  # roles and separators around a prompt
USUAL_ANSWER_TOKENS = 200
_BASE_PIXELS = 1024 * 1024
_LARGEST_PRICED_PIXELS = 1024 * 1536


def token_rule(model: Model) -> ByToken | None:
    """The model's price rule if it is one by token."""
    rule = model.price.rule if model.price else None
    return rule if isinstance(rule, ByToken) else None


@lru_cache(maxsize=4096)
def picture_tokens(model: Model, size: str | None = None, quality: str | None = None) -> int | None:
    """Image tokens one picture usually costs; None for a model without such a table.

    A size or quality left open ("auto" or None) counts as the table's default. Sizes beyond the table grow with the
    square root of their area, somewhat above OpenAI's calculator (5,488 at 1536x1024, 12,329 at 3584x2048).
    """
    rule = token_rule(model)
    if rule is None:
        return None
    wanted_size = named(size)
    for key in lookup_order(wanted_size, named(quality)):
        if key in rule.output_tokens:
            tokens = rule.output_tokens[key]
            return min(tokens if key[0] else _grown(tokens, wanted_size), most_picture_tokens(rule, wanted_size))
    return None


def most_picture_tokens(rule: ByToken, size: str) -> int:
    """The table's maximum; for sizes beyond the table in proportion to the area, a bound no list comes near."""
    pixels = _pixels(size)
    if pixels <= _LARGEST_PRICED_PIXELS:
        return rule.max_output_tokens
    return -(-rule.max_output_tokens * pixels // _BASE_PIXELS)


def _grown(tokens: int, size: str) -> int:
    pixels = _pixels(size)
    return tokens if pixels <= _LARGEST_PRICED_PIXELS else tokens * isqrt(pixels) // isqrt(_BASE_PIXELS)


def _pixels(size: str) -> int:
    width, _, height = size.partition("x")
    return int(width) * int(height) if width.isdecimal() and height.isdecimal() else 0


@lru_cache(maxsize=4096)
def usual_pico(
    model: Model,
    operation: Operation,
    *,
    n: int,
    size: str | None,
    quality: str | None,
    input_images: int,
    max_tokens: int | None,
) -> tuple[int, int]:
    """Usual pico-dollars of everything but the prompt, and of one prompt token."""
    rule = _checked_rule(model, n, input_images, max_tokens)
    text, image, output = _pico_per_token(rule.text_in, rule.image_in, rule.output)
    if operation == "vision":
        output_tokens = min(USUAL_ANSWER_TOKENS, max_tokens or rule.max_output_tokens)
    else:
        output_tokens = n * (picture_tokens(model, size, quality) or rule.max_output_tokens)
    return input_images * rule.tokens_per_input_image * image + output_tokens * output, text


@lru_cache(maxsize=4096)
def most_pico(
    model: Model, operation: Operation, *, n: int, size: str | None, input_images: int, max_tokens: int | None
) -> tuple[int, int]:
    """Most pico-dollars of everything but the prompt, and of one prompt character; input may be billed once per n."""
    rule = _checked_rule(model, n, input_images, max_tokens)
    text, image, output = _pico_per_token(rule.text_in, rule.image_in, rule.output)
    if operation == "vision":
        output_tokens = max_tokens or rule.max_output_tokens
    else:
        output_tokens = n * most_picture_tokens(rule, named(size))
    tokens_per_image = rule.max_tokens_per_input_image or rule.tokens_per_input_image
    input_pico = OVERHEAD_TOKENS * text + input_images * tokens_per_image * image
    return n * input_pico + output_tokens * output, n * TOKENS_PER_CHAR_CAP * text


def used_pico(
    rule: ByToken,
    operation: Operation,
    *,
    input_images: int,
    input_tokens: int | None,
    output_tokens: int | None,
    input_text_tokens: int | None,
    input_image_tokens: int | None,
) -> int | None:
    """Pico-dollars of a reply's ``usage``; None when it does not tell.

    It does not when a count is absent or the 1 that gateways fill in (a reading's answer may be one token: "Yes"), nor
    when text and image input have different prices and are not told apart, or do not add up.
    """
    fewest = 1 if operation == "vision" else 2
    if input_tokens is None or output_tokens is None or input_tokens <= 1 or output_tokens < fewest:
        return None
    text, image, output = _pico_per_token(rule.text_in, rule.image_in, rule.output)
    if text == image:
        return input_tokens * text + output_tokens * output
    parts = _input_parts(input_images, input_tokens, input_text_tokens, input_image_tokens)
    return None if parts is None else parts[0] * text + parts[1] * image + output_tokens * output


def _input_parts(input_images: int, total: int, text: int | None, image: int | None) -> tuple[int, int] | None:
    if text is None:
        if image is None:
            return (total, 0) if input_images == 0 else None
        text = total - image
    image = total - text if image is None else image
    return (text, image) if text >= 0 and image >= 0 and text + image == total else None


def _checked_rule(model: Model, n: int, input_images: int, max_tokens: int | None) -> ByToken:
    rule = token_rule(model)
    if rule is None or n < 1 or input_images < 0 or (max_tokens is not None and max_tokens < 1):
        raise ValueError(f"{model.id}: n {n}, {input_images} input images, max_tokens {max_tokens}: out of range")
    return rule


@lru_cache(maxsize=256)
def _pico_per_token(text_in: Decimal, image_in: Decimal, output: Decimal) -> tuple[int, int, int]:
    """Of prices in USD per million tokens."""
    return pico_of(text_in.scaleb(-6)), pico_of(image_in.scaleb(-6)), pico_of(output.scaleb(-6))
