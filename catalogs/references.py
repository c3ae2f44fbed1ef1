"""``row:<id>`` references: does the row exist, does it give that picture, how deep is it, does it wait for itself."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalogs.identity import BROKEN, Ids
from catalogs.problems import Complaint, Problems, nearest, shown
from catalogs.types import ImageRef

_HINTS = 20  # missing rows that get a "did you mean": each is compared with thousands of ids


class Feeding(NamedTuple):
    """A row that feeds on other rows: its pictures and mask, and how many pictures it may have."""

    row_id: str
    row_number: int
    images: Sequence[ImageRef]
    mask: ImageRef | None
    least: int
    most: int
    model: str


class References:
    """The references of one file. Memory: two short strings for each row that feeds on others, none for the rest."""

    def __init__(self, ids: Ids) -> None:
        self.depths: dict[str, int] = {}
        self._ids = ids
        self._parents: dict[str, tuple[str, ...]] = {}
        self._hints_left = _HINTS
        self._waiting: list[Feeding] = []  # rows with a reference to a later one

    def take(self, row: Feeding) -> list[Complaint]:
        """Take down a row's references. What points back is checked now, the rest in ``settle``."""
        targets = [ref.target for ref in (*row.images, *filter(None, [row.mask])) if ref.kind == "row"]
        self._parents[row.row_id] = tuple(dict.fromkeys(targets))
        if all(self._ids.find(target) is not None and target != row.row_id for target in targets):
            return list(self._check(row))
        self._waiting.append(row)
        return []

    def settle(self, problems: Problems) -> None:
        """At the end of the file: check what pointed ahead, find circles, and work out ``depths``."""
        for row in self._waiting:
            for complaint in self._check(row):
                problems.add(complaint, row.row_number)
        numbers = {row.row_id: row.row_number for row in self._waiting}
        for circle in self._measure():
            # every circle has a reference ahead (or to itself), so one of its rows is still waiting
            first = min((name for name in circle if name in numbers), key=lambda name: numbers[name])
            turn = circle.index(first)
            names = [shown(name) for name in (*circle[turn:], *circle[:turn], first)]
            path = " → ".join(names if len(names) <= 8 else [*names[:6], "…", names[-1]])
            allowed = "rows that do not wait for each other"
            problems.add(Complaint("images", f"a circle: {path}", allowed, kind="circle"), numbers[first])

    def _check(self, row: Feeding) -> Iterator[Complaint]:
        images = 0
        for ref in row.images:
            count, complaint = self._outputs(ref, "images")
            images += count
            if complaint:
                yield complaint
                return
        if images < row.least:
            yield Complaint("images", f"{images} picture", "compare needs at least two pictures", kind="no pictures")
        elif images > row.most:
            yield Complaint(
                "images", f"{images} pictures", f"{row.model} takes at most {row.most}", kind="many pictures"
            )
        if row.mask is not None:
            count, complaint = self._outputs(row.mask, "mask")
            if complaint is None and count > 1:
                allowed = f"one picture: row:{row.mask.target}#0"
                complaint = Complaint("mask", f"{count} pictures", allowed, kind="mask")
            if complaint:
                yield complaint

    def _outputs(self, ref: ImageRef, column: str) -> tuple[int, Complaint | None]:
        """How many pictures ``ref`` stands for, and what is wrong with it."""
        if ref.kind != "row":
            return 1, None
        row = self._ids.find(ref.target)
        found = shown(f"row:{ref.target}" + ("" if ref.sample is None else f"#{ref.sample}"))
        if row is None:
            self._hints_left -= 1
            close = nearest(ref.target, self._ids.names) if self._hints_left >= 0 else None
            close = f"row:{close}" if close else None
            return 1, Complaint(column, found, "the id of a row in this catalog", close, kind="no row")
        results = row.results
        if results == BROKEN:
            return 1, None
        if not results:
            return 0, Complaint(column, found, "a row that makes pictures; that one is vision", kind="no pictures")
        if ref.sample is not None and ref.sample >= results:
            allowed = f"#0 to #{results - 1}" if results > 1 else "#0: that row asks for one picture"
            return 1, Complaint(column, found, allowed, kind="no such picture")
        return (results if ref.sample is None else 1), None

    def _measure(self) -> Iterator[list[str]]:
        """Fills ``depths`` (1 + that of the deepest parent) and yields each circle, without recursion."""
        for start in self._parents:
            path: list[str] = []
            on_path: set[str] = set()
            stack = [start]
            while stack:
                row_id = stack[-1]
                if row_id in self.depths:
                    stack.pop()
                    continue
                if row_id not in on_path:
                    on_path.add(row_id)
                    path.append(row_id)
                    for parent in self._parents[row_id]:
                        if parent in on_path:
                            yield path[path.index(parent) :]
                        elif parent in self._parents and parent not in self.depths:
                            stack.append(parent)
                    continue
                deepest = max((self.depths.get(parent, 0) for parent in self._parents[row_id]), default=0)
                self.depths[row_id] = 1 + deepest
                on_path.discard(path.pop())
                stack.pop()
