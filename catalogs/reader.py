"""The catalog reader: a CSV or Parquet file in, checked rows out, every problem of the file collected.

    read = read_catalog(file, name="night.csv", catalog="night", base="/data/catalogs")
    for row in read:          # one row at a time; rows with errors are left out
        ...
    if read.problems:         # only now: ids and references are known when the whole file was read
        for line in read.problems.lines(): ...

Memory does not grow with the text, only by about 70 bytes a row (ids, and which requests came before).
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import BinaryIO

from catalogs.columns import read_header
from catalogs.dialect import Malformed
from catalogs.encoding import inspect_bytes, seekable
from catalogs.models import MODELS
from catalogs.pictures import Pictures
from catalogs.problems import Complaint, Problems
from catalogs.records import Record, Tidy, open_records
from catalogs.rows import RowMaker
from catalogs.types import ImageRef, Model, Row

KNOWN_PARAMS = frozenset(name for model in MODELS.values() for name in model.params)


class CatalogRead:
    """A catalog being read. Iterate to get its rows; iterate again to read the file again from its start.

    ``problems`` and ``rows_read`` (data rows, wrong ones included) are of the newest reading and complete at its end.
    """

    def __init__(
        self,
        source: BinaryIO,
        *,
        name: str,
        catalog: str,
        pictures: Pictures,
        override: str | None,
        today: date,
        model_of: Callable[[str], Model],
        only_empty: bool = False,
    ) -> None:
        self.name = name
        self.catalog = catalog
        self._source = seekable(source)
        self._inspected = inspect_bytes(self._source)
        self._pictures = pictures
        self._override, self._only_empty = override, only_empty
        self._today, self._model_of = today, model_of
        self._depths: dict[str, int] = {}
        self.problems = self._first_problems()
        self.rows_read = 0

    @property
    def sha256(self) -> str:
        """64 hex digits of the file's bytes; known before the first row."""
        return self._inspected.sha256

    @property
    def waves(self) -> int:
        """How many rounds the rows need when each waits for those it feeds on; 1 without references."""
        return 1 + max(self._depths.values(), default=0)

    def depth(self, row_id: str) -> int:
        """The round (0 = the first) in which a row can run. Known when the iteration has ended."""
        return self._depths.get(row_id, 0)

    def __iter__(self) -> Iterator[Row]:
        self.problems, self.rows_read, self._depths = self._first_problems(), 0, {}
        if self._inspected.fatal:
            return
        records = open_records(self._source, self._inspected)
        header = next(records, None)
        if isinstance(header, Malformed):
            self.problems.add(header.complaint)
        elif header is None:
            self.problems.add(Complaint(None, "no header", "a first row that names the columns", kind="no header"))
        else:
            yield from self._rows(header, records)

    def _rows(self, header: Record, records: Iterator[Record]) -> Iterator[Row]:
        layout = read_header([str(name) for name in header], KNOWN_PARAMS)
        for complaint in layout.complaints:
            self.problems.add(complaint)
        if not layout.usable:
            return
        look_for_nul = self._inspected.has_nul or self._inspected.kind == "parquet"
        tidy = Tidy(layout, self.problems, look_for_nul=look_for_nul)
        maker = RowMaker(
            layout, self.problems, self._pictures, override=self._override, today=self._today,
            only_empty=self._only_empty, model_of=self._model_of,
        )  # fmt: skip
        make = maker.make
        for number, cells in tidy.rows(records):
            row = make(number, cells)
            if row is not None:
                yield row
        self.rows_read = tidy.rows_read
        maker.finish()
        self._depths = maker.references.depths
        if not self.rows_read:
            warning = Complaint(None, "no rows", "rows below the header", severity="warning", kind="no rows")
            self.problems.add(warning)

    def _first_problems(self) -> Problems:
        problems = Problems(self.name)
        if self._inspected.complaint is not None:
            problems.add(self._inspected.complaint)
        return problems


def read_catalog(
    source: BinaryIO,
    *,
    name: str,
    catalog: str,
    base: str | None,
    model_override: str | None = None,
    only_empty: bool = False,
    model_of: Callable[[str], Model] = MODELS.__getitem__,
    file_exists: Callable[[ImageRef], bool] | None = None,
    today: date | None = None,
) -> CatalogRead:
    """A catalog ready to be read, checked against the model table. Nothing here raises for what the file holds.

    Args:
        source: the open file. It is read through once at once (twice if it is not UTF-8); it stays the caller's to
            close. What cannot be read twice is copied to disk first.
        name: the file's name as problems show it.
        catalog: the catalog's name, half of a row's identity.
        base: the folder or ``s3://`` URI that relative pictures start from; None = there are none.
        model_override: ``--model``: replaces the model of every row, without changing default ids.
        only_empty: ``model_override`` replaces the model only of rows that name none.
        model_of: a model's row by its id, as it is where the rows are sent; by default that of the table.
        file_exists: whether a picture (``file`` or ``s3``) is there; by default local files are looked for.
        today: the day that retired models are judged by; by default today in UTC.
    """
    if base is not None and "://" not in base:
        base = os.path.abspath(base)  # noqa: PTH100 - "resolve" would follow links, and the name is shown to people
    return CatalogRead(
        source,
        name=name,
        catalog=catalog,
        pictures=Pictures(base, file_exists),
        override=(model_override or "").strip() or None,
        only_empty=only_empty,
        model_of=model_of,
        today=today or datetime.now(UTC).date(),
    )
