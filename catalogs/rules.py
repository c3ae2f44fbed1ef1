"""The little language of ``--accept``: ``cer <= 0.1 and width_px >= 1024``. Parsed here, never evaluated by Python.

    rule       = and { "or" and }        and = not { "and" not }        not = "not" not | "(" rule ")" | test
    test       = column [ compare value | ["not"] "in" "(" value {"," value} ")" | "is" ["not"] "null" ]
    compare    = "=" "==" "!=" "<>" "<" "<=" ">" ">=" "contains"
    value      = number | 'text' | "text" | true | false

A column alone must be one of true and false. ``tag:name`` is a column of the catalog's own; quote a name with spaces in
backticks. Words are read in any case. As in SQL, a comparison with a value that is not there is neither true nor false
(None): a picture that nobody has read is not judged, which is something else than rejected.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from catalogs.problems import nearest, one_of, shown

Kind = Literal["number", "text", "flag", "other"]
Row = Mapping[str, Any]
Verdict = bool | None
Test = Callable[[Row], Verdict]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|`(?P<quoted>[^`]+)`|(?P<word>[^\W\d][\w]*(?::[\w.-]+)?)|(?P<mark><=|>=|==|!=|<>|[=<>(),]))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false", "contains"})
_MAX_CHARS, _MAX_DEPTH = 4_000, 50
TAG = "tag:"


class BadRule(ValueError):
    """A rule that cannot be read; ``position`` is the character (from 1) at which that shows."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} at character {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule. ``columns`` are what it looks at; ``tags`` among them make it look at the column ``tags``."""

    text: str
    columns: frozenset[str]
    _test: Test

    def judge(self, row: Row) -> Verdict:
        """True, False, or None where a value it hangs on is not there. ``row``: columns by name, ``tags`` a mapping."""
        return self._test(row)


def parse_rule(text: str, columns: Mapping[str, Kind]) -> Rule:
    """The rule that ``text`` spells, over ``columns``. ``BadRule`` says what was expected and where."""
    if len(text) > _MAX_CHARS:
        raise BadRule(f"a rule has at most {_MAX_CHARS:,} characters: {len(text):,}", _MAX_CHARS)
    parser = _Parser(text, columns)
    test = parser.either(0)
    parser.end()
    return Rule(text, frozenset(parser.seen), test)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number | text | quoted | word | mark | end
    value: str
    position: int

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else shown(self.value)


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, Kind]) -> None:
        self.columns = columns
        self.seen: set[str] = set()
        self._tokens = _tokens(text)
        self._at = 0

    @property
    def here(self) -> _Token:
        return self._tokens[self._at]

    def take(self, *words: str) -> str | None:
        """The next token if it is one of these words or marks."""
        token = self.here
        word = token.value.casefold()
        if token.kind not in ("word", "mark") or word not in words:
            return None
        self._at += 1
        return word

    def need(self, word: str) -> None:
        if self.take(word) is None:
            raise BadRule(f"expected {word!r}, found {self.here.shown}", self.here.position)

    def end(self) -> None:
        if self.here.kind != "end":
            raise BadRule(f"expected 'and', 'or' or the end, found {self.here.shown}", self.here.position)

    def either(self, depth: int) -> Test:
        if depth > _MAX_DEPTH:
            raise BadRule("nested too deeply", self.here.position)
        tests = [self.both(depth)]
        while self.take("or"):
            tests.append(self.both(depth))
        return tests[0] if len(tests) == 1 else lambda row: _any(tests, row)

    def both(self, depth: int) -> Test:
        tests = [self.negated(depth)]
        while self.take("and"):
            tests.append(self.negated(depth))
        return tests[0] if len(tests) == 1 else lambda row: _all(tests, row)

    def negated(self, depth: int) -> Test:
        if depth > _MAX_DEPTH:
            raise BadRule("nested too deeply", self.here.position)
        if self.take("not"):
            return _not(self.negated(depth + 1))
        if self.take("("):
            inner = self.either(depth + 1)
            self.need(")")
            return inner
        return self.test()

    def test(self) -> Test:
        token = self.here
        kind, get = self.column()
        if self.take("is"):
            wanted = self.take("not") is None
            self.need("null")
            return lambda row: (get(row) is None) is wanted
        if self.take("not"):
            self.need("in")
            return _not(self.listed(kind, get))
        if self.take("in"):
            return self.listed(kind, get)
        mark = self.take(*_COMPARE, "contains")
        if mark is None:
            if kind != "flag":
                raise BadRule(f"expected a comparison after {token.value}, found {self.here.shown}", self.here.position)
            return get
        if mark == "contains":
            if kind != "text":
                raise BadRule(f"contains is for text, and {token.value} is none", token.position)
            part = self.value("text").casefold()
            return lambda row: None if (text := get(row)) is None else part in text.casefold()
        if kind == "flag" and mark in ("<", "<=", ">", ">="):
            raise BadRule(f"{token.value} is true or false and has no order", token.position)
        return _comparison(get, _COMPARE[mark], self.value(kind))

    def column(self) -> tuple[Kind, Callable[[Row], Any]]:
        """A column's kind, and a function that takes its value out of a row."""
        token = self.here
        name = token.value if token.kind == "quoted" else token.value.casefold()
        if token.kind not in ("word", "quoted") or (token.kind == "word" and name in _WORDS):
            raise BadRule(f"expected a column, found {token.shown}", token.position)
        self._at += 1
        if name.startswith(TAG):
            tag = token.value[len(TAG) :]
            self.seen.add("tags")
            return "text", lambda row: (row["tags"] or {}).get(tag)
        kind = self.columns.get(name, "other")
        if kind == "other":
            known = [column for column, of in self.columns.items() if of != "other"]
            close = nearest(name, known)
            hint = f", did you mean {close}?" if close else f"; there are {one_of(known, 60)}"
            raise BadRule(f"no column {shown(token.value)}{hint}", token.position)
        self.seen.add(name)
        return kind, operator.itemgetter(name)

    def listed(self, kind: Kind, get: Callable[[Row], Any]) -> Test:
        self.need("(")
        values = [self.value(kind)]
        while self.take(","):
            values.append(self.value(kind))
        self.need(")")
        return lambda row: None if (value := get(row)) is None else any(_same(value, one) for one in values)

    def value(self, kind: Kind) -> Any:
        """The next token as a value that a column of this kind can be compared with."""
        token = self.here
        if kind == "flag" and (word := self.take("true", "false")):
            return word == "true"
        if token.kind == kind == "number":
            self._at += 1
            return Decimal(token.value)
        if token.kind == kind == "text":
            self._at += 1
            return token.value[1:-1]
        wanted = {"number": "a number", "text": "text in quotes", "flag": "true or false"}[kind]
        raise BadRule(f"expected {wanted}, found {token.shown}", token.position)


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            raise BadRule(f"cannot read {shown(rest[:20])}", len(text) - len(rest) + 1)
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        at = match.end()
    return [*found, _Token("end", "", len(text) + 1)]


def _comparison(get: Callable[[Row], Any], compare: Callable[[Any, Any], bool], wanted: Any) -> Test:
    as_float = float(wanted) if isinstance(wanted, Decimal) else None

    def test(row: Row) -> Verdict:
        value = get(row)
        if value is None:
            return None
        return compare(value, as_float if isinstance(value, float) else wanted)

    return test


def _same(value: Any, wanted: Any) -> bool:
    return bool(value == (float(wanted) if isinstance(value, float) and isinstance(wanted, Decimal) else wanted))


def _not(test: Test) -> Test:
    return lambda row: None if (verdict := test(row)) is None else not verdict


def _all(tests: list[Test], row: Row) -> Verdict:
    """False if any is; else None if any is not known."""
    verdict: Verdict = True
    for test in tests:
        one = test(row)
        if one is False:
            return False
        verdict = verdict if one else None
    return verdict


def _any(tests: list[Test], row: Row) -> Verdict:
    """True if any is; else None if any is not known."""
    verdict: Verdict = False
    for test in tests:
        one = test(row)
        if one:
            return True
        verdict = None if one is None else verdict
    return verdict
