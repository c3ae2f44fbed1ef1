"""POST /chat/completions for models that look: text about one or more pictures."""

import re

from catalogs.types import Json
from tasks.protocols import error_table as table
from tasks.protocols.body import Body, find_error, read_body, read_usage, request_id
from tasks.protocols.chat import Choice, read_choices, user_message
from tasks.protocols.errors import classify_body, failed, is_refusal, shortened
from tasks.protocols.redact import PATTERNS, Redactor
from tasks.protocols.schema import is_strict
from tasks.protocols.wire import Answer, Call, Failure, Reply, WireRequest

DEFAULT_MAX_TOKENS = 1024


def build(call: Call) -> WireRequest:
    """``{"model", "stream": false, "max_tokens", "messages", "response_format"?, …params}``.

    ``max_tokens`` is always there, since it bounds the cost. A ``detail`` parameter goes onto each picture.
    """
    fields = {name: value for name, value in call.params.items() if value is not None}
    detail = fields.pop("detail", None)
    message = user_message(call.prompt, call.images, detail=detail)
    fields |= {"model": call.wire_model, "stream": False, "messages": [message]}
    fields["max_tokens"] = call.max_tokens or DEFAULT_MAX_TOKENS
    if call.json_schema is not None:
        fields["response_format"] = _response_format(dict(call.json_schema))
    return WireRequest(path="/chat/completions", json=fields)


def parse(reply: Reply, call: Call, redactor: Redactor = PATTERNS) -> Answer | Failure:
    """The text of the first choice; a refusal, or a reply without words, is a ``Failure``. Never raises."""
    body = read_body(reply)
    choices = read_choices(body.value) if 200 <= reply.status < 300 else []
    if not choices:
        return classify_body(body, reply, call, redactor)
    usage = read_usage(body.value, text_reply=True)
    choice = choices[0]
    text = choice.text.strip()
    if choice.refusal or choice.finish_reason == "content_filter" or is_refusal(text, call.vision):
        message = shortened(choice.refusal or text, redactor) or "blocked by the model's content filter"
        return failed(table.REFUSED_IN_WORDS, message, reply, call, usage=usage)
    if text and not body.cut:
        cut_short = choice.finish_reason == "length"
        return Answer(text=text, truncated=cut_short, usage=usage, request_id=request_id(reply))
    return _without_text(body, choice, reply, call, redactor)


def _without_text(body: Body, choice: Choice, reply: Reply, call: Call, redactor: Redactor) -> Failure:
    error = find_error(body.value)
    if error is not None and error.explicit:
        return classify_body(body, reply, call, redactor)
    if body.cut:
        return failed(table.CUT_OFF, "the stream ended early", reply, call)
    full = "max_tokens was used up before any text" if choice.finish_reason == "length" else "the reply holds no text"
    return failed(table.NO_WORDS, full, reply, call, usage=read_usage(body.value, text_reply=True))


def _response_format(schema: dict[str, Json]) -> dict[str, Json]:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(schema.get("title") or "answer"))[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "strict": is_strict(schema), "schema": schema}}
