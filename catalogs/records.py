"""From a file to rows of cells that have as many cells as the header has columns; the rest is reported."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from catalogs import dialect, parquet
from catalogs.columns import Layout
from catalogs.encoding import Inspected
from catalogs.problems import Complaint, Problems, shown

MAX_ROWS = 10_000_000
Record = Sequence[str] | dialect.Malformed
_LEFT_OUT = Complaint(None, "an empty row", "it is left out", None, "warning", "empty row", about_file=True)


def open_records(source: BinaryIO, inspected: Inspected) -> Iterator[Record]:
    """The header and the rows of a CSV or Parquet file, as they stand there."""
    if inspected.kind == "parquet":
        return parquet.records(source, MAX_ROWS)
    found = dialect.detect(source, inspected.encoding, has_quote=inspected.has_quote)
    return dialect.records(source, inspected.encoding, found)


class Tidy:
    """Numbers the rows below the header (1 = the first) and hands on those that fit it."""

    def __init__(self, layout: Layout, problems: Problems, *, look_for_nul: bool) -> None:
        self.rows_read = 0
        self._layout = layout
        self._problems = problems
        self._look_for_nul = look_for_nul
        self._unnamed_seen: set[int] = set()

    def rows(self, records: Iterator[Record]) -> Iterator[tuple[int, Sequence[str]]]:
        """(row number, cells) of each good row. Ends early at a row after which no row can be told from the next."""
        width, careful = self._layout.width, self._look_for_nul or bool(self._layout.unnamed)
        for number, cells in enumerate(records, 1):
            self.rows_read = number
            if isinstance(cells, dialect.Malformed):
                self._problems.add(cells.complaint, number if cells.lines else None)
                if cells.lines > 1:
                    break
            elif number > MAX_ROWS:
                allowed = f"at most {MAX_ROWS:,} rows in one catalog"
                self._problems.add(Complaint(None, "more rows", allowed, kind="too many rows"), number)
                break
            elif not any(cells):
                self._problems.add(_LEFT_OUT, number)
            elif len(cells) != width and not self._only_commas_more(number, cells):
                continue
            elif not careful or self._is_clean(number, cells):
                yield number, cells

    def _only_commas_more(self, number: int, cells: Sequence[str]) -> bool:
        """Reports a row of another width, unless all it has more is empty cells at its end."""
        width = self._layout.width
        if len(cells) > width and not any(cells[width:]):
            return True
        self._problems.add(Complaint(None, f"{len(cells)} cells", f"{width}, as the header has", kind="cells"), number)
        return False

    def _is_clean(self, number: int, cells: Sequence[str]) -> bool:
        for place in self._layout.unnamed:
            if cells[place] and place not in self._unnamed_seen:
                self._unnamed_seen.add(place)
                allowed = f"a name in the header for column {place + 1}, or no cells below it"
                self._problems.add(Complaint(None, shown(cells[place]), allowed, kind="unnamed column"), number)
        nul = [place for place, cell in enumerate(cells) if "\0" in cell] if self._look_for_nul else []
        for place in nul:
            column = self._layout.names[place] or None
            self._problems.add(Complaint(column, shown(cells[place]), "text without NUL", kind="NUL"), number)
        return not nul
