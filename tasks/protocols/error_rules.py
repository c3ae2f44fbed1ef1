"""Choosing the rule for a reply that is no answer: by code, then type, then message, then status."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tasks.protocols import error_table as table
from tasks.protocols.body import Body, ErrorBody, find_error, plain_text, without_request_id
from tasks.protocols.error_table import Rule
from tasks.protocols.retry_after import CAP_S, wanted_pause_s
from tasks.protocols.wire import Reply, Stage

_MATCHED_CHARS = 4000
_QUOTES = str.maketrans("’‘ʼ`“”„", "''''\"\"\"")
_FAILURE_REASON = re.compile(r'"failure_reason"\s{0,5}:\s{0,5}"(\w{1,60})"')
_FENCED = re.compile(r"```[^`]{0,4000}(?:```|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What has been read of a reply. ``folded``: the error message as patterns see it."""

    status: int
    headers: Mapping[str, str]
    is_json: bool
    error: ErrorBody
    folded: str


def case_of(body: Body, reply: Reply) -> Case:
    """The facts that the rules look at; a body without an error in it gives one with empty fields."""
    found = find_error(body.value) if body.is_json else None
    error = found or ErrorBody(message="" if body.is_json else plain_text(body.text), explicit=False)
    folded = fold(error.message)
    return Case(status=reply.status, headers=reply.headers, is_json=body.is_json, error=error, folded=folded)


def choose(case: Case) -> Rule:
    """The rule for ``case``; ``table.MALFORMED`` for what no rule knows."""
    rule = _by_code(case) or table.TYPES.get(case.error.type.casefold()) or _by_message(case) or _by_status(case)
    if rule in {table.TRANSIENT, table.TRANSIENT_MAYBE_PAID} and case.status in table.MAYBE_FINISHED:
        return table.GATEWAY_TIMEOUT
    if rule == table.QUOTA and case.status == 429 and table.SATURATED.search(case.folded):
        return table.QUOTA_SOMEWHERE
    if rule == table.NO_CHANNEL and 400 <= case.status < 500 and case.status != 429:
        return table.NO_MODEL
    if rule == table.RATE_LIMITED and "1015" in case.folded and (wanted_pause_s(case.headers) or 0) > CAP_S:
        return table.QUOTA  # Cloudflare has shut this address out for hours: nothing to wait for
    return with_status_200(rule) if case.status < 300 else rule


def sentence(folded: str) -> Rule:
    """The rule for words (see ``own_words``) where a picture should be."""
    return next((rule for pattern, rule in table.SENTENCES if pattern.search(folded)), table.NO_IMAGE)


def own_words(text: str) -> str:
    """What a model says itself, folded: no fenced code, since that echoes the prompt, but its failure_reason."""
    reasons = _FAILURE_REASON.findall(text, 0, _MATCHED_CHARS)
    return fold(" ".join([_FENCED.sub(" ", text[:_MATCHED_CHARS]), *reasons]))


def stage_of(folded: str) -> Stage:
    """Where a refusal came, by what it says."""
    return next((stage for pattern, stage in table.STAGES if pattern.search(folded)), "unspecified")


def fold(message: str) -> str:
    """``message`` as patterns see it: request ids cut, NFKC, lower case, straight quotes, single blanks."""
    folded = unicodedata.normalize("NFKC", without_request_id(message[:_MATCHED_CHARS])).casefold()
    return " ".join(folded.translate(_QUOTES).split())


def with_status_200(rule: Rule) -> Rule:
    """An error in a reply that calls itself a success is possibly charged and never sent again by itself."""
    paid = rule.paid if rule.error_class in {"auth", "quota"} else "unknown"
    return replace(rule, resend=False, paid=paid, max_resends=None, pause_s=None)


def _by_code(case: Case) -> Rule | None:
    code = case.error.code.casefold()
    if code == "bad_response_status_code":
        return _by_upstream_status(case)
    exact = table.CODES.get(code)
    if exact is not None or not code:
        return exact
    by_ending = (rule for ending, rule in table.CODE_ENDINGS if code.endswith(ending))
    by_start = (rule for start, rule in table.CODE_STARTS if code.startswith(start))
    return next(by_ending, None) or next(by_start, None)


def _by_upstream_status(case: Case) -> Rule | None:
    """The gateway's upstream answered with something that is no JSON; its status stands in ``param``."""
    param = case.error.param
    status = int(param) if re.fullmatch(r"[45][0-9]{2}", param) else case.status
    if status in {401, 403, 407}:
        return table.TRANSIENT  # the upstream rejects the reseller's key, not ours
    if status >= 500 and status not in table.MAYBE_FINISHED:
        return table.TRANSIENT
    return table.STATUSES.get(status)


def _by_message(case: Case) -> Rule | None:
    if case.status < 300 and not case.is_json:
        return None  # a page or half a JSON text: its words are not an error message
    return next((rule for pattern, rule in table.MESSAGES if pattern.search(case.folded)), None)


def _by_status(case: Case) -> Rule:
    status = case.status
    if status < 300:
        return _by_body(case)
    if status < 400:
        return table.INVALID  # redirects are not followed: the base URL is wrong
    if status >= 500 and not (case.is_json and _says_something(case.error)):
        return _unreadable_server_error(case)
    if status not in table.MAYBE_FINISHED:
        status = case.error.status or status
    rule = table.STATUSES.get(status, table.TRANSIENT_MAYBE_PAID if status >= 500 else table.INVALID)
    return _as_told(rule, case.headers.get("x-should-retry", ""))


def _by_body(case: Case) -> Rule:
    """Status 200 and no known error: an inner status, a sentence, or an error nobody has seen before."""
    if case.error.status is not None:
        return table.STATUSES.get(case.error.status, table.TRANSIENT_MAYBE_PAID)
    if case.is_json and case.error.message:
        said = sentence(own_words(case.error.message))
        if said != table.NO_IMAGE:
            return said
    return table.TRANSIENT_MAYBE_PAID if case.is_json and case.error.explicit else table.MALFORMED


def _unreadable_server_error(case: Case) -> Rule:
    if case.status == 503 and "retry-after" in case.headers:
        return table.TRANSIENT  # turned away at the door, in so many words
    by_proxy = case.status in table.MAYBE_FINISHED or case.status in {502, 503} or 520 <= case.status <= 530
    return table.GATEWAY_TIMEOUT if by_proxy and not case.is_json else table.MALFORMED


def _as_told(rule: Rule, should_retry: str) -> Rule:
    """``x-should-retry`` overrides what only the status decided, but never for what may have been charged."""
    told = should_retry.strip().lower()
    if told == "false" and rule.resend:
        return replace(rule, resend=False)
    if told == "true" and rule in {table.INVALID, table.NO_MODEL}:
        return table.TRANSIENT
    return rule


def _says_something(error: ErrorBody) -> bool:
    return error.explicit or bool(error.message or error.code or error.type)
