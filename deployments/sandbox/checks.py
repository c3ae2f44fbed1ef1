"""What the gateway refuses before it spends anything (validation, sections 2, 3 and 6)."""

import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from catalogs.models import accepts_size, params_for
from catalogs.types import Model, Param
from deployments.sandbox.asks import Ask
from deployments.sandbox.families import Family
from deployments.sandbox.flavours import GatewayError
from deployments.sandbox.settings import Flavour
from deployments.sandbox.wording import wrong

COMMON = {"model", "prompt", "n", "size", "stream", "partial_images", "user", "image", "images", "mask", "quality"}
FOUR_MB = 4_194_304


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be told from a picture's header."""

    width_px: int
    height_px: int
    format: str
    has_alpha: bool
    size_bytes: int


def look(data: bytes) -> Seen | None:
    """The header of a picture; None for what is none (a multi-picture JPEG of a phone is none either)."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            alpha = "A" in image.getbands() or "transparency" in image.info
            if image.format not in ("PNG", "JPEG", "WEBP", "GIF"):
                return None
            return Seen(image.width, image.height, image.format.lower(), alpha, len(data))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def check_body(ask: Ask, model: Model, flavour: Flavour) -> None:
    """Raise for a body that cannot be read, for a route the model does not have, and for bad scalars."""
    if ask.route == "chat":
        return
    if not ask.prompt and ask.route != "variations":
        raise GatewayError(wrong("prompt_missing", flavour))
    _check_length(ask, model, flavour)
    size = ask.text("size")
    operation = "edit" if ask.route != "generations" else "generate"
    if size and (model.sizes or model.free_sizes) and not accepts_size(model, operation, size):
        allowed = ", ".join(f"'{one}'" for one in model.sizes)
        raise GatewayError(wrong("size_not_supported", flavour, found=size, allowed=allowed, param="size"))
    if not 1 <= ask.n <= model.max_n:
        raise GatewayError(wrong("n_not_within_range", flavour, limit=model.max_n))
    _check_params(ask, model, flavour)


def check_route(ask: Ask, model: Model, family: Family, flavour: Flavour) -> None:
    """Raise 404 for a model that does not speak on this route."""
    speaks = {
        "chat": family.name in ("chat", "all", "vision"),
        "generations": family.name != "vision",
        "edits": "edit" in model.formats,
        "variations": family.name == "dall-e-2",
    }
    if not speaks[ask.route]:
        raise GatewayError(wrong("wrong_endpoint", flavour, model=ask.wire_model))


def _check_length(ask: Ask, model: Model, flavour: Flavour) -> None:
    if model.prompt_hard_limit is None:
        return
    # one-api measures with Go's len(): bytes, not characters
    length = len(ask.prompt) if flavour == "openai" or model.prompt_unit == "chars" else len(ask.prompt.encode())
    if length > model.prompt_hard_limit:
        raise GatewayError(wrong("prompt_too_long", flavour, limit=model.prompt_hard_limit))


def _check_params(ask: Ask, model: Model, flavour: Flavour) -> None:
    """GPT-Image refuses what it does not know; gateways drop it silently for all others."""
    known = params_for(model, "edit" if ask.route != "generations" else "generate")
    for name, value in ask.fields.items():
        if value is None:
            continue
        if name in known:
            _check_value(name, value, known[name], flavour)
        elif model.result == "b64" and model.ratio_as is None and name not in COMMON:
            raise GatewayError(wrong("unknown_parameter", flavour, param=name))
    if ask.text("background") == "transparent" and ask.text("output_format") == "jpeg":
        raise GatewayError(wrong("invalid_value", flavour, param="background", found="transparent", allowed="'opaque'"))


def _check_value(name: str, value: Any, rule: Param, flavour: Flavour) -> None:
    if rule.values and str(value) not in rule.values:
        allowed = ", ".join(f"'{one}'" for one in rule.values)
        raise GatewayError(wrong("invalid_value", flavour, param=name, found=value, allowed=allowed))
    if rule.low is not None and rule.high is not None and rule.kind in ("int", "float"):
        try:
            inside = rule.low <= float(value) <= rule.high
        except (TypeError, ValueError):
            inside = False
        if not inside:
            allowed = f"{rule.low:g} to {rule.high:g}"
            raise GatewayError(wrong("invalid_value", flavour, param=name, found=value, allowed=allowed))


def check_files(ask: Ask, model: Model, family: Family, flavour: Flavour) -> None:
    """Raise for the wrong number or names of input pictures."""
    if ask.route not in ("edits", "variations"):
        return
    if not ask.images or (family.name == "flux" and "image" not in ask.image_fields):
        raise GatewayError(wrong("image_required", flavour))
    if len(ask.images) > max(1, model.max_images):
        raise GatewayError(wrong("invalid_image_file", flavour, index=model.max_images + 1))


def check_pictures(images: list[bytes], mask: bytes | None, model: Model, flavour: Flavour) -> list[Seen]:
    """What the input pictures are; raises for those the model cannot take and for a mask that does not fit."""
    seen: list[Seen] = []
    for index, data in enumerate(images, start=1):
        picture = look(data)
        if picture is None or (model.square_png_only and not _square_png(picture)):
            raise GatewayError(wrong("invalid_image_file", flavour, index=index))
        seen.append(picture)
    if mask is not None and model.mask in ("alpha", "guidance"):
        _check_mask(look(mask), seen[0], flavour)
    return seen


def _square_png(picture: Seen) -> bool:
    return picture.format == "png" and picture.width_px == picture.height_px and picture.size_bytes <= FOUR_MB


def _check_mask(mask: Seen | None, first: Seen, flavour: Flavour) -> None:
    if mask is None or mask.format == "jpeg":
        raise GatewayError(wrong("mask_invalid", flavour, why="Invalid mask image: it must be a PNG."))
    if (mask.width_px, mask.height_px) != (first.width_px, first.height_px):
        why = f"Invalid mask size: {mask.width_px}x{mask.height_px}, the image has {first.width_px}x{first.height_px}."
        raise GatewayError(wrong("mask_invalid", flavour, why=why))
    if not mask.has_alpha:
        raise GatewayError(wrong("mask_invalid", flavour, why="Invalid mask image: it must have an alpha channel."))
