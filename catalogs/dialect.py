"""How a text catalog is laid out: comma, semicolon, tab or one column; and whether a quote mark quotes."""

import csv
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from catalogs.columns import COLUMNS, TAG_PREFIX, near_column
from catalogs.problems import Complaint, shown

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

ONE_COLUMN = "\x1f"  # the unit separator: stands for "no delimiter" in a file with one column
MAX_CELL_CHARS = 64 << 20
_HEADER_CHARS = 1 << 20
_SEPARATOR_LINE = re.compile(r"sep=[,;\t]\r?\n?\Z", re.IGNORECASE)


class Dialect(NamedTuple):
    """``quoted`` false: a quote mark is a character like any other."""

    delimiter: str
    quoted: bool


class Malformed(NamedTuple):
    """A row that cannot be told apart into cells; ``lines`` it takes up in the file."""

    complaint: Complaint
    lines: int


def detect(source: BinaryIO, encoding: str, *, has_quote: bool) -> Dialect:
    """The dialect of a whole file. Tab-separated files with quote marks are read through once to tell."""
    delimiter = _delimiter(_first_line(source, encoding))
    if not has_quote or delimiter in ",;":
        return Dialect(delimiter, quoted=True)
    return Dialect(delimiter, quoted=_quotes_quote(source, encoding, delimiter))


def records(source: BinaryIO, encoding: str, dialect: Dialect) -> Iterator[list[str] | Malformed]:
    """The rows of the file as lists of cells, the header first; blank lines are left out.

    What is not well-formed comes as ``Malformed``, and the rows after it follow.
    """
    reader = _reader(text_of(source, encoding), dialect)
    line = 0  # the last one that was read well
    while True:
        try:
            for cells in reader:
                line = reader.line_num
                if cells:
                    yield cells
        except csv.Error as error:
            yield Malformed(_malformed(error), lines=reader.line_num - line)
            line = reader.line_num
        else:
            return


def text_of(source: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """The file as text from its header, line ends kept. It is never closed: the caller owns ``source``.

    A first line ``sep=;``, which tells Excel what separates the cells, is none of the table's.
    """
    source.seek(0)
    text = _Borrowed(source, encoding=encoding, newline="")
    if not _SEPARATOR_LINE.match(text.readline(len("sep=;\r\n") + 1)):
        text.seek(0)
    return text


class _Borrowed(io.TextIOWrapper):
    """A text view that leaves the file below it open when it is collected."""

    def __del__(self) -> None:
        self.detach()


def _reader(text: io.TextIOWrapper, dialect: Dialect) -> "CsvReader":
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARS))
    if not dialect.quoted:
        return csv.reader(text, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(text, delimiter=dialect.delimiter, strict=True)


def _first_line(source: BinaryIO, encoding: str) -> str:
    text = text_of(source, encoding)
    while line := text.readline(_HEADER_CHARS):
        if line.strip():
            return line
    return ""


def _delimiter(header: str) -> str:
    """The delimiter under which most known names appear, then the one that gives most columns."""
    scores = {mark: _score(header, mark) for mark in ",;\t"}
    best = max(scores, key=lambda mark: scores[mark])
    return best if scores[best][1] > 1 else ONE_COLUMN


def _score(header: str, delimiter: str) -> tuple[int, int]:
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    known = sum(name in COLUMNS or name.startswith(TAG_PREFIX) or near_column(name) is not None for name in names)
    return known if len(names) > 1 else 0, len(names)


def _quotes_quote(source: BinaryIO, encoding: str, delimiter: str) -> bool:
    """Whether quote marks of a tab-separated or one-column file enclose cells, as in CSV, or are text.

    Plain tab-separated files do not quote, spreadsheets do. They quote where a cell holds a tab, a line end or a
    quote mark (then doubled); a cell that is quoted without need is text, unless the header is quoted too.
    """
    cells = _Tally(delimiter)
    for line in text_of(source, encoding):
        cells.take(line.rstrip("\r\n"))
    if delimiter != ONE_COLUMN and cells.rectangular:
        return cells.all_well_formed and (cells.needed or cells.header_quoted)
    strictly = _reads_strictly(source, encoding, delimiter)
    return strictly and (cells.needed or cells.header_quoted)


class _Tally:
    """What the lines of a file look like when a quote mark is taken for a character."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self.marks = '",;\t' if delimiter == ONE_COLUMN else '"'  # what a cell would be quoted for
        self.width = 0
        self.rectangular = True
        self.all_well_formed = True
        self.needed = False
        self.header_quoted = False

    def take(self, line: str) -> None:
        if not line:
            return
        cells = line.count(self.delimiter) + 1
        if not self.width:
            self.width, self.header_quoted = cells, line.startswith('"')
        self.rectangular = self.rectangular and cells == self.width
        if '"' in line:
            for cell in line.split(self.delimiter):
                if cell.startswith('"'):
                    self._quoted(cell)

    def _quoted(self, cell: str) -> None:
        inner = cell[1:-1]
        closed = len(cell) > 1 and cell.endswith('"') and '"' not in inner.replace('""', "")
        self.all_well_formed = self.all_well_formed and closed
        self.needed = self.needed or not closed or any(mark in inner for mark in self.marks)


def _reads_strictly(source: BinaryIO, encoding: str, delimiter: str) -> bool:
    reader = _reader(text_of(source, encoding), Dialect(delimiter, quoted=True))
    try:
        rows = filter(None, reader)
        width = len(next(rows, []))
        return all(len(row) == width for row in rows)
    except csv.Error:
        return False


def _malformed(error: csv.Error) -> Complaint:
    text = str(error)
    if "expected after" in text:
        found, allowed = "a quoted cell with more text after its closing quote", "a quote mark inside quotes is doubled"
    elif "end of data" in text:
        found, allowed = "a quoted cell that never ends", "a quoted cell ends with a quote mark"
    elif "field limit" in text:
        found, allowed = "a cell of more than 64 M characters", "a missing quote mark often joins cells"
    else:
        found, allowed = shown(text), "well-formed CSV"
    return Complaint(None, found, allowed, kind="malformed row")
