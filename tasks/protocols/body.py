"""Reading a reply body once: JSON, an assembled stream, or text; and the four error wrappers that JSON can have."""

import re
from dataclasses import dataclass

import orjson

from catalogs.types import Json
from tasks.protocols import sse
from tasks.protocols.wire import Reply, Usage

_TEXT_WINDOW_BYTES = 64 * 1024
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,500})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_REQUEST_ID = re.compile(
    r"\s{0,5}[(\[（]\s{0,5}(?:request|trace)[ _-]?id\s{0,5}[:=：]\s{0,5}([^)\]）]{0,200})[)\]）]", re.IGNORECASE
)
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-oneapi-request-id", "x-api-request-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A reply body: ``value`` if it is JSON (or a stream put together), ``text`` its first 64 KB otherwise.

    ``cut``: a stream that ended before its end.
    """

    is_json: bool
    value: Json = None
    text: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """What an error body says, whatever it is wrapped in; absent fields are empty, ``status`` is the inner one.

    ``explicit``: the body calls itself an error; otherwise it only has the fields of one.
    """

    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""
    status: int | None = None
    explicit: bool = True


def read_body(reply: Reply) -> Body:
    """The body of ``reply``; never raises. Streams are recognised by header or by their first bytes."""
    raw = reply.body.removeprefix(b"\xef\xbb\xbf")
    if sse.looks_like_stream(reply.headers.get("content-type", ""), raw):
        stream = sse.assemble(raw)
        if len(stream.value) > 1:
            return Body(is_json=True, value=stream.value, cut=not stream.complete)
    try:
        return Body(is_json=True, value=orjson.loads(raw))
    except orjson.JSONDecodeError:
        return Body(is_json=False, text=raw[:_TEXT_WINDOW_BYTES].decode(errors="replace"))


def plain_text(text: str) -> str:
    """Of an HTML page its title, or its words without tags; other text unchanged."""
    if "<" not in text:
        return text
    title = _TITLE.search(text)
    return title.group(1).strip() if title and title.group(1).strip() else " ".join(_TAG.sub(" ", text).split())


def find_error(value: Json) -> ErrorBody | None:
    """The error in ``value``: ``{"error": {…}}``, ``{"error": "text"}``, or the fields at top level; else None."""
    if isinstance(value, str):
        return ErrorBody(message=value, explicit=False)
    if not isinstance(value, dict):
        return None
    inner = value.get("error") or _first(value.get("errors"))
    if isinstance(inner, dict):
        return _unfold(_fields(inner, outer=value))
    if isinstance(inner, str):
        return _unfold(_fields({**value, "message": inner}, outer=value))
    fields = _fields(value, outer={}, explicit=False)
    return fields if fields.message or fields.code or fields.type else None


def request_id(reply: Reply, message: str = "") -> str | None:
    """The gateway's own id of the request, from the headers or from the end of an error message."""
    for name in _REQUEST_ID_HEADERS:
        if reply.headers.get(name):
            return _printable_ascii(reply.headers[name])
    found = _REQUEST_ID.search(message)
    return _printable_ascii(found.group(1)) if found else None


def without_request_id(message: str) -> str:
    """``message`` without the `` (request id: …)`` that gateways append, so that equal errors look equal."""
    return _REQUEST_ID.sub("", message).strip()


def read_usage(value: Json, *, text_reply: bool = False) -> Usage:
    """Token counts of a reply, in either naming (``input_tokens`` or ``prompt_tokens``).

    A count of 0 or 1 is what gateways fill in when they know nothing, and reads None; only an output of 1 in a text
    reply beside a real input count is believed.
    """
    usage = value.get("usage") if isinstance(value, dict) else None
    if not isinstance(usage, dict):
        return Usage()
    given = _count(usage, "input_tokens") or _count(usage, "prompt_tokens") or 0
    made = _count(usage, "output_tokens") or _count(usage, "completion_tokens") or 0
    details = usage.get("input_tokens_details") or usage.get("prompt_tokens_details")
    details = details if isinstance(details, dict) and given > 1 else {}
    return Usage(
        input_tokens=given if given > 1 else None,
        output_tokens=made if made > 1 or (made == 1 and text_reply and given > 1) else None,
        input_text_tokens=_count(details, "text_tokens"),
        input_image_tokens=_count(details, "image_tokens"),
    )


def _fields(fields: dict[str, Json], *, outer: dict[str, Json], explicit: bool = True) -> ErrorBody:
    code = _scalar(fields.get("code")) or _scalar(fields.get("failure_reason")) or _scalar(outer.get("failure_reason"))
    status = fields.get("status")
    if not code and isinstance(status, str):
        code = status
    names = ("message", "localized_message", "msg", "detail")
    return ErrorBody(
        message=next((text for name in names if (text := _scalar(fields.get(name)))), ""),
        type=_scalar(fields.get("type")),
        code=code,
        param=_scalar(fields.get("param")),
        status=_http_status(code) or _http_status(fields.get("status_code")) or _http_status(outer.get("status_code")),
        explicit=explicit,
    )


def _unfold(error: ErrorBody) -> ErrorBody:
    """The inner error where a gateway has put the upstream's whole JSON body into ``message``."""
    start = error.message.find("{")
    if start < 0 or len(error.message) > _TEXT_WINDOW_BYTES:
        return error
    try:
        inner: Json = orjson.loads(error.message[start : error.message.rfind("}") + 1])
    except orjson.JSONDecodeError:
        return error
    nested = inner.get("error") if isinstance(inner, dict) else None
    if not isinstance(nested, dict):
        return error
    found = _fields(nested, outer=inner)
    return found if found.message or found.code else error


def _count(fields: dict[str, Json], name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _http_status(value: Json) -> int | None:
    text = _scalar(value)
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() and 400 <= int(text) <= 599 else None


def _scalar(value: Json) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _first(value: Json) -> Json:
    return value[0] if isinstance(value, list) and value else None


def _printable_ascii(text: str) -> str | None:
    text = text.strip()[:200]
    if not (text.isascii() and text.isprintable() and " " not in text):
        text = "".join(char for char in text if "!" <= char <= "~")
    return text or None
