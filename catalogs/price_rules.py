"""Short constructors for the price column of the model table, and the sources every row quotes."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from catalogs.types import BySizeQuality, ByToken, PerImage, Price

AS_OF = date(2026, 11, 21)  # the day all sources below were read

SEED_PRICES = "docs.apiyi.com/api-reference/images, price table (2025)"
SEED_SORA = "docs.apiyi.com/api-capabilities/sora-image-generation (2025)"
APIYI_2026 = "docs.apiyi.com model pages (2026)"
LITELLM = "LiteLLM 1.109.1 model_prices_and_context_window_backup.json"
BFL = "docs.bfl.ai/quick_start/pricing (2026)"


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def per_image(usd: str, edit_usd: str | None = None, *, source: str) -> Price:
    """A flat price per requested picture; ``edit_usd`` None = no price for an edit is known."""
    rule = PerImage(usd=Decimal(usd), edit_usd=None if edit_usd is None else Decimal(edit_usd))
    return Price(name=f"${_plain(rule.usd)} per image", rule=rule, as_of=AS_OF, source=source)


def by_size_quality(
    usd: Mapping[tuple[str, str], str], edit_usd: Mapping[tuple[str, str], str] | None = None, *, source: str
) -> Price:
    """A price looked up by (size, quality); ``""`` stands for any."""
    table = {key: Decimal(amount) for key, amount in usd.items()}
    edits = None if edit_usd is None else {key: Decimal(amount) for key, amount in edit_usd.items()}
    low, high = _plain(min(table.values())), _plain(max(table.values()))
    name = f"${low} to ${high} by size and quality" if low != high else f"${low} per image"
    return Price(name=name, rule=BySizeQuality(usd=table, edit_usd=edits), as_of=AS_OF, source=source)


def by_token(
    text_in: str,
    image_in: str,
    output: str,
    *,
    max_output_tokens: int,
    tokens_per_input_image: int,
    max_tokens_per_input_image: int | None = None,
    output_tokens: Mapping[tuple[str, str], int] | None = None,
    source: str,
) -> Price:
    """USD per million text-in, image-in and output tokens."""
    rule = ByToken(
        text_in=Decimal(text_in),
        image_in=Decimal(image_in),
        output=Decimal(output),
        output_tokens=output_tokens or {},
        max_output_tokens=max_output_tokens,
        tokens_per_input_image=tokens_per_input_image,
        max_tokens_per_input_image=max_tokens_per_input_image,
    )
    name = f"${_plain(rule.text_in)}/${_plain(rule.image_in)}/${_plain(rule.output)} per M tokens (text, image, out)"
    return Price(name=name, rule=rule, as_of=AS_OF, source=source)
