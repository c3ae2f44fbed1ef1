"""A recipe: one TOML file that says which rows a catalog is to have. Read whole, every problem of it listed at once.

    [columns]                                   # the same in every row
    template = "five-part"
    model = "sora_image"

    [axes]                                      # multiplied with each other, the last one changing fastest
    subject = ["a lighthouse", { value = "a harbour", weight = 3 }]
    art_style = ["watercolor", "oil painting"]
    light = [{ lighting = "at dawn", mood = "calm" }, { lighting = "at noon", mood = "busy" }]

    [matrix]                                    # may be left out
    zip = [["subject", "light"]]                # these go in step instead of being multiplied
    sample = 1000                               # so many different rows, drawn by weight; without it: all of them
    seed = 7

    [[exclude]]                                 # no row that has all of these
    art_style = "oil painting"
    lighting = ["at noon", "at night"]

An axis item that is a table sets the columns it names (and may carry a ``weight``); any other sets the column that is
called like its axis. Values are written as a catalog's cells: true, numbers, lists (joined by ``;``), tables as JSON.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, BinaryIO

from catalogs.matrix import Choice, Group, Matrix, Rule
from catalogs.problems import Complaint, Problems, escaped, nearest, one_of, shown
from catalogs.records import MAX_ROWS

_PARTS = ("columns", "axes", "matrix", "exclude")
_MATRIX = ("zip", "sample", "seed")
_LEAST_WEIGHT, _MOST_WEIGHT = 1e-6, 1e6


@dataclass(slots=True)
class Recipe:
    """What a recipe asks for. ``matrix`` is only of use when ``problems`` is empty."""

    problems: Problems
    columns: tuple[str, ...] = ()  # of the catalog, in the order of the recipe
    constants: Mapping[str, str] = field(default_factory=dict)
    matrix: Matrix = field(default_factory=Matrix)


def read_recipe(source: BinaryIO, name: str) -> Recipe:
    """The recipe in an open TOML file. Nothing here raises for what the file holds; see ``problems``."""
    reading = _Reading(Problems(name))
    try:
        raw = tomllib.loads(source.read().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reading.wrong(None, escaped(str(error))[:200], "a TOML file in UTF-8")
        return Recipe(reading.problems)
    return reading.recipe(raw)


class _Reading:
    """A recipe on its way from TOML to a matrix."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def wrong(self, part: str | None, found: str, allowed: str, close: str | None = None) -> None:
        self.problems.add(Complaint(part, found, allowed, close, kind="recipe"))

    def recipe(self, raw: Mapping[str, Any]) -> Recipe:
        self._known_names(None, raw, _PARTS)
        parts = {part: self._table(part, raw.get(part, {})) for part in _PARTS[:3]}
        constants = {name: self._cell(f"columns.{name}", value) for name, value in parts["columns"].items()}
        axes = {name: self._axis(name, items) for name, items in parts["axes"].items()}
        groups = self._groups(axes, parts["matrix"].get("zip", []))
        columns = tuple(dict.fromkeys([*constants, *(name for group in groups for name in group.columns)]))
        self._set_twice(constants, axes)
        self._known_names("matrix", parts["matrix"], _MATRIX)
        rules = self._rules(raw.get("exclude", []), constants, groups)
        matrix = Matrix(
            tuple(groups),
            tuple(rules),
            self._whole(parts["matrix"], "sample", None),
            self._whole(parts["matrix"], "seed", 0),
        )
        if not columns:
            self.wrong("axes", "no columns", "at least one column in [columns] or one axis in [axes]")
        rows = matrix.size if matrix.sample is None else matrix.sample
        if rows > MAX_ROWS:
            self.wrong("matrix", f"{rows:,} rows", f"at most {MAX_ROWS:,}; [matrix] sample = N draws that many")
        if matrix.sample is not None and matrix.sample > matrix.size:
            self.wrong("matrix.sample", f"{matrix.sample:,}", f"at most the {matrix.size:,} rows that the axes give")
        return Recipe(self.problems, columns, constants, matrix)

    def _table(self, part: str, value: Any) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self.wrong(part, shown(str(value)), f"a table [{part}]")
        return {}

    def _known_names(self, part: str | None, table: Mapping[str, Any], known: Sequence[str]) -> None:
        for name in table:
            if name not in known:
                self.wrong(part, shown(name), one_of(known), nearest(name, known))

    def _axis(self, name: str, items: Any) -> list[Choice]:
        if not isinstance(items, list) or not items:
            self.wrong(f"axes.{name}", shown(str(items)), "a list of at least one value")
            return []
        choices, seen = [], dict[tuple[tuple[str, str], ...], int]()
        for number, item in enumerate(items, 1):
            choice = self._choice(name, number, item)
            key = tuple(sorted(choice.cells.items()))
            if key in seen:
                self.wrong(
                    f"axes.{name}", f"item {number} is item {seen[key]} again", "each item once; weight says how often"
                )
            seen.setdefault(key, number)
            choices.append(choice)
        for number, choice in enumerate(choices, 1):
            if choice.cells.keys() != choices[0].cells.keys():
                self.wrong(
                    f"axes.{name}", f"item {number} sets {one_of(choice.cells) or 'nothing'}",
                    f"every item sets the same columns, here {one_of(choices[0].cells) or 'nothing'}",
                )  # fmt: skip
        return choices

    def _choice(self, name: str, number: int, item: Any) -> Choice:
        place, weight = f"axes.{name}", 1.0
        if not isinstance(item, dict):
            return Choice({name: self._cell(place, item)}, weight)
        fields = dict(item)
        given = fields.pop("weight", 1)
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not _LEAST_WEIGHT <= given <= _MOST_WEIGHT:
            self.wrong(place, f"weight {shown(str(given))} in item {number}", "a number from 0.000001 to 1000000")
        else:
            weight = float(given)
        if fields.keys() == {"value"}:
            return Choice({name: self._cell(place, fields["value"])}, weight)
        return Choice({column: self._cell(f"{place}.{column}", value) for column, value in fields.items()}, weight)

    def _cell(self, place: str, value: Any) -> str:
        try:
            return cell_of(value)
        except TypeError:
            self.wrong(place, shown(str(value)), "text, a number, true or false, a date, a list of texts, or a table")
            return ""

    def _groups(self, axes: Mapping[str, list[Choice]], zipped: Any) -> list[Group]:
        """Axes that go in step become one group, at the place of the first of them."""
        leaders: dict[str, list[str]] = {}
        if not isinstance(zipped, list) or not all(isinstance(names, list) for names in zipped):
            self.wrong(
                "matrix.zip", shown(str(zipped)), 'a list of lists of axes, such as [["subject", "expected_text"]]'
            )
            zipped = []
        taken: set[str] = set()
        for names in zipped:
            for name in names:
                if name not in axes:
                    self.wrong("matrix.zip", shown(str(name)), f"an axis: {one_of(axes)}", nearest(str(name), axes))
                elif name in taken:
                    self.wrong("matrix.zip", f"{shown(name)} twice", "each axis in one list")
                taken.add(name)
            known = [name for name in axes if name in names]
            lengths = {name: len(axes[name]) for name in known}
            if len(set(lengths.values())) > 1:
                found = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
                self.wrong("matrix.zip", found, "axes that go in step have equally many items")
            if known:
                leaders[known[0]] = known
        groups = []
        for name in axes:
            if name in leaders:
                groups.append(_in_step([axes[each] for each in leaders[name]]))
            elif name not in taken:
                groups.append(Group(tuple(axes[name])))
        return groups

    def _set_twice(self, constants: Mapping[str, str], axes: Mapping[str, list[Choice]]) -> None:
        setters: dict[str, list[str]] = {name: ["columns"] for name in constants}
        for axis, choices in axes.items():
            for column in dict.fromkeys(name for choice in choices for name in choice.cells):
                setters.setdefault(column, []).append(f"axes.{axis}")
        for column, places in setters.items():
            if len(places) > 1:
                self.wrong(column, f"set by {' and '.join(places)}", "each column is set in one place")

    def _rules(self, raw: Any, constants: Mapping[str, str], groups: Sequence[Group]) -> Iterator[Rule]:
        if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
            self.wrong("exclude", shown(str(raw)), "tables [[exclude]] of columns and values")
            return
        for number, each in enumerate(raw, 1):
            if not each:
                self.wrong(
                    "exclude", f"table {number} is empty", "at least one column: an empty table excludes every row"
                )
            rule = self._rule(f"exclude {number}", each, constants, groups)
            if rule is not None:
                yield rule

    def _rule(
        self, place: str, raw: Mapping[str, Any], constants: Mapping[str, str], groups: Sequence[Group]
    ) -> Rule | None:
        """The rule, or None if it can match no row (or is wrong, and then complained about)."""
        picked: dict[int, frozenset[int]] = {}
        possible = bool(raw)
        for column, value in raw.items():
            wanted = {self._cell(f"{place}.{column}", one) for one in (value if isinstance(value, list) else [value])}
            at = next((at for at, group in enumerate(groups) if column in group.columns), None)
            if at is None and column not in constants:
                known = [*constants, *(name for group in groups for name in group.columns)]
                self.wrong(place, shown(column), f"a column of the recipe: {one_of(known)}", nearest(column, known))
                possible = False
                continue
            values = (
                [constants[column]] if at is None else [choice.cells.get(column, "") for choice in groups[at].choices]
            )
            for missing in sorted(wanted - set(values)):
                self.wrong(f"{place}.{column}", shown(missing), f"a value of {column}", nearest(missing, values))
            if at is None:
                possible = possible and constants[column] in wanted
                continue
            matching = frozenset(i for i, each in enumerate(values) if each in wanted)
            picked[at] = picked.get(at, matching) & matching
        return Rule(tuple(picked.items())) if possible else None

    def _whole(self, table: Mapping[str, Any], name: str, default: Any) -> Any:
        value = table.get(name, default)
        if value is default or (isinstance(value, int) and not isinstance(value, bool) and value >= (name == "sample")):
            return value
        self.wrong(
            f"matrix.{name}", shown(str(value)), "a whole number" + (" above 0" if name == "sample" else ", 0 or more")
        )
        return default


def cell_of(value: Any) -> str:
    """A TOML value as the cell of a catalog; ``TypeError`` if it has no such form."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ";".join(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(type(value).__name__)


def _in_step(axes: Sequence[Sequence[Choice]]) -> Group:
    """The first items of all axes together, then the second ones; weights are multiplied."""
    merged = []
    for choices in zip(*axes, strict=False):  # unequal lengths have been complained about
        cells: dict[str, str] = {}
        weight = 1.0
        for choice in choices:
            cells |= choice.cells
            weight *= choice.weight
        merged.append(Choice(cells, weight))
    return Group(tuple(merged))
