"""Row ids and request counts of a whole file, a few dozen bytes a row: a million rows must fit beside everything else.

Ids are kept as 60 bits of Python's keyed string hash (32 bytes as an int); two of a million different ids fall together
once in two million files.
"""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from catalogs.problems import KEPT

_NAMES_KEPT = 5_000  # for "did you mean"
BROKEN = -1


class Duplicate(NamedTuple):
    """An id that an earlier row has."""

    row_id: str
    row_number: int
    first_row_number: int


class Ids:
    """The ids seen so far, each with how many pictures its row gives (``BROKEN`` if the row has errors)."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.not_listed = 0  # repeated ids beyond the first 1,000
        self._results: dict[int, int] = {}
        self._row_numbers = array("L")  # in the order of ``_results``
        self._twice: list[tuple[int, str, int]] = []

    def claim(self, row_id: str, row_number: int, results: int) -> bool:
        """Take an id for a row; False if an earlier row has it."""
        mark = hash(row_id) >> 4
        if mark in self._results:
            if len(self._twice) < KEPT:
                self._twice.append((mark, row_id, row_number))
            else:
                self.not_listed += 1
            return False
        self._results[mark] = results
        self._row_numbers.append(row_number)
        if row_number <= _NAMES_KEPT:
            self.names.append(row_id)
        return True

    def results(self, row_id: str) -> int | None:
        """How many pictures the row gives; None if no row so far has this id."""
        return self._results.get(hash(row_id) >> 4)

    def duplicates(self) -> Iterator[Duplicate]:
        """The first 1,000 ids that were refused, with the row that has each."""
        wanted = {mark for mark, _, _ in self._twice}
        rows = zip(self._results, self._row_numbers, strict=True)
        first = {mark: number for mark, number in rows if mark in wanted} if wanted else {}
        for mark, row_id, row_number in self._twice:
            yield Duplicate(row_id, row_number, first[mark])


class Repeats:
    """Counts how often each value came before; a value that comes once costs one set entry."""

    def __init__(self) -> None:
        self._once: set[int] = set()
        self._again: dict[int, int] = {}

    def count(self, value: int) -> int:
        """How many equal values came before this one."""
        if value not in self._once:
            self._once.add(value)
            return 0
        before = self._again.get(value, 0) + 1
        self._again[value] = before
        return before
