"""Canaries: whatever a secret is planted in, it does not come out."""

import io
import logging
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.protocols import redact
from tasks.protocols.redact import MARK, PATTERNS, Redactor, guard_logging, printable, strip_query

CANARY = "CANARYcanary0123456789"
SIGNED = f"https://cdn.example/a.png?X-Amz-Credential={CANARY}%2F20261121&X-Amz-Signature={CANARY}&w=10"

PLANTED = [
    f"sk-{CANARY}",
    f"Incorrect API key provided: sk-proj-{CANARY}. You can find",
    "TokenStatusExhausted[sk-CAN***ARY]",
    f"Authorization: Bearer {CANARY}",
    f"authorization='Bearer {CANARY}'",
    f'{{"Authorization": "Bearer {CANARY}"}}',
    f'{{\\"authorization\\":\\"Bearer {CANARY}\\"}}',
    f"Headers({{'authorization': b'Bearer {CANARY}'}})",
    f"Proxy-Authorization: Basic {CANARY}==",
    f"sent Bearer {CANARY} to the host",
    f"Basic {CANARY}==",
    f"x-api-key: {CANARY}",
    f"x-key={CANARY}",
    f"api_key={CANARY}",
    f"AWS_SECRET_ACCESS_KEY={CANARY}",
    f"aws_session_token = '{CANARY}'",
    f"AKIA{'CANARY0123456789'}",
    f"ASIA{'CANARY0123456789'}",
    f"https://user:{CANARY}@host/path",
    f"https://{CANARY}@host/path",
    f"proxy user:{CANARY}@proxy.example:3128 refused",
    f"postgresql+asyncpg://prefect:{CANARY}@db/prefect",
    SIGNED,
    f"GET {SIGNED}, 403",
    quote(SIGNED, safe=""),
    SIGNED.replace("&", "\\u0026"),
    SIGNED.replace("&", "&amp;"),
    f"https://a.blob.example/c.png?se=2026&sp=r&sig={CANARY}",
    f"https://a.example/c.png?Expires=1&Signature={CANARY}&Key-Pair-Id={CANARY}",
    f"https://a.example/c.png?token={CANARY}",
    f"https://a.example/c.png?access_token={CANARY}#x",
    f"https://a.example/c.png?auth_key={CANARY}",
    f"https://generativelanguage.example/v1?key={CANARY}",
    f"https://oss.example/a.png?OSSAccessKeyId={CANARY}&Signature={CANARY}",
    f"https://g.example/a.png?X-Goog-Signature={CANARY}",
    f"AIza{CANARY}{CANARY}",
    f"ghp_{CANARY}{CANARY}",
    f"hf_{CANARY}{CANARY}",
    f"pnu_{CANARY}{CANARY}",
    f"eyJ{CANARY}.{CANARY}.{CANARY}",
]


@pytest.mark.parametrize("text", PLANTED)
def test_what_looks_like_a_secret_is_taken_out_without_knowing_it(text):
    clean = PATTERNS.text(text)
    assert not re.search(r"CANARY|canary|CAN\*", clean)
    assert MARK in clean
    assert PATTERNS.text(clean) == clean


HARMLESS = [
    "a cat on a windowsill, 4k, f/1.8 (2:3)",
    "一只橘猫【2:3】",
    "https://cdn.example/a.png?w=10&h=20",
    "the key: play it in C minor; token economy, signature dish",
    "ask-me-anything, task-force, disk-based",
    "Basic shapes: circle and square",
    "sha256 " + "ab" * 32,
    "row-0123456789ab failed at 12:30:59",
    "meet bob@example.com at 10:30",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_is_left_alone(text):
    assert PATTERNS.text(text) == text


SECRET = 'pass/word+with "quotes" & é'


@pytest.mark.parametrize(
    "text",
    [SECRET, f"a{SECRET}b", quote(SECRET, safe=""), '{"k":"pass/word+with \\"quotes\\" & é"}'],
)
def test_a_known_secret_is_taken_out_in_every_spelling(text):
    clean = Redactor([SECRET, "", "abc", "  "]).text(text)
    assert "word" not in clean
    assert "é" not in clean


def test_the_longer_of_two_secrets_goes_first():
    assert Redactor(["secret", "secret-and-more"]).text("x secret-and-more y secret") == "x *** y ***"


def test_a_redactor_does_not_show_what_it_knows():
    assert CANARY not in repr(Redactor([CANARY]))


def test_an_exception_is_told_with_its_causes_and_without_secrets():
    try:
        try:
            raise ConnectionError(f"cannot fetch {SIGNED}")
        except ConnectionError as error:
            raise ValueError(f"key sk-{CANARY} failed") from error
    except ValueError as error:
        told = PATTERNS.exception(error)
    assert told.startswith("ValueError: key *** failed ← ConnectionError: cannot fetch https://cdn.example/a.png?")
    assert CANARY not in told


def test_an_exception_with_its_context_hidden_is_told_alone():
    try:
        try:
            raise ConnectionError("inner")
        except ConnectionError:
            raise ValueError("outer") from None
    except ValueError as error:
        told = PATTERNS.exception(error)
    assert told == "ValueError: outer"


@pytest.fixture
def log():
    """A logger that writes into a string, with the traceback of every record."""
    logger = logging.Logger("canary")  # noqa: LOG001 - one of its own, not in the tree of loggers
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(url)s", defaults={"url": ""}))
    logger.addHandler(handler)
    return logger, handler, stream


def write_everywhere(logger: logging.Logger) -> None:
    logger.info("key %s for %s", f"sk-{CANARY}", {"url": SIGNED})
    logger.info("in the message sk-%s", CANARY)
    logger.info("does not fit %d %d", f"Bearer {CANARY}")  # noqa: PLE1206 - that is the point
    logger.info("extra", extra={"url": SIGNED})
    try:
        raise RuntimeError(f"cannot fetch {SIGNED}")
    except RuntimeError:
        logger.exception("failed", stack_info=True)


def test_a_redacted_record_has_no_secret_in_message_arguments_traceback_or_extras(log):
    logger, handler, stream = log
    handler.addFilter(lambda record: Redactor([CANARY]).record(record) is None)
    write_everywhere(logger)
    assert CANARY not in stream.getvalue()
    assert "Traceback" in stream.getvalue()
    assert "Stack (most recent call last)" in stream.getvalue()
    assert stream.getvalue().count(MARK) >= 6


def test_the_guard_covers_every_handler_of_the_process_until_it_is_undone(log):
    logger, _, stream = log
    undo = guard_logging(PATTERNS)
    try:
        logger.info("key %s", f"sk-{CANARY}")
        assert CANARY not in stream.getvalue()
    finally:
        undo()
    logger.info("key %s", f"sk-{CANARY}")
    assert CANARY in stream.getvalue()


def test_unless_it_is_redacted_the_canary_is_seen(log):
    logger, _, stream = log
    logging_errors, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        write_everywhere(logger)
    finally:
        logging.raiseExceptions = logging_errors
    assert CANARY in stream.getvalue()


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        (SIGNED, "https://cdn.example/a.png"),
        ("https://u:p@cdn.example/a.png#x?y", "https://cdn.example/a.png"),
        ("https://cdn.example/a@b.png", "https://cdn.example/a@b.png"),
        ("data:image/png;base64,AAAA", "data:image/png"),
        ("https://[broken?sig=1", "https://[broken"),
        ("", ""),
    ],
)
def test_a_source_url_loses_query_fragment_and_user(url, bare):
    assert strip_query(url) == bare


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 文字 🐈", "plain 文字 🐈"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("line\nline\r\ttab\0", "line\\nline\\r\\ttab\\x00"),
        ("c1 \x9b1m", "c1 \\x9b1m"),
        ("bidi \u202egnp.exe\u2066", "bidi \\u202egnp.exe\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("lone \ud800", "lone \\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text, shown):
    assert printable(text) == shown


def test_line_ends_can_be_kept():
    assert printable("a\nb\x1b", keep_newlines=True) == "a\nb\\x1b"


HOSTILE = [
    "://",
    "a:b",
    "?sig=",
    "x-api-key:",
    "bearer ",
    "sk-",
    "eyJ",
    "eyJa.",
    "https://a:",
    "-",
    "&token",
    "'\"",
    "a@",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_time_in_proportion_to_its_length(unit):
    from tests.tasks.protocols.test_markdown import grows_in_proportion

    assert grows_in_proportion(PATTERNS.text, unit, 5_000)


@given(st.from_regex(redact._HARMLESS, fullmatch=True))
def test_what_is_passed_without_a_look_would_have_been_left_alone(text):
    for pattern, _ in redact._PATTERNS:
        assert not pattern.search(text)
