"""What is read from a reply's body before any rule looks at it: the error, its words, its status, the usage."""

import json

import pytest

from tasks.protocols.body import find_error, plain_text, read_usage
from tasks.protocols.errors import shortened
from tasks.protocols.redact import PATTERNS

INNER = {"error": {"message": "too many", "code": "rate_limit_exceeded", "type": "requests"}}


@pytest.mark.parametrize(
    "around", ["{}", "upstream said: {}", "{} (request id: 20261128)", "got {}.", "bad response {} }"]
)
def test_an_upstreams_body_inside_a_message_is_the_error(around: str) -> None:
    message = around.replace("{}", json.dumps(INNER), 1)
    found = find_error({"error": {"message": message, "code": "outer"}})
    assert found is not None
    if around.endswith("} }"):
        assert (found.code, found.message) == ("outer", message), "what is no JSON stays as it is"
    else:
        assert (found.code, found.message, found.type) == ("rate_limit_exceeded", "too many", "requests")


@pytest.mark.parametrize("inner", ["[1]", '{"error": "text"}', '{"error": {}}', '{"other": {"message": "x"}}'])
def test_json_in_a_message_that_holds_no_error_changes_nothing(inner: str) -> None:
    found = find_error({"error": {"message": f"see {inner}", "code": "outer"}})
    assert found is not None
    assert (found.code, found.message) == ("outer", f"see {inner}")


@pytest.mark.parametrize(
    ("code", "status"),
    [("400", 400), (400, 400), ("599", 599), (600, None), ("399", None), ("40", None), ("4000", None), ("٤٠٠", None)],
)
def test_a_code_that_is_an_error_status_counts_as_one(code: object, status: int | None) -> None:
    found = find_error({"error": {"message": "no", "code": code}})
    assert found is not None
    assert found.status == status


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<html><title> 502 Bad Gateway </title><h1>no</h1></html>", "502 Bad Gateway"),
        ("<h1>Too</h1>\n<p>many   requests</p>", "Too many requests"),
        ("<title> </title><b>gone</b>", "gone"),
        ("no tags > here", "no tags > here"),
    ],
)
def test_a_page_is_read_by_its_title_or_its_words(html: str, words: str) -> None:
    assert plain_text(html) == words


@pytest.mark.parametrize("names", [("input_tokens", "output_tokens"), ("prompt_tokens", "completion_tokens")])
def test_usage_is_read_in_both_namings_with_its_details(names: tuple[str, str]) -> None:
    given, made = names
    body = {"usage": {given: 300, made: 1056, f"{given}_details": {"text_tokens": 20, "image_tokens": 280}}}
    usage = read_usage(body)
    assert (usage.input_tokens, usage.output_tokens) == (300, 1056)
    assert (usage.input_text_tokens, usage.input_image_tokens) == (20, 280)


@pytest.mark.parametrize(
    ("given", "made", "text_reply", "read"),
    [(1, 1, True, (None, None)), (9, 1, True, (9, 1)), (9, 1, False, (9, None)), (0, 0, True, (None, None)),
     (2, 2, False, (2, 2)), (True, True, True, (None, None)), (-5, 2**53, True, (None, None))],
)  # fmt: skip
def test_a_count_that_gateways_make_up_is_none(
    given: object, made: object, text_reply: bool, read: tuple[int | None, int | None]
) -> None:
    usage = read_usage({"usage": {"input_tokens": given, "output_tokens": made}}, text_reply=text_reply)
    assert (usage.input_tokens, usage.output_tokens) == read


def test_a_message_is_one_line_without_controls_cut_at_its_limit() -> None:
    assert shortened("one\n two\t\x07three", PATTERNS) == "one two three"
    assert shortened("abcdefgh", PATTERNS, limit_chars=8) == "abcdefgh"
    assert shortened("abcdefghi", PATTERNS, limit_chars=8) == "abcdefg…"
