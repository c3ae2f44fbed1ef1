"""Row ids and request counts of a whole file in flat tables: 16 bytes a slot, about 70 bytes a row for both.

Texts are kept as 64 bits of Python's keyed hash, requests as 64 bits of their sha256: two of a million different ones
fall together once in forty million files.
"""

from array import array
from typing import NamedTuple

_NAMES_KEPT = 5_000  # for "did you mean"
_64_BITS = (1 << 64) - 1
BROKEN = -1


class Claimed(NamedTuple):
    """The row that has an id: its number, and how many pictures it gives (``BROKEN`` if it has errors)."""

    row_number: int
    results: int


class Table:
    """Numbers above 0 by 64-bit marks, in two arrays with linear probing. A set of a million ints is four times this.

    Marks must be spread evenly, as hashes are.
    """

    def __init__(self) -> None:
        self._mask = 1023
        self._used = 0
        self._marks = array("Q", bytes(8 * 1024))
        self._values = array("Q", bytes(8 * 1024))

    def __len__(self) -> int:
        return self._used

    def get(self, mark: int) -> int:
        """The number kept for ``mark``; 0 if there is none."""
        return self._values[self._slot(mark or 1)]

    def add(self, mark: int, value: int) -> int:
        """Keep ``value`` unless the mark has one: returns that, or 0 if it is new."""
        mark = mark or 1
        marks, mask = self._marks, self._mask
        slot = mark & mask
        while held := marks[slot]:  # as in ``_slot``, without the call: it runs twice a row
            if held == mark:
                return self._values[slot]
            slot = (slot + 1) & mask
        self._marks[slot], self._values[slot] = mark, value
        self._used += 1
        if 2 * self._used > self._mask:
            self._grow()
        return 0

    def put(self, mark: int, value: int) -> None:
        """Replace the number of a mark that has one."""
        self._values[self._slot(mark or 1)] = value

    def _slot(self, mark: int) -> int:
        marks, mask = self._marks, self._mask
        slot = mark & mask
        while (held := marks[slot]) and held != mark:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        marks, values = self._marks, self._values
        self._mask = 2 * self._mask + 1
        self._marks = array("Q", bytes(8 * (self._mask + 1)))
        self._values = array("Q", bytes(8 * (self._mask + 1)))
        for mark, value in zip(marks, values, strict=True):
            if value:
                slot = self._slot(mark)
                self._marks[slot], self._values[slot] = mark, value


class Ids:
    """The ids seen so far, each with its row."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._table = Table()

    def claim(self, row_id: str, row_number: int, results: int) -> Claimed | None:
        """Take an id for a row; the row that has it if it is taken."""
        held = self._table.add(hash(row_id) & _64_BITS, row_number << 16 | results + 2)
        if held:
            return _claimed(held)
        if len(self.names) < _NAMES_KEPT:
            self.names.append(row_id)
        return None

    def find(self, row_id: str) -> Claimed | None:
        """The row with this id; None if no row so far has it."""
        held = self._table.get(hash(row_id) & _64_BITS)
        return _claimed(held) if held else None


def _claimed(value: int) -> Claimed:
    return Claimed(value >> 16, (value & 0xFFFF) - 2)


class Repeats:
    """Counts how often each mark came before."""

    def __init__(self) -> None:
        self._table = Table()

    def count(self, mark: int) -> int:
        """How many equal marks came before this one."""
        before = self._table.add(mark, 1)
        if before:
            self._table.put(mark, before + 1)
        return before
