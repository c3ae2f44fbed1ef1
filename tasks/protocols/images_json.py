"""POST /images/generations with a JSON body, and the Images body that every images endpoint answers with."""

from collections.abc import Mapping

from catalogs.types import Json
from tasks.protocols import error_table as table
from tasks.protocols.body import Body, find_error, read_body, read_usage, request_id
from tasks.protocols.errors import classify_body, failed
from tasks.protocols.pictures import picture_from_item
from tasks.protocols.redact import PATTERNS, Redactor
from tasks.protocols.wire import Answer, Call, Failure, Reply, WireRequest


def build(call: Call) -> WireRequest:
    """``{"model", "prompt", "n"?, "size"?, …params}``; ``n`` only above 1."""
    return WireRequest(path="/images/generations", json=common_fields(call))


def parse(reply: Reply, call: Call, redactor: Redactor = PATTERNS) -> Answer | Failure:
    """The pictures of an Images body, base64 preferred to a URL in one item. Never raises."""
    body = read_body(reply)
    if not 200 <= reply.status < 300:
        return classify_body(body, reply, call, redactor)
    return images_answer(body, reply, call, redactor)


def images_answer(body: Body, reply: Reply, call: Call, redactor: Redactor = PATTERNS) -> Answer | Failure:
    """As ``parse``, for a body that has been read already and has a success status."""
    items = _items(body.value)
    pictures = tuple(picture for item in items if (picture := picture_from_item(item)))
    if pictures:
        return Answer(pictures=pictures, usage=read_usage(body.value), request_id=request_id(reply))
    if any(isinstance(item, dict) and (item.get("b64_json") or item.get("url")) for item in items):
        return failed(table.BAD_IMAGE, "the picture in the reply is neither a URL nor whole base64", reply, call)
    if _is_images_body(body.value) and find_error(body.value) is None:
        return failed(table.NO_IMAGE, "the reply holds no picture (declined without a word?)", reply, call)
    return classify_body(body, reply, call, redactor)


def common_fields(call: Call) -> dict[str, Json]:
    """Model, prompt, n, size and the call's parameters, as JSON values.

    GPT image models refuse ``response_format`` and always answer base64, so it is left out for them.
    """
    fields = {name: value for name, value in call.params.items() if value is not None}
    if call.result == "b64":
        fields.pop("response_format", None)
    fields |= {"model": call.wire_model, "prompt": call.prompt}
    if call.n > 1:
        fields["n"] = call.n
    if call.size:
        fields["size"] = call.size
    return fields


def _items(value: Json) -> list[Json]:
    data = value.get("data") if isinstance(value, Mapping) else None
    if isinstance(data, Mapping):
        return [data]
    return data if isinstance(data, list) else []


def _is_images_body(value: Json) -> bool:
    return isinstance(value, Mapping) and ("data" in value or set(value) <= {"created", "usage", "background", "size"})
