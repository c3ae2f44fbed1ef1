"""The one place where keys and URL signatures are taken out of text, and text is made safe for a terminal.

Every pattern starts at a token boundary or has a bounded length, so the time is linear in the text. Redacting twice
changes nothing more. Redact before cutting: half a key is still half a key.
"""

import logging
import re
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import orjson

MARK = "***"
_SHORTEST_SECRET = 6  # a shorter "secret" is a word, and would black out harmless text

_QUERY_NAMES = (
    r"x-(?:amz|goog|oss|cos|tos|bce|ms)-[a-z-]{1,40}|signature|sig|sign|se|ske|skoid|sktid|hmac|hash"
    r"|[a-z_-]{0,30}token|key|api[-_]?key|(?:aws|oss)?access[-_]?key(?:[-_]?id)?|googleaccessid|key-pair-id|policy"
    r"|password|passwd|pwd|[a-z_-]{0,30}secret|auth|auth[-_]key|authorization|credential|jwt|ticket"
)
_FIELD_NAMES = (
    r"(?:proxy-)?authorization|x-api-key|x-key|x-goog-api-key|api[-_]?key|api key provided"
    r"|[a-z_-]{0,30}access[-_]?token|refresh[-_]token|id[-_]token|session[-_]?token|client[-_]?secret|secret[-_]?access[-_]?key"
    r"|aws_secret_access_key|aws_session_token|password|passwd|signature|x-amz-[a-z-]{1,40}"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (  # https://user:password@host, and a bare token before the @
        re.compile(r"(?<=://)[^\s/?#@\"'<>]{1,512}@"),
        f"{MARK}@",
    ),
    (re.compile(r"(?<![\w.@-])([\w.-]{1,64}):(?!//)[^\s:@/\"'<>]{3,128}@(?=[\w.-])"), rf"\1:{MARK}@"),  # user:pass@host
    (  # signed URLs, also percent-encoded inside another URL, and & as Go's JSON writes it
        re.compile(rf"(?i)([?&;]|%26|%3f|\\u0026)({_QUERY_NAMES})(=|%3d)[^\s&\"'<>\\^`{{}}|]+"),
        rf"\1\2\3{MARK}",
    ),
    (  # headers and settings: Authorization: Bearer x, "api_key": "x", AWS_SECRET_ACCESS_KEY=x
        re.compile(
            rf"(?i)(?<![a-z0-9])({_FIELD_NAMES})(\\?[\"']?\s{{0,3}}[:=]\s{{0,3}}(?:b?\\?[\"'])?)"
            r"(?:(?:bearer|basic|key)\s{1,3})?[^\s\"',;&<>\\}]+"
        ),
        rf"\1\2{MARK}",
    ),
    (re.compile(r"(?i)(?<![a-z0-9])(bearer)\s{1,3}[a-z0-9._~+/=*-]{8,}"), rf"\1 {MARK}"),
    (re.compile(r"(?<![A-Za-z0-9])(Basic)\s{1,3}[A-Za-z0-9+/]{12,}={0,2}"), rf"\1 {MARK}"),
    (re.compile(r"(?<![A-Za-z0-9])sk-[\w*.-]{6,}"), MARK),  # also as gateways mask it: sk-abc***xyz
    (re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AROA)[A-Z0-9]{12,}"), MARK),
    (re.compile(r"(?<![\w-])AIza[\w-]{30,}"), MARK),
    (re.compile(r"(?<![\w-])(?:gh[pousr]_|github_pat_|hf_|pnu_|pnb_|xox[abp]-)[\w-]{16,}"), MARK),
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?"), MARK),  # a JSON web token
)

# Most texts are request ids. None of the patterns matches anything made of these alone.
_HARMLESS = re.compile(r"(?:req[-_])?[0-9a-f-]*")


class Redactor:
    """Takes known secrets (exact, percent-encoded, JSON-escaped) and everything that looks like one out of text.

    ``secrets``: values such as API keys; the empty ones and those under 6 characters are ignored. The object shows
    none of them in its ``repr``.
    """

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {form for secret in secrets for form in _spellings(secret)}
        longest_first = sorted(spellings, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __repr__(self) -> str:
        return "Redactor(…)"

    def text(self, text: str) -> str:
        """``text`` with every secret replaced by ``***``."""
        text = self.known(text)
        if _HARMLESS.fullmatch(text):
            return text
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def known(self, text: str) -> str:
        """``text`` without the secrets known by value; for data, where a look-alike must stay as it is."""
        return text if self._known is None else self._known.sub(MARK, text)

    def exception(self, error: BaseException) -> str:
        """Type and message of ``error`` and of what caused it (up to five), on one line, redacted."""
        parts: list[str] = []
        link: BaseException | None = error
        while link is not None and len(parts) < 5:
            parts.append(f"{type(link).__name__}: {link}")
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        return self.text(" ← ".join(parts))

    def record(self, record: logging.LogRecord) -> None:
        """Redact a log record in place: message with its arguments, traceback, stack, and extra text fields."""
        record.msg, record.args = self.text(_message(record)), ()
        if record.exc_info:
            # Formatters print exc_text and keep it; with exc_info left in place, others would format it anew.
            error = record.exc_info[1]
            lines = traceback.format_exception(error) if error is not None else []
            record.exc_text, record.exc_info = "".join(lines).rstrip(), None
        for name, value in record.__dict__.items():
            if name not in _PLAIN_FIELDS and isinstance(value, str):
                record.__dict__[name] = self.text(value)


def guard_logging(redactor: Redactor) -> Callable[[], None]:
    """Redact every record of this process as it is made, whatever handlers exist now or later.

    Covers libraries that bring their own handlers. Returns a function that takes the guard away again.
    """
    before = logging.getLogRecordFactory()

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        redactor.record(record)
        return record

    logging.setLogRecordFactory(make)

    def undo() -> None:
        if logging.getLogRecordFactory() is make:
            logging.setLogRecordFactory(before)

    return undo


def strip_query(url: str) -> str:
    """``url`` without query, fragment and user name; of a data URI only its media type. Never raises."""
    if url[:5].lower() == "data:":
        return url[:200].split(",", 1)[0].split(";", 1)[0]
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"(?<=://)[^/@]*@", "", bare, count=1)


def printable(text: str, *, keep_newlines: bool = False) -> str:
    r"""``text`` with everything that a terminal obeys or hides written out as ``\x1b``, ``\u202e`` and the like.

    Covers C0 and C1 controls, bidirectional marks, zero-width and tag characters, and lone surrogates.
    """
    if keep_newlines:
        return "\n".join(line.translate(_ESCAPES) for line in text.split("\n"))
    return text.translate(_ESCAPES)


def _spellings(secret: str) -> set[str]:
    secret = secret.strip()
    if len(secret) < _SHORTEST_SECRET:
        return set()
    escaped = orjson.dumps(secret.encode(errors="replace").decode()).decode()[1:-1]
    return {secret, quote(secret.encode(errors="replace"), safe=""), escaped}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # the arguments do not fit the format: show both
        return f"{record.msg} {record.args!r}"


_PLAIN_FIELDS = frozenset({"name", "levelname", "pathname", "filename", "module", "funcName", "msg", "processName"})
_HIDDEN = (
    (0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180E, 0x180E),
    (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F),
)  # fmt: skip
_ESCAPES = {code: chr(code).encode("unicode_escape").decode() for low, high in _HIDDEN for code in range(low, high + 1)}

PATTERNS = Redactor()  # knows no secret by value, only what secrets look like
