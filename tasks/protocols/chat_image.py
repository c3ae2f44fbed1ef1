"""POST /chat/completions for models that draw: the picture comes back as markdown in the message."""

from dataclasses import replace

from tasks.protocols import error_table as table
from tasks.protocols.body import Body, find_error, read_body, read_usage, request_id
from tasks.protocols.chat import Choice, read_choices, user_message
from tasks.protocols.error_rules import fold
from tasks.protocols.errors import classify_body, classify_text, failed, shortened
from tasks.protocols.images_json import images_answer
from tasks.protocols.markdown import Found, find_pictures
from tasks.protocols.pictures import picture_from_source
from tasks.protocols.redact import PATTERNS, Redactor
from tasks.protocols.wire import Answer, Call, Failure, Picture, Reply, WireRequest


def build(call: Call) -> WireRequest:
    """``{"model", "stream": false, "messages": […], …params}``; no ``n``: one call is one billed picture."""
    fields = {name: value for name, value in call.params.items() if value is not None and name != "response_format"}
    fields |= {"model": call.wire_model, "stream": False, "messages": [user_message(call.prompt, call.images)]}
    return WireRequest(path="/chat/completions", json=fields)


def parse(reply: Reply, call: Call, redactor: Redactor = PATTERNS) -> Answer | Failure:
    """The pictures in the message (or in an Images body, which some gateways answer with). Never raises."""
    body = read_body(reply)
    if not 200 <= reply.status < 300:
        return classify_body(body, reply, call, redactor)
    choices = read_choices(body.value)
    if not choices:
        return images_answer(body, reply, call, redactor)
    found = [source for choice in choices for source in _sources(choice, cut=body.cut)]
    pictures = tuple(picture for source in dict.fromkeys(found) if (picture := _picture(source)))
    if pictures:
        return Answer(pictures=pictures, usage=read_usage(body.value), request_id=request_id(reply))
    if found:
        return failed(table.BAD_IMAGE, "the picture in the reply is neither a URL nor whole base64", reply, call)
    return _without_picture(body, choices[0], reply, call, redactor)


def _without_picture(body: Body, choice: Choice, reply: Reply, call: Call, redactor: Redactor) -> Failure:
    error = find_error(body.value)
    if error is not None and error.explicit:
        return classify_body(body, reply, call, redactor)
    words = choice.refusal or choice.text or choice.reasoning
    message = shortened(words, redactor) or "the reply holds neither a picture nor words"
    if choice.refusal:
        return failed(table.REFUSED_IN_WORDS, message, reply, call, words=fold(words))
    if choice.finish_reason == "content_filter":
        return failed(table.REFUSED_BY_FILTER, message, reply, call)
    failure = classify_text(words, call, redactor)
    if body.cut and failure.error_class != "refused":
        return failed(table.CUT_OFF, f"the stream ended early: {message}", reply, call)
    return replace(failure, http_status=reply.status, request_id=request_id(reply))


def _sources(choice: Choice, *, cut: bool) -> list[Found]:
    return [*find_pictures(choice.images, cut=cut), *find_pictures(choice.content, cut=cut)]


def _picture(source: Found) -> Picture | None:
    return picture_from_source(source.src, last_resort=source.last_resort)
