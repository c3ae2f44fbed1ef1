"""How each family of models behaves here: latency, URL life, size of what it draws, tokens, the way it refuses."""

import math
from dataclasses import dataclass
from functools import partial
from random import Random

from catalogs.models import find_model
from catalogs.prices import picture_tokens
from catalogs.types import Model
from deployments.sandbox.asks import RATIO_TAG, Ask
from deployments.sandbox.bill import Usage

LATENCY_SIGMA = 0.35  # of the lognormal: a tenth of the calls take over 1.57 times the median
DEFAULT_SIZE = (1024, 1024)
CHAT_SIZES = {(2, 3): (1024, 1536), (3, 2): (1536, 1024), (1, 1): (1024, 1024)}
# output pixels of Flux Kontext by ratio (section 6.1)
KONTEXT_SIZES = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "4:3": (1182, 886),
    "16:9": (1408, 792),
    "9:16": (792, 1408),
    "7:3": (1544, 662),
    "3:7": (662, 1544),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of upstream. Figures are section 13, row 25, and section 4.5."""

    name: str
    latency_s: float
    url_ttl_s: float = 0.0  # 0 = for ever
    folder: str = "pictures"
    refusal: str = "moderation_blocked"  # a kind of flavours.KINDS
    slow_refusal: bool = False  # refused only when the picture is done
    default_format: str = "png"
    reverse: bool = False


_dall_e = partial(Family, url_ttl_s=3600, folder="private/org-sandbox", refusal="content_policy")
_reverse = partial(Family, latency_s=60, refusal="reverse_moderation", slow_refusal=True, reverse=True)
FAMILIES = {
    "dall-e-2": _dall_e(name="dall-e-2", latency_s=8),
    "dall-e-3": _dall_e(name="dall-e-3", latency_s=15),
    "gpt-image": Family(name="gpt-image", latency_s=40, url_ttl_s=3600),
    "flux": Family(
        name="flux",
        latency_s=10,
        url_ttl_s=600,
        folder="results",
        refusal="flux_moderated",
        default_format="jpeg",
    ),
    "chat": _reverse(name="chat", folder="sora"),
    "all": _reverse(name="all", folder="r2cdn", url_ttl_s=86_400),
    "vision": Family(name="vision", latency_s=6, refusal="vision"),
}


def family_of(model: Model) -> Family:
    """The family a model of the table belongs to."""
    if model.id in FAMILIES:
        return FAMILIES[model.id]
    if set(model.formats) == {"vision"}:
        return FAMILIES["vision"]
    if model.id.endswith(("-all", "-vip")):
        return FAMILIES["all"]
    if "flux" in model.id:
        return FAMILIES["flux"]
    return FAMILIES["chat"] if model.formats.get("edit") == "chat_image" else FAMILIES["gpt-image"]


def model_of(ask: Ask) -> Model | None:
    """The model of the table that is asked for; None for no such model.

    ``gpt-4o`` draws when the seeds' way of asking for a picture is used: a ratio tag at the end of the text.
    """
    if not ask.wire_model:
        return None
    try:
        model = find_model(ask.wire_model)
    except KeyError:
        return None
    if model.id == "gpt-4o" and ask.route == "chat" and RATIO_TAG.search(ask.prompt):
        return find_model("sora_image")
    return model


def latency_s(family: Family, rng: Random, scale: float) -> float:
    """Seconds one answer takes: lognormal around the family's median, scaled."""
    return scale * family.latency_s * math.exp(rng.gauss(0.0, LATENCY_SIGMA)) if scale else 0.0


def pixel_size(ask: Ask, model: Model, first_input: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height of what will be drawn; an edit without a wish keeps the shape of its input."""
    if ask.route == "chat":
        match = RATIO_TAG.search(ask.prompt)
        ratio = (int(match[1]), int(match[2])) if match else None
        return CHAT_SIZES.get(ratio or (0, 0)) or _like(first_input)
    size = ask.text("size") or model.default_size or ""
    width, _, height = size.partition("x")
    if width.isdigit() and height.isdigit():
        return int(width), int(height)
    if model.ratio_as == "aspect_ratio":
        return _flux_size(ask.text("aspect_ratio"), first_input)
    if (match := RATIO_TAG.search(ask.prompt)) is not None and model.ratio_as == "tag":
        return CHAT_SIZES.get((int(match[1]), int(match[2])), DEFAULT_SIZE)
    return _like(first_input)


def _like(shape: tuple[int, int] | None) -> tuple[int, int]:
    if shape is None or 0.8 < shape[0] / shape[1] < 1.25:
        return DEFAULT_SIZE
    return (1536, 1024) if shape[0] > shape[1] else (1024, 1536)


def _flux_size(ratio: str | None, shape: tuple[int, int] | None) -> tuple[int, int]:
    if ratio in KONTEXT_SIZES:
        return KONTEXT_SIZES[ratio]
    across, _, down = (ratio or "").partition(":")
    if across.isdigit() and down.isdigit() and int(across) and int(down):
        value = int(across) / int(down)
    else:
        value = shape[0] / shape[1] if shape else 1.0
    value = min(max(value, 3 / 7), 7 / 3)
    width = round(math.sqrt(value * 1_048_576) / 16) * 16
    return width, round(width / value / 16) * 16


def text_tokens(text: str) -> int:
    """About what a tokenizer counts: a token for each full-width character, one for every four others."""
    wide = sum(ord(char) > 0x2E7F for char in text)
    return wide + math.ceil((len(text) - wide) / 4)


def picture_usage(ask: Ask, model: Model, sizes: list[tuple[int, int]], n: int) -> Usage:
    """Tokens of one call for pictures (section 7); flat-priced models get figures that mean nothing."""
    output = picture_tokens(model, ask.text("size"), ask.text("quality"))
    inputs = sum(_input_tokens(width, height) for width, height in sizes)
    return Usage(input_text=text_tokens(ask.prompt) + 6, input_image=inputs, output=(output or 87) * n)


def _input_tokens(width_px: int, height_px: int) -> int:
    """GPT-Image's count: the short side scaled to 512 px, 65 tokens and 129 for each tile of 512 px, at most four."""
    scale = min(1.0, 512 / min(width_px, height_px))
    tiles = math.ceil(width_px * scale / 512) * math.ceil(height_px * scale / 512)
    return 65 + 129 * min(tiles, 4)


def vision_tokens(model: Model, width_px: int, height_px: int, detail: str) -> int:
    """Tokens of one picture that is read (section 8); an unset detail counts as high."""
    if model.id.startswith("gemini"):
        small = width_px <= 384 and height_px <= 384
        return 258 if small else 258 * math.ceil(width_px / 768) * math.ceil(height_px / 768)
    if model.id.startswith("claude"):
        scale = min(1.0, 1568 / max(width_px, height_px))
        return round(width_px * scale * height_px * scale / 750)
    base, per_tile = (2833, 5667) if model.id.endswith("-mini") else (85, 170)
    if detail == "low":
        return base
    scale = min(1.0, 2048 / max(width_px, height_px))
    width, height = width_px * scale, height_px * scale
    scale = min(1.0, 768 / min(width, height))
    return base + per_tile * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
