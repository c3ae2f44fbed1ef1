"""Every recorded reply means what the table says, in every wire format that can meet it."""

from dataclasses import replace

import orjson
import pytest

from tasks.protocols.body import read_body
from tasks.protocols.chat import read_choices
from tasks.protocols.error_rules import case_of, fold
from tasks.protocols.error_table import CODES, MESSAGES, SENTENCES, STATUSES, TYPES
from tasks.protocols.errors import classify_reply, classify_text, no_reply
from tasks.protocols.formats import parse
from tasks.protocols.redact import Redactor
from tasks.protocols.wire import Answer, Failure, Reply
from tests.tasks.protocols.replies import (
    CASES,
    CHAT,
    FAILURES,
    IMAGES,
    PICTURES,
    TEXTS,
    VISION,
    Expected,
    recorded,
)


def seen(failure: Answer | Failure) -> Expected:
    assert isinstance(failure, Failure)
    return Expected(
        error_class=failure.error_class,
        reason=failure.reason,
        resend=failure.resend,
        paid=failure.paid,
        stage=failure.stage,
        max_resends=failure.max_resends,
        retry_after_s=failure.retry_after_s,
    )


@pytest.mark.parametrize(
    ("name", "status", "call", "expected"), FAILURES, ids=[f"{row[0]}-{row[2].format}" for row in FAILURES]
)
def test_a_recorded_failure_is_classified_as_the_table_says(name, status, call, expected):
    failure = parse(recorded(name, status), call)
    assert seen(failure) == expected
    assert failure.message
    assert failure.http_status == status
    assert "SECRETSECRET" not in repr(failure)


@pytest.mark.parametrize(("name", "call", "sources"), PICTURES, ids=[row[0] for row in PICTURES])
def test_a_recorded_success_gives_its_pictures_in_order(name, call, sources):
    answer = parse(recorded(name), call)
    assert isinstance(answer, Answer)
    assert tuple(picture.url or picture.data for picture in answer.pictures) == sources
    assert [picture.last_resort for picture in answer.pictures] == ["download-link-only" in name] * len(sources)


@pytest.mark.parametrize(("name", "text", "truncated"), TEXTS, ids=[row[0] for row in TEXTS])
def test_a_recorded_vision_reply_gives_its_text(name, text, truncated):
    answer = parse(recorded(name), VISION)
    assert isinstance(answer, Answer)
    assert (answer.text, answer.truncated) == (text, truncated)


def test_every_case_file_is_in_the_table_and_the_table_names_no_other():
    named = {row[0] for table in (FAILURES, PICTURES, TEXTS) for row in table}
    assert named == {path.name for path in CASES.iterdir()}


def test_http_failures_mean_the_same_whatever_format_asked():
    for name, status, call, expected in FAILURES:
        if status >= 300 and call is not VISION:
            for format_ in ("images_json", "edits_multipart", "edits_json", "flux_json", "chat_image"):
                assert seen(parse(recorded(name, status), replace(IMAGES, format=format_))) == expected, name


@pytest.mark.parametrize("call", [IMAGES, CHAT, VISION], ids=lambda call: call.format)
def test_a_success_over_the_cap_is_final_and_an_error_over_it_means_what_its_status_says(call):
    cut = Reply(status=200, headers={}, body=b'{"data":[', too_large=True)
    assert seen(parse(cut, call)) == Expected(error_class="no_image", reason="too_large", paid="unknown")
    assert parse(replace(cut, status=400), call).reason == "invalid_request"


def test_usage_of_one_or_none_is_not_a_measurement():
    assert parse(recorded("2.3-gpt-image.json"), IMAGES).usage.output_tokens == 1056
    assert parse(recorded("2.3-gpt-image.json"), IMAGES).usage.input_text_tokens == 18
    assert parse(recorded("2.4-stream.sse"), IMAGES).usage.output_tokens == 372
    for name in ("2.3-usage-of-1.json", "2.3-dalle-url.json"):
        assert parse(recorded(name), IMAGES).usage.output_tokens is None
        assert parse(recorded(name), IMAGES).usage.input_tokens is None


def test_a_vision_answer_of_one_token_is_counted_when_its_input_was():
    usage = parse(recorded("8-one-token-answer.json"), VISION).usage
    assert (usage.input_tokens, usage.output_tokens) == (812, 1)


def test_a_charged_refusal_of_a_vision_model_brings_its_token_counts():
    failure = parse(recorded("8-refusal-words.json"), VISION)
    assert (failure.usage.input_tokens, failure.usage.output_tokens) == (812, 12)


def test_revised_prompt_and_request_id_are_kept():
    answer = parse(recorded("2.3-dalle-url.json", x_request_id="req_9"), IMAGES)
    assert answer.pictures[0].revised_prompt == "A detailed oil painting of a brass robot"
    assert answer.request_id == "req_9"


@pytest.mark.parametrize("header", ["x-request-id", "request-id", "x-oneapi-request-id", "x-api-request-id"])
def test_the_request_id_is_found_under_every_name_it_goes_by(header):
    reply = Reply(status=500, headers={header: " abc\x00 "}, body=b"{}")
    assert classify_reply(reply, IMAGES).request_id == "abc"


def test_the_request_id_at_the_end_of_a_message_is_cut_off_and_kept_apart():
    failure = parse(recorded("9.1-401-one-invalid.json", 401), CHAT)
    assert (failure.message, failure.request_id) == ("无效的令牌", "2026")


RETRY_AFTER = [
    ({"retry-after": "7"}, 7),
    ({"retry-after": "1.5"}, 1.5),
    ({"retry-after": "0"}, 0),
    ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
    ({"retry-after": "Sat, 21 Nov 2026 10:00:20 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 20),
    ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 0),
    ({"retry-after": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0),
    ({"retry-after": "54749"}, 300),
    ({"retry-after-ms": "9e12"}, 300),
    ({"retry-after": "-3"}, None),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": ""}, None),
    ({}, None),
]


@pytest.mark.parametrize(("headers", "expected_s"), RETRY_AFTER, ids=[str(row[0]) for row in RETRY_AFTER])
def test_retry_after_is_read_in_every_form_and_capped_at_five_minutes(headers, expected_s):
    reply = Reply(status=429, headers=headers, body=b'{"error":{"message":"slow down","type":"requests"}}')
    assert classify_reply(reply, IMAGES).retry_after_s == expected_s


def test_cloudflare_1015_for_hours_stops_the_run_and_for_seconds_does_not():
    hours = parse(recorded("9.1-429-cloudflare-1015.txt", 429, retry_after="54749"), CHAT)
    assert (hours.error_class, hours.reason, hours.resend) == ("quota", "provider_stopped", False)
    assert hours.message.endswith("asks for a pause of 15.2 h")
    seconds = parse(recorded("9.1-429-cloudflare-1015.txt", 429, retry_after="30"), CHAT)
    assert (seconds.error_class, seconds.resend, seconds.retry_after_s) == ("rate_limited", True, 30)
    assert "pause" not in seconds.message
    limited = parse(recorded("9.1-429-empty.txt", 429, retry_after="54749"), CHAT)
    assert (limited.error_class, "pause" in limited.message) == ("rate_limited", False)


SHOULD_RETRY = [
    ("9.1-500-never-seen.json", 500, "false", False),
    ("9.1-429-empty.txt", 429, "false", False),
    ("shape-code-is-a-number.json", 400, "true", True),
    ("9.1-400-content_policy_violation.json", 400, "true", False),
    ("9.1-403-one-quota.json", 403, "true", False),
    ("9.1-403-nothing-known.json", 403, "true", False),
    ("9.1-524-cloudflare.html", 524, "true", False),
]


@pytest.mark.parametrize(
    ("name", "status", "told", "resend"), SHOULD_RETRY, ids=[f"{r[0]}-{r[2]}" for r in SHOULD_RETRY]
)
def test_x_should_retry_overrides_only_what_the_status_decided(name, status, told, resend):
    assert parse(recorded(name, status, x_should_retry=told), IMAGES).resend is resend


def test_a_503_page_that_says_when_to_come_back_was_never_taken_in():
    failure = parse(recorded("9.1-503-nginx.html", 503, retry_after="5"), IMAGES)
    assert (failure.error_class, failure.paid, failure.resend, failure.retry_after_s) == ("transient", "no", True, 5)


def test_no_reply_is_free_only_if_nothing_was_sent():
    assert seen(no_reply("not_sent", "connection refused")) == Expected(
        error_class="transient", reason="connection", resend=True
    )
    for kind in ("timeout", "connection_lost", "malformed_reply"):
        assert seen(no_reply(kind, "gone")) == Expected(error_class="unknown", reason=kind, paid="unknown")


def test_words_that_echo_the_prompt_in_a_fence_do_not_make_a_refusal():
    echoed = '```json\n{"prompt": "a guardrail on a mountain road, content policy"}\n```\n'
    assert classify_text(echoed + "> 进度 **10%**", CHAT).error_class == "transient"
    assert classify_text(echoed.replace("```", "") + "> 进度 **10%**", CHAT).error_class == "refused"  # the control


def test_an_unknown_reply_keeps_its_redacted_body():
    failure = parse(recorded("200-half-json.txt"), IMAGES)
    assert '"url":"https://cdn.example/a.png?sig=***"' in failure.message
    assert len(failure.message) <= 2000


def test_a_message_is_redacted_before_it_is_cut():
    key = "my-own-gateway-key-4711"
    for padding in range(470, 505):
        body = b'{"error":{"message":"%s %s","code":"x"}}' % (b"a" * padding, key.encode())
        message = parse(Reply(status=500, headers={}, body=body), IMAGES, Redactor([key])).message
        assert "my-own" not in message
        assert len(message) <= 500


def test_a_key_that_the_gateway_echoes_is_nowhere_in_the_result():
    key = "my-own-gateway-key-4711"
    words = f"a picture of {key} and https://a.example/?key=mine"
    picture = {"created": 1, "data": [{"url": "https://cdn.example/a.png", "revised_prompt": words}]}
    text = {"choices": [{"message": {"content": words}}]}
    error = {"error": {"message": words, "type": words, "code": words, "param": words}}
    headers = {"x-request-id": f"req-{key}", "retry-after": key}
    for call in (IMAGES, CHAT, VISION):
        for status, value in ((200, picture), (200, text), (200, error), (400, error), (500, error)):
            reply = Reply(status=status, headers=headers, body=orjson.dumps(value))
            assert key not in repr(parse(reply, call, Redactor([key])))
            assert key in repr(parse(reply, call))  # the control: it was there to be found


def test_words_of_a_model_that_only_look_like_a_secret_are_left_alone():
    reply = Reply(status=200, headers={}, body=b'{"choices":[{"message":{"content":"the sign says sk-1234567890"}}]}')
    assert parse(reply, VISION, Redactor(["my-own-gateway-key-4711"])).text == "the sign says sk-1234567890"


def test_an_edit_or_generation_refused_for_its_picture_names_the_output_and_vision_names_vision():
    flagged = Reply(
        status=400, headers={}, body=b'{"error":{"message":"The generated image was flagged by moderation"}}'
    )
    assert parse(flagged, IMAGES).stage == "output"
    assert parse(flagged, VISION).stage == "vision"


def test_table_keys_are_written_the_way_they_are_looked_up():
    for table in (CODES, TYPES):
        assert all(key == key.casefold() and key for key in table)
    for pattern, _ in (*MESSAGES, *SENTENCES):
        assert pattern.pattern.replace(r"\Z", "") == pattern.pattern.replace(r"\Z", "").lower()
    assert all(400 <= status <= 599 for status in STATUSES)


def test_every_row_of_the_message_and_sentence_tables_is_met_by_a_recorded_reply():
    words = set()
    for name, status, _, _ in FAILURES:
        body = read_body(recorded(name, status))
        words.add(case_of(body, recorded(name, status)).folded)
        words |= {fold(choice.text or choice.reasoning) for choice in read_choices(body.value)}
    for pattern, _ in (*MESSAGES, *SENTENCES):
        assert any(pattern.search(text) for text in words), pattern.pattern
