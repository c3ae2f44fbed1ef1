"""What is wrong with a catalog: all of it at once, safe to print on a terminal; past 1,000 problems only counts."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Literal, NamedTuple

from catalogs.types import Json, Problem

KEPT = 1_000  # of errors, and again of warnings
SHOWN_CHARS = 60

Severity = Literal["error", "warning"]


class Complaint(NamedTuple):
    """A problem that does not know its place yet; ``kind`` is what the counts past 1,000 are grouped by.

    ``about_file``: true of many rows for one reason (a retired model), so it is listed once with their number.
    """

    column: str | None
    found: str
    allowed: str
    nearest: str | None = None
    severity: Severity = "error"
    kind: str = "wrong value"
    about_file: bool = False


class BadCell(ValueError):
    """A cell that cannot be read as what its column holds; ``allowed`` says what would be."""

    def __init__(self, allowed: str, *, found: str | None = None, nearest: str | None = None) -> None:
        super().__init__(allowed)
        self.allowed = allowed
        self.found = found
        self.nearest = nearest

    def complaint(self, column: str, text: str) -> Complaint:
        """The complaint about ``text`` in ``column``."""
        return Complaint(column, self.found or shown(text), self.allowed, self.nearest)


class Problems:
    """The problems of one reading of one file. True when there is an error: then nothing may be spent."""

    def __init__(self, file: str) -> None:
        self.file = escaped(file)
        self.counts: Counter[tuple[Severity, str | None, str]] = Counter()  # (severity, column, kind) -> how many
        self._kept: dict[Severity, list[Problem]] = {"error": [], "warning": []}
        self._about_file: dict[Complaint, tuple[int | None, int]] = {}  # complaint -> (first row, rows)

    def __bool__(self) -> bool:
        return self.error_count > 0

    @property
    def error_count(self) -> int:
        """All errors, the ones that are only counted included."""
        return self._count("error")

    @property
    def errors(self) -> list[Problem]:
        """The first 1,000 errors in file order."""
        return self._listed("error")

    @property
    def warnings(self) -> list[Problem]:
        """The first 1,000 warnings in file order."""
        return self._listed("warning")

    def add(self, complaint: Complaint, row_number: int | None = None) -> None:
        """Take down one complaint about a row (1 = the first data row), or about the file or its header."""
        if complaint.about_file:
            first, rows = self._about_file.get(complaint, (row_number, 0))
            self._about_file[complaint] = first, rows + 1
            if rows:
                return
        self.counts[complaint.severity, complaint.column, complaint.kind] += 1
        kept = self._kept[complaint.severity]
        if len(kept) < KEPT and not complaint.about_file:
            kept.append(_problem(self.file, complaint, row_number, complaint.found))

    def lines(self) -> Iterator[str]:
        """Every listed problem as one line, errors first, then the counts of what is not listed."""
        for severity in ("error", "warning"):
            listed = self._listed(severity)
            for problem in listed:
                yield str(problem) if severity == "error" else f"warning: {problem}"
            yield from self._rest(severity, listed)

    def as_json(self) -> list[dict[str, Json]]:
        """The listed problems as plain dicts, errors first, in the shape of ``Problem``."""
        return [asdict(problem) for problem in (*self.errors, *self.warnings)]

    def _count(self, severity: Severity) -> int:
        return sum(count for (at, _, _), count in self.counts.items() if at == severity)

    def _listed(self, severity: Severity) -> list[Problem]:
        listed = list(self._kept[severity])
        for complaint, (first, rows) in self._about_file.items():
            if complaint.severity == severity:
                found = complaint.found if rows == 1 else f"{complaint.found} in {rows:,} rows, the first of them here"
                listed.append(_problem(self.file, complaint, first, found))
        return sorted(listed, key=lambda problem: problem.row_number or 0)[:KEPT]

    def _rest(self, severity: Severity, listed: list[Problem]) -> Iterator[str]:
        if self._count(severity) == len(listed):
            return
        yield f"{self.file}: {self._count(severity):,} {severity}s in all, of which {len(listed):,} are listed:"
        for (at, column, kind), count in self.counts.most_common():
            if at == severity:
                yield f"  {count:,} × {kind}" + (f" in column {column}" if column else "")


def shown(text: str, limit_chars: int = SHOWN_CHARS) -> str:
    """``text`` as a message may show it: quoted, cut, and with nothing in it that moves or hides on a terminal."""
    if len(text) <= limit_chars:
        return f"'{escaped(text)}'"
    return f"'{escaped(text[:limit_chars])}…' ({len(text):,} characters)"


def escaped(text: str) -> str:
    """``text`` with control, bidirectional, invisible and unassigned characters as their escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option most like ``word``, or None if none is alike; letter case does not matter."""
    by_fold: Mapping[str, str] = {option.casefold(): option for option in options}
    found = difflib.get_close_matches(word[:200].casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def one_of(options: Iterable[str], most: int = 15) -> str:
    """``a, b or c``; of very many the first ones and how many there are."""
    listed = [escaped(option) for option in options]
    if len(listed) > most:
        return f"{', '.join(listed[:most])} … ({len(listed)} in all)"
    return " or ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else "".join(listed)


def _problem(file: str, complaint: Complaint, row_number: int | None, found: str) -> Problem:
    column = None if complaint.column is None else escaped(complaint.column[:SHOWN_CHARS])
    return Problem(
        file=file,
        row_number=row_number,
        column=column,
        found=found,
        allowed=complaint.allowed,
        nearest=complaint.nearest,
        severity=complaint.severity,
    )
