"""Pictures for one admitted request, and the Images body they are sent in (section 2.3)."""

import asyncio
import base64
from dataclasses import dataclass, replace
from typing import Any

from deployments.sandbox import families
from deployments.sandbox.asks import RATIO_TAG
from deployments.sandbox.captions import caption
from deployments.sandbox.chat_replies import Shown
from deployments.sandbox.edits import BadPicture
from deployments.sandbox.exchange import Exchange
from deployments.sandbox.flavours import GatewayError
from deployments.sandbox.gateway import Gateway, usage_json
from deployments.sandbox.pictures import Drawing
from deployments.sandbox.settings import now_s
from deployments.sandbox.signed import File
from deployments.sandbox.wording import wrong

EXTENSIONS = {"png": "png", "jpeg": "jpeg", "webp": "webp"}


@dataclass(frozen=True, slots=True)
class Made:
    """One finished picture and how it was drawn."""

    drawing: Drawing
    data: bytes

    @property
    def b64(self) -> str:
        """The bytes as base64 text."""
        return base64.b64encode(self.data).decode()


async def make_pictures(gateway: Gateway, exchange: Exchange) -> list[Made]:
    """Let the family's latency pass, then draw; raises what goes wrong in either."""
    await gateway.wait(exchange)
    drawings = plan_drawings(exchange)
    try:
        files = await asyncio.gather(*(gateway.studio.picture(drawing) for drawing in drawings))
    except BadPicture as error:
        raise GatewayError(wrong("invalid_image_file", gateway.settings.flavour, index=error.index)) from error
    return [Made(drawing, data) for drawing, data in zip(drawings, files, strict=True)]


def plan_drawings(exchange: Exchange) -> list[Drawing]:
    """What is to be drawn for a request, scenarios that change the pictures included."""
    ask, model, family, fired = exchange.ask, exchange.model, exchange.family, exchange.fired
    shape = (exchange.seen[0].width_px, exchange.seen[0].height_px) if exchange.seen else None
    width, height = families.pixel_size(ask, model, shape)
    if fired.has("ratio_dropped"):
        width = height = 1024
    if fired.has("wrong_size"):
        width, height = round(width * 1254 / 1024), round(height * 1254 / 1024)
    first = Drawing(
        prompt=ask.prompt or "variation",
        width_px=width,
        height_px=height,
        format="jpeg" if fired.has("jpeg_named_png") else ask.text("output_format") or family.default_format,
        model=model.id,
        seed="/".join([ask.route, *(ask.text(name) or "" for name in ("style", "quality", "seed")), _take(exchange)]),
        quality=_quality(ask.text("output_compression")),
        transparent=ask.text("background") == "transparent",
        blank=fired.has("blank_picture"),
        words=garbled(ask.prompt) if fired.has("garbled_words") else None,
        inputs=tuple(exchange.inputs),
        mask=exchange.mask,
        keep_outside=model.mask == "alpha",
    )
    if model.mask not in ("alpha", "guidance"):
        first = replace(first, mask=None)
    return [replace(first, sample=sample) for sample in range(_count(exchange))]


def _take(exchange: Exchange) -> str:
    """Without a seed the same request gives another picture each time, as image models do."""
    return "" if exchange.ask.text("seed") or exchange.fired.attempt == 1 else str(exchange.fired.attempt)


def garbled(prompt: str) -> str:
    """The words of the picture as models misspell them: every other pair of letters changes places."""
    letters = list(caption(prompt))
    for index in range(0, len(letters) - 1, 4):
        letters[index], letters[index + 1] = letters[index + 1], letters[index]
    return "".join(letters)


def _quality(compression: str | None) -> int:
    return min(95, max(30, int(compression))) if compression and compression.isdigit() else 90


def _count(exchange: Exchange) -> int:
    count = (
        exchange.n + exchange.fired.has("extra_pictures") - (exchange.fired.has("fewer_pictures") and exchange.n > 1)
    )
    return 2 if exchange.ask.route == "chat" and exchange.fired.has("chat_many") else count


def url_of(gateway: Gateway, exchange: Exchange, made: Made, number: int) -> str:
    """A signed address for a picture, spoiled where a file scenario says so."""
    family = exchange.family
    extension = "png" if exchange.fired.has("jpeg_named_png") else EXTENSIONS[made.drawing.format]
    fault = exchange.fired.file_fault()
    file = File(
        name=f"{family.folder}/{exchange.id[:2]}/img-{exchange.id}-{number}.{extension}",
        drawing=None if made.drawing.inputs else made.drawing,
        ttl_s=family.url_ttl_s * gateway.settings.ttl_scale,
        family=family.name,
        fault=fault,
        content_type=f"image/{extension}",
        pinned=made.data if made.drawing.inputs else None,
    )
    if fault is not None and fault.scenario.name == "url_expired":
        file.ttl_s, file.expires_s = file.ttl_s or 3600.0, now_s() - 5
    return exchange.base_url + gateway.files.issue(file, None if file.pinned else made.data)


def shown(gateway: Gateway, exchange: Exchange, made: list[Made]) -> Shown:
    """Pictures as the chat replies need them."""
    match = RATIO_TAG.search(exchange.ask.prompt)
    return Shown(
        urls=[url_of(gateway, exchange, one, number) for number, one in enumerate(made)],
        b64=[one.b64 for one in made]
        if exchange.fired.has("chat_data_uri") or exchange.fired.has("chat_base64_uri")
        else [],
        mime=f"image/{made[0].drawing.format}",
        prompt=exchange.ask.prompt,
        ratio=f"{match[1]}:{match[2]}" if match else "1:1",
        base_url=exchange.base_url,
        task=f"task_{exchange.id}",
    )


def images_body(gateway: Gateway, exchange: Exchange, made: list[Made]) -> dict[str, Any]:
    """The Images reply: what each family puts in, and what scenarios leave out."""
    family, fired = exchange.family, exchange.fired
    body: dict[str, Any] = {"created": int(now_s())}
    if fired.has("no_data"):
        return body
    if family.name == "gpt-image":
        body |= _echo(exchange, made)
    body["data"] = [] if fired.has("empty_data") else [_item(gateway, exchange, one, k) for k, one in enumerate(made)]
    if family.name == "gpt-image" and not fired.has("usage_missing"):
        one = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        body["usage"] = one if fired.has("usage_one") else usage_json(exchange.usage)
    return body


def _echo(exchange: Exchange, made: list[Made]) -> dict[str, str]:
    ask = exchange.ask
    drawing = made[0].drawing
    return {
        "background": "transparent" if drawing.transparent else "opaque",
        "output_format": drawing.format,
        "quality": _named(ask.text("quality"), "medium"),
        "size": _named(ask.text("size"), f"{drawing.width_px}x{drawing.height_px}"),
    }


def _named(value: str | None, default: str) -> str:
    return default if value in (None, "", "auto") else str(value)


def _item(gateway: Gateway, exchange: Exchange, made: Made, number: int) -> dict[str, str]:
    ask, model, fired = exchange.ask, exchange.model, exchange.fired
    both = fired.has("url_and_b64")
    inline = model.result == "b64" and ask.text("response_format") != "url"
    inline = inline or ask.text("response_format") == "b64_json" or fired.has("b64") or fired.has("b64_prefix")
    item: dict[str, str] = {}
    if inline or both:
        prefix = f"data:image/{made.drawing.format};base64," if fired.has("b64_prefix") else ""
        item["b64_json"] = prefix + made.b64
    if both or not inline:
        item["url"] = url_of(gateway, exchange, made, number)
    if model.id == "dall-e-3":
        item["revised_prompt"] = f"A detailed, carefully composed picture: {made.drawing.prompt}"
    return item
