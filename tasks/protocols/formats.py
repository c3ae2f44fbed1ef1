"""The table of wire formats: which module builds and parses which."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from catalogs.types import WireFormat
from tasks.protocols import chat_image, chat_vision, edits_json, edits_multipart, flux_json, images_json
from tasks.protocols import error_table as table
from tasks.protocols.errors import failed
from tasks.protocols.redact import PATTERNS, Redactor
from tasks.protocols.wire import Answer, Call, Failure, Picture, Reply, WireRequest


class Parser(Protocol):
    """Reads a reply as the call expects it; never raises."""

    def __call__(self, reply: Reply, call: Call, redactor: Redactor = ..., /) -> Answer | Failure:
        """An answer with at least one picture or a text, or why there is none."""


@dataclass(frozen=True, slots=True)
class Format:
    """One wire format: two pure functions."""

    build: Callable[[Call], WireRequest]
    parse: Parser


FORMATS: Mapping[WireFormat, Format] = {
    "images_json": Format(images_json.build, images_json.parse),
    "edits_multipart": Format(edits_multipart.build, edits_multipart.parse),
    "edits_json": Format(edits_json.build, edits_json.parse),
    "flux_json": Format(flux_json.build, flux_json.parse),
    "chat_image": Format(chat_image.build, chat_image.parse),
    "chat_vision": Format(chat_vision.build, chat_vision.parse),
}


def build(call: Call) -> WireRequest:
    """What goes on the wire for ``call``."""
    return FORMATS[call.format].build(call)


def parse(reply: Reply, call: Call, redactor: Redactor = PATTERNS) -> Answer | Failure:
    """What ``reply`` means for ``call``; never raises.

    ``redactor``: pass one that knows the keys. Error messages come back without anything that looks like a secret;
    the words of a model only without the known keys, should a gateway echo them, and otherwise unchanged.
    """
    if reply.too_large and 200 <= reply.status < 300:
        message = "the reply is far larger than what was asked for; only its beginning was read"
        return _without_secrets(failed(table.REPLY_TOO_LARGE, message, reply, call), redactor)
    return _without_secrets(FORMATS[call.format].parse(reply, call, redactor), redactor)


def _without_secrets(result: Answer | Failure, redactor: Redactor) -> Answer | Failure:
    request_id = redactor.text(result.request_id) if result.request_id else None
    if isinstance(result, Failure):
        return result if request_id == result.request_id else replace(result, request_id=request_id)
    pictures = tuple([_without_known(picture, redactor) for picture in result.pictures])
    text = redactor.known(result.text) if result.text else None
    if (request_id, text, pictures) == (result.request_id, result.text, result.pictures):
        return result  # nearly always
    return replace(result, request_id=request_id, pictures=pictures, text=text)


def _without_known(picture: Picture, redactor: Redactor) -> Picture:
    said = picture.revised_prompt
    if not said or (plain := redactor.known(said)) == said:
        return picture
    return replace(picture, revised_prompt=plain)
