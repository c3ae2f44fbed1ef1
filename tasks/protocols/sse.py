"""A reply that turns out to be a server-sent event stream, although we ask for none: put together again."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from catalogs.types import Json

_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What a stream adds up to: an ordinary reply body, and whether the stream came to its end."""

    value: dict[str, Json]
    complete: bool


def looks_like_stream(content_type: str, body: bytes) -> bool:
    """By header or, since gateways forget it, by the first characters of the body."""
    return content_type.lower().startswith("text/event-stream") or body[:64].lstrip().startswith(_STARTS)


def assemble(body: bytes) -> Stream:
    """The chat completion, Images body or error that the frames add up to; frames that are no JSON are skipped.

    Only final pictures count: a ``partial_image`` is a preview. ``complete`` is false when neither ``[DONE]``, a
    finish reason, a finished picture nor an error frame was seen: the connection was cut.
    """
    parts = _Parts()
    for data in _frames(body):
        if data == b"[DONE]":
            parts.complete = True
            continue
        try:
            frame: Json = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        if isinstance(frame, dict):
            parts.add(frame)
    return Stream(value=parts.value(), complete=parts.complete)


def _frames(body: bytes) -> Iterator[bytes]:
    lines: list[bytes] = []
    for line in body.splitlines():
        if line.startswith(b"data:"):
            lines.append(line[5:].strip())
        elif not line.strip() and lines:
            yield b"\n".join(lines)
            lines = []
    if lines:  # the last frame was cut off or ends without its empty line
        yield b"\n".join(lines)


class _Parts:
    """What has been seen so far."""

    __slots__ = ("complete", "content", "error", "finish", "images", "reasoning", "usage")

    def __init__(self) -> None:
        self.content: list[Json] = []
        self.reasoning: list[str] = []
        self.images: list[Json] = []
        self.finish: str | None = None
        self.usage: Json = None
        self.error: Json = None
        self.complete = False

    def add(self, frame: dict[str, Json]) -> None:
        self.usage = frame.get("usage") or self.usage
        if frame.get("error") or frame.get("type") == "error":
            self.error, self.complete = (frame if frame.get("error") else {"error": frame}), True
        elif str(frame.get("type", "")).endswith(".completed") and frame.get("b64_json"):
            self.images.append(frame)
            self.complete = True
        elif isinstance(frame.get("data"), list):
            self.images.extend(frame["data"])
            self.complete = True
        for choice in _dicts(frame.get("choices")):
            self._add_choice(choice)

    def _add_choice(self, choice: dict[str, Json]) -> None:
        for message in _dicts([choice.get("delta"), choice.get("message")]):
            content, reasoning = message.get("content"), message.get("reasoning_content")
            if isinstance(content, list):
                self.content.extend(content)
            elif isinstance(content, str):
                self.content.append({"type": "text", "text": content})
            if isinstance(reasoning, str):
                self.reasoning.append(reasoning)
        if isinstance(choice.get("finish_reason"), str):
            self.finish, self.complete = choice["finish_reason"].lower(), True

    def value(self) -> dict[str, Json]:
        body: dict[str, Json] = {"usage": self.usage}
        if self.error is not None:
            body |= self.error
        if self.images:
            body["data"] = self.images
        if self.content or self.reasoning or self.finish:
            message = {"content": _joined(self.content), "reasoning_content": "".join(self.reasoning)}
            body["choices"] = [{"message": message, "finish_reason": self.finish}]
        return body


def _joined(parts: list[Json]) -> Json:
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "".join(texts) if len(texts) == len(parts) else parts


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
