"""Model rows of OpenAI's image families as a gateway offers them: DALL·E 2 and 3, GPT-Image.

Sources: OpenAI's API specification of 2026-08, its image guide and deprecation page, the seeds' price table, LiteLLM's
price list. Prices are the gateway's; those of OpenAI itself stand in ``openai_list``. Concurrency is ours.
"""

from datetime import date
from functools import partial

from catalogs.price_rules import APIYI_2026, LITELLM, SEED_PRICES, SEED_SORA, by_token, per_image
from catalogs.types import Model, Operation, Param, WireFormat

SPEC = "openai/openai-openapi openapi.yaml (2026-08-21)"
SUCCESSORS = ("gpt-image-2.5-sunburst", "gpt-image-2.5-flare")
SUCCESSORS_2_6 = (*SUCCESSORS, "gpt-image-2.6-sunburst", "gpt-image-2.6-flare")  # the newest notice names 2.6

IMAGES_AND_EDITS: dict[Operation, WireFormat] = {"generate": "images_json", "edit": "edits_multipart"}
GPT_SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
MB = 1_000_000

DALLE_PARAMS = {"response_format": Param(kind="str", values=("url", "b64_json")), "user": Param(kind="str")}
GPT_PARAMS = {
    "quality": Param(kind="str", values=("low", "medium", "high", "auto")),
    "background": Param(kind="str", values=("transparent", "opaque", "auto")),
    "output_format": Param(kind="str", values=("png", "jpeg", "webp")),
    "output_compression": Param(kind="int", low=0, high=100),
    "moderation": Param(kind="str", values=("low", "auto"), operations=("generate",)),
    "user": Param(kind="str"),
}
FIDELITY = {"input_fidelity": Param(kind="str", values=("low", "high"), operations=("edit",))}
OPAQUE = {"background": Param(kind="str", values=("opaque", "auto"))}
EFFORT_2_5 = {"quality": Param(kind="str", values=("low", "medium", "high", "xhigh", "max", "auto"))}

# OpenAI image guide: tokens of one picture; "" = a size or quality left to the model, taken as medium
TOKENS_1 = {
    ("1024x1024", "low"): 272,
    ("1024x1536", "low"): 408,
    ("1536x1024", "low"): 400,
    ("1024x1024", "medium"): 1056,
    ("1024x1536", "medium"): 1584,
    ("1536x1024", "medium"): 1568,
    ("1024x1024", "high"): 4160,
    ("1024x1536", "high"): 6240,
    ("1536x1024", "high"): 6208,
    ("", "low"): 272,
    ("", "medium"): 1056,
    ("", "high"): 4160,
    ("1024x1536", ""): 1584,
    ("1536x1024", ""): 1568,
    ("", ""): 1056,
}
# square: apiyi's page; the others from OpenAI's cost calculator (5,488 at high) in the same proportion
TOKENS_2 = {
    ("1024x1536", "low"): 153,
    ("1536x1024", "low"): 153,
    ("1024x1536", "medium"): 1372,
    ("1536x1024", "medium"): 1372,
    ("1024x1536", "high"): 5488,
    ("1536x1024", "high"): 5488,
    ("", "low"): 196,
    ("", "medium"): 1756,
    ("", "high"): 7024,
    ("", ""): 1756,
}
TOKENS_2_5 = {
    ("", "low"): 196,
    ("", "medium"): 439,
    ("", "high"): 1756,
    ("", "xhigh"): 3122,
    ("", "max"): 7024,
    ("", ""): 439,
}
# 65 + 129 for each 512 px tile, short side scaled to 512 px; input_fidelity=high adds up to 6,240
USUAL_INPUT_1, MOST_INPUT_1 = 323, 65 + 129 * 4 + 6_240

_dall_e = partial(
    Model,
    source=SPEC,
    default_size="1024x1024",
    prompt_unit="bytes",
    url_ttl_s=3_600,
    typical_latency_s=15.0,
    concurrency=16,
    retired_on=date(2026, 5, 12),
    replacement=SUCCESSORS,
)
_gpt_image = partial(
    Model,
    source=SPEC,
    formats=IMAGES_AND_EDITS,
    sizes=GPT_SIZES,
    max_n=10,
    always_send={"quality": "medium"},  # auto moved the bill by a factor of 3.5; a row's own quality wins
    prompt_hard_limit=32_000,
    image_field="image[]",
    max_images=16,
    max_image_bytes=50 * MB,
    mask="guidance",
    result="b64",
    timeout_s=360.0,
    typical_latency_s=40.0,
    concurrency=32,
)
_gpt_image_2 = partial(_gpt_image, free_sizes=True, timeout_s=600.0, rpm=100, concurrency=64)
_tokens_1 = partial(
    by_token,
    output_tokens=TOKENS_1,
    max_output_tokens=6_240,
    tokens_per_input_image=USUAL_INPUT_1,
    max_tokens_per_input_image=MOST_INPUT_1,
)
_tokens_2 = partial(
    by_token,
    "5",
    "8",
    "30",
    max_output_tokens=7_024,
    tokens_per_input_image=1_024,
    max_tokens_per_input_image=1_536,
    source=f"{LITELLM}; {APIYI_2026}",
)

ROWS = (
    _dall_e(
        id="dall-e-2",
        family="DALL·E 2",
        title="DALL·E 2",
        price=per_image("0.02", "0.02", source=SEED_PRICES),
        aliases=("dalle-2", "dalle2", "dall-e 2"),
        formats=IMAGES_AND_EDITS,
        sizes=("256x256", "512x512", "1024x1024"),
        max_n=10,
        params={"quality": Param(kind="str", values=("standard",)), **DALLE_PARAMS},
        prompt_hard_limit=1_000,
        max_images=1,
        image_formats=("png",),
        max_image_bytes=4 * MB,
        square_png_only=True,
        mask="alpha",
        timeout_s=120.0,
        typical_latency_s=8.0,
        note="OpenAI counts 1,000 characters, one-api gateways 1,000 bytes. Public prices by size are .016 to .020.",
    ),
    _dall_e(
        id="dall-e-3",
        family="DALL·E 3",
        title="DALL·E 3",
        price=per_image("0.04", source=SEED_PRICES),
        aliases=("dalle-3", "dalle3", "dall-e 3"),
        formats={"generate": "images_json"},
        sizes=("1024x1024", "1792x1024", "1024x1792"),
        params={
            "quality": Param(kind="str", values=("standard", "hd")),
            "style": Param(kind="str", values=("vivid", "natural")),
            **DALLE_PARAMS,
        },
        prompt_hard_limit=4_000,
        timeout_s=180.0,
        note="OpenAI counts 4,000 characters, one-api gateways 4,000 bytes. The price of the gateway's 2025 pages is "
        "flat; public prices by size and quality are .04 to .12. It rewrites the prompt (revised_prompt).",
    ),
    _gpt_image(
        id="gpt-image-1",
        family="GPT-Image-1",
        title="GPT-Image-1",
        price=_tokens_1("10", "10", "40", source=SEED_SORA),
        params={**GPT_PARAMS, **FIDELITY},
        retired_on=date(2026, 10, 23),
        replacement=SUCCESSORS,
        note="The seed says 10 per M tokens in; OpenAI's own list says text 5, image 10.",
    ),
    _gpt_image(
        id="gpt-image-1-mini",
        family="GPT-Image-1 mini",
        title="GPT-Image-1 mini",
        price=_tokens_1("2", "2.5", "8", source=LITELLM),
        params=GPT_PARAMS,
        retired_on=date(2026, 12, 1),
        replacement=SUCCESSORS_2_6,
        note="Token counts are taken to be those of gpt-image-1.",
    ),
    _gpt_image(
        id="gpt-image-1.5",
        family="GPT-Image-1.5",
        title="GPT-Image-1.5",
        price=_tokens_1("5", "8", "32", source=LITELLM),
        aliases=("gpt-image-1.5-2025-12-16",),
        params={**GPT_PARAMS, **FIDELITY},
        retired_on=date(2026, 12, 1),
        replacement=SUCCESSORS_2_6,
    ),
    _gpt_image(
        id="chatgpt-image-latest",
        family="ChatGPT Image",
        title="ChatGPT Image (latest)",
        price=None,
        params=GPT_PARAMS,
        retired_on=date(2026, 12, 1),
        replacement=SUCCESSORS_2_6,
        note="No source states its price: refused unless --price gives one.",
    ),
    _gpt_image_2(
        id="gpt-image-2",
        family="GPT-Image-2",
        title="GPT-Image-2",
        price=_tokens_2(output_tokens=TOKENS_2),
        aliases=("gpt-image-2-2026-04-21",),
        params={**GPT_PARAMS, **OPAQUE},
        available_from=date(2026, 4, 21),
        note="Rejects input_fidelity; no transparent background. Sizes above 2560x1440 are experimental.",
    ),
    _gpt_image_2(
        id="gpt-image-2.5-flare",
        family="GPT-Image-2.5",
        title="GPT-Image-2.5 Flare",
        source=APIYI_2026,
        price=_tokens_2(output_tokens=TOKENS_2_5),
        params={**GPT_PARAMS, **OPAQUE, **EFFORT_2_5},
        available_from=date(2026, 9, 8),
        note="Its quality names mean other token counts than those of gpt-image-2; its limits are taken from there.",
    ),
    _gpt_image_2(
        id="gpt-image-2.5-sunburst",
        family="GPT-Image-2.5",
        title="GPT-Image-2.5 Sunburst",
        source=APIYI_2026,
        price=_tokens_2(output_tokens=TOKENS_2_5),
        params={**GPT_PARAMS, **OPAQUE, **EFFORT_2_5},
        available_from=date(2026, 9, 8),
        note="Its quality names mean other token counts than those of gpt-image-2; its limits are taken from there.",
    ),
)
