"""What OpenAI itself charges, for ``--provider openai``: only its own models are priced there.

Source: OpenAI's list as one-api and LiteLLM restate it (2026).
"""

from catalogs.models_openai import MOST_INPUT_1, TOKENS_1, USUAL_INPUT_1
from catalogs.price_rules import LITELLM, by_size_quality, by_token
from catalogs.types import Price

_DALL_E_2 = {("256x256", ""): "0.016", ("512x512", ""): "0.018", ("1024x1024", ""): "0.020"}
_DALL_E_3 = {
    ("1024x1024", ""): "0.04",
    ("1792x1024", ""): "0.08",
    ("1024x1792", ""): "0.08",
    ("1024x1024", "hd"): "0.08",
    ("1792x1024", "hd"): "0.12",
    ("1024x1792", "hd"): "0.12",
}

OPENAI_PRICES: dict[str, Price] = {
    "dall-e-2": by_size_quality(_DALL_E_2, _DALL_E_2, source="OpenAI's list in songquanpeng/one-api (2025-02)"),
    "dall-e-3": by_size_quality(_DALL_E_3, source="OpenAI's list in songquanpeng/one-api (2025-02)"),
    "gpt-image-1": by_token(
        "5",
        "10",
        "40",
        output_tokens=TOKENS_1,
        max_output_tokens=6_240,
        tokens_per_input_image=USUAL_INPUT_1,
        max_tokens_per_input_image=MOST_INPUT_1,
        source=LITELLM,
    ),
}
# the gateway sells these at OpenAI's own price
SAME_AT_OPENAI = frozenset(
    {
        *("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
        *("gpt-4o", "gpt-4o-mini"),
    }
)
