"""What a request asks for, whichever route and encoding it came by."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from aiohttp import BodyPartReader, web

from catalogs.types import Operation
from deployments.sandbox.scenario import AskKind

Route = Literal["generations", "edits", "variations", "chat"]
PATHS: Mapping[Route, str] = {
    "generations": "/v1/images/generations",
    "edits": "/v1/images/edits",
    "variations": "/v1/images/variations",
    "chat": "/v1/chat/completions",
}
DEFAULT_MODEL = "dall-e-2"
TOO_LARGE = "the body is too large"
RATIO_TAG = re.compile(r"【\s*(\d+)\s*:\s*(\d+)\s*】\s*$")
_INPUT_IMAGE = re.compile(r"input_image(_\d+)?")


class Unparsable(ValueError):
    """The body is no request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, read but not yet checked; ``images`` are bytes or references still to be fetched."""

    route: Route
    wire_model: str | None
    prompt: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[bytes | str, ...] = ()
    mask: bytes | str | None = None
    image_fields: tuple[str, ...] = ()  # the names under which files came
    digest: str = ""
    broken: str | None = None  # why the body could not be read

    @property
    def operation(self) -> Operation:
        """What is being bought, before the model is known: chat with a text model becomes vision later."""
        return "edit" if self.images or self.route in ("edits", "variations") else "generate"

    @property
    def n(self) -> int:
        """How many pictures; 0 for what is no number."""
        value = self.fields.get("n", 1)
        if value is None:
            return 1
        return int(value) if str(value).isascii() and str(value).isdigit() else 0

    @property
    def stream(self) -> bool:
        """Whether server-sent events were asked for."""
        return self.fields.get("stream") in (True, "true")

    def text(self, name: str) -> str | None:
        """A field as text, None where it is absent or null."""
        value = self.fields.get(name)
        return None if value is None else str(value)


def ask_kind(ask: Ask, *, vision: bool) -> AskKind:
    """The kind of request, as scenarios distinguish them."""
    if ask.route == "chat":
        return "vision" if vision else "chat"
    return "edit" if ask.route in ("edits", "variations") else "images"


async def read_ask(request: web.Request, route: Route) -> Ask:
    """Read a request's body. A body that cannot be read gives an ask whose ``broken`` says why."""
    try:
        if request.content_type.startswith("multipart/"):
            return await _from_form(request, route)
        raw = await request.read()
        body = orjson.loads(raw)
        if not isinstance(body, dict):
            raise Unparsable("the body is not an object")
        digest = hashlib.sha256(raw).hexdigest()
        return _from_chat(body, digest) if route == "chat" else _from_json(body, route, digest)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return Ask(route=route, wire_model=None, prompt="", broken=str(error) or type(error).__name__)


def _from_json(body: Mapping[str, Any], route: Route, digest: str) -> Ask:
    images: list[bytes | str] = [
        str(body[name]) for name in sorted(body) if _INPUT_IMAGE.fullmatch(name) and body[name]
    ]
    images += [_reference(item) for item in _listed(body.get("images"))]
    images += [_reference(item) for item in _listed(body.get("image"))]
    mask = body.get("mask")
    return Ask(
        route=route,
        wire_model=_model(body) or DEFAULT_MODEL,
        prompt=str(body.get("prompt") or ""),
        fields=body,
        images=tuple(images),
        mask=_reference(mask) if mask else None,
        image_fields=("image",) if images else (),
        digest=digest,
    )


def _model(body: Mapping[str, Any]) -> str | None:
    name = body.get("model")
    if name is not None and not isinstance(name, str):
        raise Unparsable("model is not a text")
    return name


def _listed(value: Any) -> list[Any]:
    if not value:
        return []
    return value if isinstance(value, list) else [value]


def _reference(item: Any) -> str:
    """The URL or data URI of ``{"image_url": …}`` in its spellings."""
    if isinstance(item, str):
        return item
    if not isinstance(item, dict):
        raise Unparsable("an image is neither an address nor an object")
    target = item.get("image_url") or item.get("url")
    if isinstance(target, dict):
        target = target.get("url")
    if not isinstance(target, str):
        raise Unparsable("an image has no image_url")
    return target


def _from_chat(body: Mapping[str, Any], digest: str) -> Ask:
    """Only the last user message counts, pictures of earlier turns are ignored (section 4.1)."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Unparsable("messages is missing")
    content = next((m.get("content") for m in reversed(messages) if m.get("role") == "user"), "")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    texts = [part.get("text", "") for part in parts if part.get("type") == "text"]
    images = [_reference(part) for part in parts if part.get("type") == "image_url"]
    return Ask(
        route="chat",
        wire_model=_model(body),
        prompt="\n".join(texts),
        fields=body,
        images=tuple(images),
        digest=digest,
    )


async def _from_form(request: web.Request, route: Route) -> Ask:
    fields: dict[str, Any] = {}
    files: list[tuple[str, bytes]] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise Unparsable("a nested or nameless part")
        data = bytes(await part.read())
        if part.filename is not None:
            files.append((part.name, data))
        else:
            fields[part.name] = data.decode("utf-8")
    digest = hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS))
    for name, data in files:
        digest.update(name.encode() + hashlib.sha256(data).digest())
    pictures = [(name, data) for name, data in files if name != "mask"]
    return Ask(
        route=route,
        wire_model=fields.get("model") or DEFAULT_MODEL,
        prompt=fields.get("prompt", ""),
        fields=fields,
        images=tuple(data for _, data in pictures),
        mask=next((data for name, data in files if name == "mask"), None),
        image_fields=tuple(name for name, _ in pictures),
        digest=digest.hexdigest(),
    )
