"""What both chat formats share: a user message with pictures, and reading the choices of a completion."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalogs.types import Json
from tasks.protocols.markdown import message_text
from tasks.protocols.pictures import data_uri
from tasks.protocols.wire import InputImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One choice of a completion; absent parts are empty. ``images``: pictures beside the text, as OpenRouter does."""

    content: Json
    text: str
    reasoning: str
    refusal: str
    images: Json
    finish_reason: str


def user_message(text: str, images: Sequence[InputImage], *, detail: str | None = None) -> dict[str, Json]:
    """One user message: plain text, or text and the pictures as data URIs of their original bytes."""
    if not images:
        return {"role": "user", "content": text}
    parts: list[Json] = [{"type": "text", "text": text}]
    for image in images:
        reference = {"url": data_uri(image)} | ({"detail": detail} if detail else {})
        parts.append({"type": "image_url", "image_url": reference})
    return {"role": "user", "content": parts}


def read_choices(value: Json) -> list[Choice]:
    """The choices of a chat completion, one empty one if it has none; nothing for any other value."""
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list):
        return []
    return [_choice(item) for item in choices if isinstance(item, dict)] or [_choice({})]


def _choice(item: dict[str, Json]) -> Choice:
    message = item.get("message") or item.get("delta")
    message = message if isinstance(message, dict) else {}
    images = message.get("images")
    return Choice(
        content=message.get("content"),
        text=message_text(message.get("content")),
        reasoning=_text(message.get("reasoning_content")),
        refusal=_text(message.get("refusal")),
        images=images if isinstance(images, list) else [],
        finish_reason=_text(item.get("finish_reason")).lower(),
    )


def _text(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""
