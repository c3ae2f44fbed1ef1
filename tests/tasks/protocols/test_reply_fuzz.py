"""Whatever bytes come back, parsing does not raise and calls nothing a success that holds neither picture nor text."""

import json
from dataclasses import fields, replace
from typing import get_args

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogs.types import Billed
from tasks.protocols import wire
from tasks.protocols.formats import FORMATS, parse
from tasks.protocols.wire import Answer, Call, Failure, Reply
from tests.support.damage import damaged
from tests.tasks.protocols.replies import CASES

REASONS = {
    "refused": {"policy"},
    "invalid": {"invalid_request", "too_large"},
    "auth": {"provider_stopped"},
    "quota": {"provider_stopped"},
    "rate_limited": {"rate_limited"},
    "model_unavailable": {"model_unavailable"},
    "transient": {"server_error", "no_image"},
    "no_image": {"no_image", "bad_image", "too_large"},
    "unknown": {"gateway_timeout", "malformed_reply", "connection_lost", "timeout"},
}
CALL = Call(operation="generate", format="images_json", wire_model="m", prompt="p")
RECORDED = sorted(path.read_bytes() for path in CASES.iterdir())
WORDS = (
    "error",
    "errors",
    "message",
    "code",
    "type",
    "param",
    "status",
    "status_code",
    "detail",
    "failure_reason",
    "data",
    "url",
    "b64_json",
    "image_url",
    "images",
    "created",
    "revised_prompt",
    "text",
    "content",
    "delta",
    "choices",
    "finish_reason",
    "refusal",
    "reasoning_content",
    "usage",
    "prompt_tokens",
    "input_tokens",
    "input_tokens_details",
)
VALUES = (
    "https://cdn.example/a.png",
    "![x](https://cdn.example/a.png)",
    "data:image/png;base64,iVBORw0KGgo=",
    "![x](data:image/png;base64,",
    "iVBORw0KGgo=",
    "insufficient_quota",
    "content_policy_violation",
    "bad_response_status_code",
    "429",
    "length",
    "\u202e\x00",
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(VALUES) | st.text(max_size=20)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
json_bodies = documents.map(lambda value: json.dumps(value).encode())
streams = st.lists(documents, max_size=4).map(
    lambda frames: b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)
)


bodies = st.binary(max_size=200) | json_bodies | streams | damaged(RECORDED, most=4) | st.sampled_from(RECORDED)
statuses = st.sampled_from(
    [200, 200, 200, 201, 204, 0, 100, 302, 400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 524]
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "retry-after", "retry-after-ms", "date", "x-request-id", "x-should-retry"]),
    st.sampled_from(["text/event-stream", "true", "false", "1e999", "-1", "Sat, 21 Nov 2026 10:00:00 GMT", "é\n"])
    | st.text(max_size=20),
)


def check(status: int, given_headers: dict[str, str], body: bytes) -> None:
    for format_ in FORMATS:
        operation = "vision" if format_ == "chat_vision" else "generate"
        result = parse(
            Reply(status=status, headers=given_headers, body=body), replace(CALL, format=format_, operation=operation)
        )
        if isinstance(result, Answer):
            assert 200 <= status < 300
            assert all(picture.url or picture.data for picture in result.pictures)
            assert bool(result.pictures) != bool(result.text and result.text.strip())
        else:
            check_failure(result)


def check_failure(failure: Failure) -> None:
    assert failure.reason in REASONS[failure.error_class]
    assert failure.paid in get_args(Billed)
    assert failure.message
    assert len(failure.message) <= 2000
    assert failure.message.isprintable()
    assert failure.retry_after_s is None or 0 <= failure.retry_after_s <= 300
    assert not (failure.resend and failure.error_class in {"refused", "auth", "no_image", "unknown", "invalid"})
    assert not (failure.resend and 200 <= (failure.http_status or 0) < 300)
    orjson.dumps({field.name: repr(getattr(failure, field.name)) for field in fields(failure)})


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(statuses, headers, bodies)
def test_no_reply_breaks_the_parsers_or_passes_for_a_success(status, given_headers, body):
    check(status, given_headers, body)


@pytest.mark.slow
@settings(max_examples=50_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(statuses, headers, bodies)
def test_fifty_thousand_replies_break_no_parser_and_none_passes_for_a_success(status, given_headers, body):
    check(status, given_headers, body)


def test_every_error_class_has_its_reasons_in_this_test():
    assert set(REASONS) == set(get_args(wire.ErrorClass))


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"error":', "}"), ('{"message":"{', '}"}')])
def test_deep_nesting_is_malformed_and_not_a_crash(depth, opening, closing):
    check(200, {}, opening.encode() * depth + closing.encode() * depth)
    check(500, {}, opening.encode() * depth)


def test_a_picture_of_eight_megabytes_is_parsed():
    data = bytes(range(256)) * 32_768
    body = orjson.dumps({"created": 1, "data": [{"b64_json": wire_base64(data)}]})
    answer = parse(Reply(status=200, headers={}, body=body), CALL)
    assert isinstance(answer, Answer)
    assert answer.pictures[0].data == data


def wire_base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()
