"""From a recipe to a catalog file: rows made one at a time, each checked as the reader will check it, and written.

    expanded = expand(recipe, out, kind="csv", base="catalogs")
    if expanded.problems: ...      # then what was written is of no use

Memory grows only by what the reader remembers of a row (its id), not with the text.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain, islice, product
from typing import BinaryIO, Literal

from catalogs.columns import SHAPE_COLUMNS, read_header
from catalogs.matrix import TooFewRows
from catalogs.pictures import Pictures
from catalogs.problems import Complaint, Problems
from catalogs.reader import KNOWN_PARAMS
from catalogs.recipe import Recipe
from catalogs.rows import RowMaker
from catalogs.types import ImageRef

Kind = Literal["csv", "parquet"]
_ROWS_PER_GROUP = 16_384
_COVERED = 20_000
Cells = Sequence[str]


@dataclass(frozen=True, slots=True)
class Expanded:
    """How many rows were made, and everything that is wrong with them; a problem of many rows is listed once."""

    rows: int
    problems: Problems


class _Distinct(Problems):
    """Lists a problem that many rows of a matrix share once, with the first of them and their number."""

    def add(self, complaint: Complaint, row_number: int | None = None) -> None:
        super().add(complaint._replace(about_file=True), row_number)


class _Once(Problems):
    """A recipe's own problems, and each problem of its cells once: rows have no numbers before there is a matrix."""

    def __init__(self, own: Problems) -> None:
        super().__init__(own.file)
        self._seen: set[Complaint] = set()
        for problem in own.errors:
            super().add(Complaint(problem.column, problem.found, problem.allowed, problem.nearest, kind="recipe"))

    def add(self, complaint: Complaint, row_number: int | None = None) -> None:  # noqa: ARG002 - there is none yet
        if complaint.kind != "repeated id" and complaint not in self._seen:
            self._seen.add(complaint)
            super().add(complaint)


def expand(
    recipe: Recipe,
    out: BinaryIO,
    *,
    kind: Kind,
    base: str | None,
    file_exists: Callable[[ImageRef], bool] | None = None,
    today: date | None = None,
) -> Expanded:
    """Write the rows of ``recipe`` to ``out``; of a recipe with problems of its own, only look for those of its cells.

    ``base``: the folder that relative pictures will start from, which is the catalog's own. A row that the reader
    would refuse is not written and is reported with its number in the matrix.
    """
    problems = _Once(recipe.problems) if recipe.problems else _Distinct(recipe.problems.file)
    layout = read_header(recipe.columns, KNOWN_PARAMS)
    for complaint in layout.complaints:
        problems.add(complaint)
    if not layout.usable:
        return Expanded(0, problems)
    maker = RowMaker(
        layout, problems, Pictures(base, file_exists), override=None, today=today or datetime.now(UTC).date()
    )
    if recipe.problems:
        for cells in _covering(recipe):
            maker.make(1, cells)
        return Expanded(0, problems)
    rows = _good(_cells(recipe, problems), maker, problems)
    written = (_write_csv if kind == "csv" else _write_parquet)(recipe.columns, rows, out)
    maker.finish()
    if not written and not problems:
        problems.add(Complaint("exclude", "no rows", "exclusions that leave at least one row", kind="recipe"))
    return Expanded(written, problems)


def _cells(recipe: Recipe, problems: Problems) -> Iterator[Cells]:
    """The cells of each row, in the order of ``recipe.columns``."""
    place = {column: at for at, column in enumerate(recipe.columns)}
    plain = [recipe.constants.get(column, "") for column in recipe.columns]
    setters = [
        [[(place[column], cell) for column, cell in choice.cells.items()] for choice in group.choices]
        for group in recipe.matrix.groups
    ]
    try:
        for digits in recipe.matrix:
            cells = plain.copy()
            for choices, digit in zip(setters, digits, strict=True):
                for at, cell in choices[digit]:
                    cells[at] = cell
            yield cells
    except TooFewRows as few:
        allowed = f"at most {few.found:,}: exclusions and weights leave no more"
        problems.add(Complaint("matrix.sample", f"{recipe.matrix.sample:,}", allowed, kind="recipe"))


def _covering(recipe: Recipe) -> Iterator[Cells]:
    """Rows that hold every value at least once; of the columns that are checked together, every combination."""
    groups = [group for group in recipe.matrix.groups if group.choices]
    together = [group for group in groups if set(group.columns) & {*SHAPE_COLUMNS, "template", "prompt"}]
    first = {column: cell for group in groups for column, cell in group.choices[0].cells.items()}
    alone = (choice.cells for group in groups if group not in together for choice in group.choices)
    combined = (
        {column: cell for choice in choices for column, cell in choice.cells.items()}
        for choices in islice(product(*(group.choices for group in together)), _COVERED)
    )
    for cells in chain(combined, alone):
        row = {**recipe.constants, **first, **cells}
        yield [row.get(column, "") for column in recipe.columns]


def _good(rows: Iterator[Cells], maker: RowMaker, problems: Problems) -> Iterator[Cells]:
    """The rows that the reader will take as they are."""
    for number, cells in enumerate(rows, 1):
        if any("\0" in cell for cell in cells):
            problems.add(Complaint(None, "a NUL character", "text without NUL", kind="NUL"), number)
        elif maker.make(number, cells) is not None:
            yield cells


def _write_csv(columns: Cells, rows: Iterator[Cells], out: BinaryIO) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    written = 0
    for cells in rows:
        writer.writerow(cells)
        written += 1
    text.flush()
    text.detach()
    return written


def _write_parquet(columns: Cells, rows: Iterator[Cells], out: BinaryIO) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(column, pa.string()) for column in columns])
    written = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        while chunk := list(islice(rows, _ROWS_PER_GROUP)):
            writer.write_table(pa.table([pa.array(values) for values in zip(*chunk, strict=True)], schema=schema))
            written += len(chunk)
    return written
