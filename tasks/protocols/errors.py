"""Making a ``Failure`` of whatever is not an answer. Never raises.

What no rule of ``error_table`` knows ends as ``unknown`` with the redacted raw body as its message: never as a
success, never as a crash.
"""

from dataclasses import replace
from typing import Literal

from catalogs.types import VisionTask
from tasks.protocols import error_table as table
from tasks.protocols.body import Body, read_body, request_id, without_request_id
from tasks.protocols.error_rules import Case, case_of, choose, fold, own_words, sentence, stage_of, with_status_200
from tasks.protocols.error_table import Rule
from tasks.protocols.redact import PATTERNS, Redactor
from tasks.protocols.retry_after import CAP_S, capped_s, wanted_pause_s
from tasks.protocols.wire import Call, Failure, Reply, Stage, Usage

NoReplyKind = Literal["not_sent", "timeout", "connection_lost", "malformed_reply"]

_MESSAGE_CHARS = 500
_RAW_CHARS = 2000
_REFUSAL_CHARS = 400


def classify_reply(reply: Reply, call: Call, redactor: Redactor = PATTERNS) -> Failure:
    """The failure that ``reply`` is, by its status and the error in its body.

    A reply with status 200 and no error that anyone knows is ``unknown``; use ``formats.parse`` to find pictures.
    """
    return classify_body(read_body(reply), reply, call, redactor)


def classify_body(body: Body, reply: Reply, call: Call, redactor: Redactor = PATTERNS) -> Failure:
    """As ``classify_reply``, for a body that has been read already."""
    case = case_of(body, reply)
    rule = choose(case)
    if rule == table.MALFORMED:
        message = shortened(_raw(body, reply, case), redactor, _RAW_CHARS)
    else:
        message = shortened(case.error.message, redactor) or f"HTTP {reply.status} without a message"
    pause_s = wanted_pause_s(case.headers, case.folded if rule.error_class == "rate_limited" else "")
    if rule.error_class == "quota" and pause_s is not None and pause_s > CAP_S:
        message = f"{message}, asks for a pause of {pause_s / 3600:.1f} h"
    return replace(
        failed(rule, message, reply, call, words=f"{case.error.code.casefold()} {case.folded}"),
        code=shortened(case.error.code or case.error.type, redactor, 100) or None,
        retry_after_s=capped_s(pause_s if pause_s is not None else rule.pause_s),
        request_id=request_id(reply, case.error.message[-400:]),
    )


def classify_text(text: str, call: Call, redactor: Redactor = PATTERNS) -> Failure:
    """Words where a picture should be, with status 200: a refusal, an excuse, a question back.

    Possibly charged, and not sent again. Of a vision call, only a refusal makes sense here.
    """
    words = own_words(text)
    rule = with_status_200(sentence(words))
    message = shortened(text, redactor) or "the reply holds neither a picture nor words"
    return failed(rule, message, Reply(status=200, headers={}, body=b""), call, words=words)


def no_reply(kind: NoReplyKind, detail: str, redactor: Redactor = PATTERNS) -> Failure:
    """The failure of a call without a reply. ``not_sent`` cost nothing; of the others nobody knows."""
    message = shortened(detail, redactor)
    if kind == "not_sent":
        return Failure(error_class="transient", reason="connection", resend=True, paid="no", message=message)
    return Failure(error_class="unknown", reason=kind, resend=False, paid="unknown", message=message)


def failed(
    rule: Rule, message: str, reply: Reply, call: Call, *, words: str = "", usage: Usage | None = None
) -> Failure:
    """``rule`` as a ``Failure`` of this reply. ``words``: folded text that may tell the stage of a refusal.

    With ``usage`` (a text model's token count) the reply was certainly charged if the count is known.
    """
    counted = usage is not None and usage.input_tokens is not None
    return Failure(
        error_class=rule.error_class,
        reason=rule.reason,
        resend=rule.resend,
        paid="yes" if counted else rule.paid,
        message=message,
        http_status=reply.status,
        stage=_stage(rule, words, call),
        request_id=request_id(reply),
        max_resends=rule.max_resends,
        usage=usage or Usage(),
    )


def is_refusal(text: str, task: VisionTask | None) -> bool:
    """Whether a vision model's answer is a refusal: short, and beginning with the words of one.

    For ``ocr`` it must be one line and nothing else: what stands in a picture may begin like that too.
    """
    folded = fold(text)
    said = table.VISION_REFUSAL.match(folded) if len(text) <= _REFUSAL_CHARS else None
    return said is not None and (task != "ocr" or (said.end() == len(folded) and "\n" not in text))


def shortened(text: str, redactor: Redactor, limit_chars: int = _MESSAGE_CHARS) -> str:
    """``text`` on one line, without request id and controls; redacted first and cut then."""
    safe = redactor.text(without_request_id(text[: 16 * limit_chars]))
    line = " ".join("".join(char if char.isprintable() else " " for char in safe).split())
    return line if len(line) <= limit_chars else line[: limit_chars - 1] + "…"


def _raw(body: Body, reply: Reply, case: Case) -> str:
    raw = reply.body[: 16 * _RAW_CHARS].decode(errors="replace") if body.is_json else body.text
    return f"unrecognised reply: {raw.strip() or case.error.message or '(empty body)'}"


def _stage(rule: Rule, words: str, call: Call) -> Stage:
    if rule.error_class != "refused":
        return "unspecified"
    if call.operation == "vision" or call.format == "chat_vision":
        return "vision"
    return rule.stage if rule.stage != "unspecified" else stage_of(words)
