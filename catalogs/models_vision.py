"""Model rows that read pictures: text about images through /chat/completions.

Sources: LiteLLM's price list, the vendors' token formulas. ``max_output_tokens`` is the token cap every reading sends
unless its row asks for another; input tokens are bounds for a picture of any size we take (40 megapixels). How many
pictures one reading takes is ours where the vendor allows more.
"""

from datetime import date
from functools import partial

from catalogs.price_rules import LITELLM, SEED_PRICES, by_token
from catalogs.types import Model, Param

TOKEN_CAP = 1_024

_vision = partial(
    Model,
    source=SEED_PRICES,
    formats={"vision": "chat_vision"},
    max_images=16,
    result="text",
    timeout_s=180.0,
    typical_latency_s=6.0,
    concurrency=32,
)
_reading = partial(by_token, max_output_tokens=TOKEN_CAP, source=LITELLM)


def _params(max_tokens: int, max_temperature: float) -> dict[str, Param]:
    return {
        "max_tokens": Param(kind="int", low=16, high=max_tokens),
        "temperature": Param(kind="float", low=0, high=max_temperature),
    }


DETAIL = {"detail": Param(kind="str", values=("auto", "low", "high"))}


ROWS = (
    _vision(
        id="gpt-4o",
        family="GPT-4o",
        title="GPT-4o",
        price=_reading("2.5", "2.5", "10", tokens_per_input_image=765, max_tokens_per_input_image=1_445),
        params={**_params(16_384, 2), **DETAIL},
        retired_on=date(2027, 1, 14),
        replacement=("gpt-6-luna",),
        note="Asked for with generate or edit it means sora_image, as the gateway's 2025 pages do. "
        "85 + 170 tokens for each 512 px tile, at most 8 tiles.",
    ),
    _vision(
        id="gpt-4o-mini",
        family="GPT-4o mini",
        title="GPT-4o mini",
        source=LITELLM,
        price=_reading("0.15", "0.15", "0.60", tokens_per_input_image=25_501, max_tokens_per_input_image=48_169),
        params={**_params(16_384, 2), **DETAIL},
        retired_on=date(2027, 1, 14),
        replacement=("gpt-6-luna",),
        note="2,833 + 5,667 tokens for each 512 px tile: a picture costs about as much as on gpt-4o.",
    ),
    _vision(
        id="gemini-2.5-pro",
        family="Gemini 2.5 Pro",
        title="Gemini 2.5 Pro",
        price=_reading("1.25", "1.25", "10", tokens_per_input_image=1_032, max_tokens_per_input_image=258 * 84),
        aliases=("gemini-2.5", "google/gemini-2.5-pro"),
        params=_params(65_536, 2),
        max_images=9,
        max_image_bytes=7_000_000,
        note="258 tokens for each 768 px tile. Above 200k input tokens it costs double, which 9 pictures do not reach. "
        "Vertex dates its end 2026-10-20, the Gemini API gives none.",
    ),
    _vision(
        id="claude-3-5-sonnet",
        family="Claude 3.5 Sonnet",
        title="Claude 3.5 Sonnet",
        price=_reading("3", "3", "15", tokens_per_input_image=1_399, max_tokens_per_input_image=3_279),
        aliases=("claude-3.5-sonnet", "claude-3-5-sonnet-20241022", "anthropic/claude-3.5-sonnet"),
        params=_params(8_192, 1),
        max_image_bytes=5_000_000,
        retired_on=date(2025, 10, 28),
        note="width x height / 750 tokens, scaled down above 1,568 px. Its maker names no replacement in our sources.",
    ),
)
