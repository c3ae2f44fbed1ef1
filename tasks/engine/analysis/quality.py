"""Quality as data: pure functions over a manifest table. Sizes, blank pictures, near-duplicates, diversity, readers.

A table is what ``read_manifest`` gives, or any part of it with the columns that a function names. Only current,
succeeded pictures are looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.manifest.reading import edit_distance, fold_text

NEAR_BITS = 8  # hashes of one subject differ in up to about 10 bits, unrelated ones in about 32
_ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The pictures of one cell (a template value, a model, all of them) and how good they are. Counts of pictures.

    ``groups``: near-duplicates counted once; ``diversity`` is the mean distance between two pictures' hashes over half
    their bits (1 = as different as unrelated pictures are), None with fewer than two.
    """

    value: str
    pictures: int
    groups: int
    blank: int
    size_asked: int
    size_wrong: int
    diversity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two readers of the same pictures agree: both read ``pairs`` of them, ``equal`` alike.

    ``median_difference``: edits per character of the longer text, 0 = equal; None without pairs.
    """

    pairs: int
    equal: int
    median_difference: float | None


def cells(manifest: pa.Table, by: str | None = None, *, near_bits: int = NEAR_BITS) -> list[Cell]:
    """One cell per value of ``by`` (a column, or ``tag:name``), most pictures first; without ``by`` one for all.

    Reads ``outcome, current, phash, blank, size_as_requested, sha256`` and ``by``.
    """
    rows = defaultdict[str, list[Mapping[str, Any]]](list)
    for row in _pictures(manifest, by):
        rows[row["cell"]].append(row)
    found = [_cell(value, members, near_bits) for value, members in rows.items()]
    return sorted(found, key=lambda cell: (-cell.pictures, cell.value))


def near_duplicates(hashes: Mapping[str, str], near_bits: int = NEAR_BITS) -> list[list[str]]:
    """Groups of names whose hashes are linked by steps of at most ``near_bits`` bits; only groups of two and more.

    ``hashes``: name -> 16 hex digits. Two hashes that differ in k bits agree in at least one of k + 1 pieces, so only
    those that share a piece are compared: a fourteenth of all pairs for k = 8, 0.4 s for 10,000 pictures.
    """
    groups = _Groups(hashes)
    names = list(hashes)
    values = [int(hashes[name], 16) for name in names]
    for near in _candidates(values, near_bits):
        first = near[0]
        for other in near[1:]:
            if groups.root(names[first]) != groups.root(names[other]):
                _link(groups, names, values, near, near_bits)
                break
    return groups.listed()


def diversity(hashes: Sequence[str]) -> float | None:
    """Mean number of differing bits between two of the hashes, over 32; None with fewer than two. Linear in time."""
    if len(hashes) < 2:
        return None
    values = [int(text, 16) for text in hashes]
    differing = 0
    for bit in range(64):
        ones = sum(value >> bit & 1 for value in values)
        differing += ones * (len(values) - ones)
    return round(differing / (len(values) * (len(values) - 1) / 2) / 32, 4)


def agreement(one: pa.Table, other: pa.Table) -> Agreement:
    """How two readings of the same pictures agree: manifests of two runs, or of one dataset read by two readers.

    Reads ``sha256`` and ``ocr_text``, ``ocr_status`` of both; a picture that was not read by both is left out.
    """
    first, second = _texts(one), _texts(other)
    differences = sorted(_difference(first[sha], second[sha]) for sha in first.keys() & second.keys())
    middle = len(differences) // 2
    median = None
    if differences:
        median = differences[middle] if len(differences) % 2 else (differences[middle - 1] + differences[middle]) / 2
    return Agreement(pairs=len(differences), equal=sum(each == 0 for each in differences), median_difference=median)


def _pictures(manifest: pa.Table, by: str | None) -> Iterable[dict[str, Any]]:
    good = pc.and_(pc.fill_null(manifest["current"], False), pc.equal(manifest["outcome"], "succeeded"))  # noqa: FBT003 - arrow's signature
    names = ["phash", "blank", "size_as_requested", "sha256"]
    tag = by is not None and by.startswith("tag:")
    column = "tags" if tag else by
    table = manifest.filter(good).select([*names, *([column] if column and column not in names else [])])
    for row in table.to_pylist():
        if row["sha256"] is None:
            continue
        value = _ALL if by is None else dict(row["tags"] or ()).get(by[4:]) if tag else row[by]
        yield {**row, "cell": "" if value is None else str(value)}


def _cell(value: str, rows: Sequence[Mapping[str, Any]], near_bits: int) -> Cell:
    hashes = {str(at): row["phash"] for at, row in enumerate(rows) if row["phash"] is not None}
    repeated = sum(len(group) - 1 for group in near_duplicates(hashes, near_bits))
    asked = [row["size_as_requested"] for row in rows if row["size_as_requested"] is not None]
    return Cell(
        value=value, pictures=len(rows), groups=len(rows) - repeated, blank=sum(bool(row["blank"]) for row in rows),
        size_asked=len(asked), size_wrong=sum(not fits for fits in asked), diversity=diversity(list(hashes.values())),
    )  # fmt: skip


def _candidates(values: Sequence[int], near_bits: int) -> Iterable[list[int]]:
    """Lists of places whose hashes share one of ``near_bits + 1`` pieces at the same position."""
    pieces = near_bits + 1
    for piece in range(pieces):
        low, high = 64 * piece // pieces, 64 * (piece + 1) // pieces
        mask = (1 << (high - low)) - 1
        buckets = defaultdict[int, list[int]](list)
        for at, value in enumerate(values):
            buckets[value >> low & mask].append(at)
        yield from (near for near in buckets.values() if len(near) > 1)


def _link(groups: "_Groups", names: Sequence[str], values: Sequence[int], near: Sequence[int], near_bits: int) -> None:
    by_hash = dict.fromkeys((values[at] for at in near), -1)
    for at in near:  # equal hashes first: a thousand blank pictures are one step, not half a million
        if by_hash[values[at]] >= 0:
            groups.join(names[by_hash[values[at]]], names[at])
        by_hash[values[at]] = at
    different = list(by_hash.items())
    for place, (value, at) in enumerate(different):
        for other, there in different[place + 1 :]:
            if (value ^ other).bit_count() <= near_bits:
                groups.join(names[at], names[there])


class _Groups:
    """Disjoint sets with path halving."""

    def __init__(self, names: Iterable[str]) -> None:
        self._above = {name: name for name in names}

    def root(self, name: str) -> str:
        while self._above[name] != name:
            self._above[name] = name = self._above[self._above[name]]
        return name

    def join(self, one: str, other: str) -> None:
        self._above[self.root(one)] = self.root(other)

    def listed(self) -> list[list[str]]:
        members = defaultdict[str, list[str]](list)
        for name in self._above:
            members[self.root(name)].append(name)
        return [group for group in members.values() if len(group) > 1]


def _texts(table: pa.Table) -> dict[str, str]:
    rows = table.select(["sha256", "ocr_text", "ocr_status"]).to_pylist()
    return {
        row["sha256"]: fold_text(row["ocr_text"] or "")
        for row in rows
        if row["sha256"] is not None and row["ocr_status"] in ("text", "no_text")
    }


def _difference(one: str, other: str) -> float:
    longest = max(len(one), len(other))
    return edit_distance(one, other) / longest if longest else 0.0
