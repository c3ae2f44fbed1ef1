"""The rows of a matrix: every combination of the groups' choices, or a weighted sample of them, one at a time.

A combination is a number: the digits are choices, the first group's being the most significant. A sample is drawn
without repetition by Python's own generator, whose stream is the same on every machine and version: the same seed
gives the same rows, in the order of the matrix.
"""

import math
import random
from array import array
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

_LISTED = 4_000_000  # combinations that are all given a key; of more, rows are drawn until enough are different
_DRAWS_PER_ROW = 50


class TooFewRows(ValueError):
    """The axes, less what is excluded, do not give as many rows as the sample asks for."""

    def __init__(self, found: int, asked: int) -> None:
        super().__init__(f"{found:,} different rows of the {asked:,} asked for")
        self.found = found


@dataclass(frozen=True, slots=True)
class Choice:
    """Cells that one item of an axis sets, and how much more often than weight 1 a sample takes it."""

    cells: Mapping[str, str]
    weight: float = 1.0


@dataclass(frozen=True)
class Group:
    """Choices of which each row has one."""

    choices: tuple[Choice, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """What the choices set."""
        return tuple(self.choices[0].cells) if self.choices else ()


@dataclass(frozen=True, slots=True)
class Rule:
    """An exclusion: a row goes whose digit is in the set, for every (group, set). No pair at all: every row goes."""

    picked: tuple[tuple[int, frozenset[int]], ...]


@dataclass(frozen=True)
class Matrix:
    """Groups to be multiplied, less what the rules exclude; ``sample`` None = all that is left."""

    groups: tuple[Group, ...] = ()
    rules: tuple[Rule, ...] = ()
    sample: int | None = None
    seed: int = 0
    _keys_listed: int = field(default=_LISTED, repr=False)

    @cached_property
    def size(self) -> int:
        """How many combinations there are before anything is excluded."""
        return math.prod(len(group.choices) for group in self.groups)

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """The digits of each row. ``TooFewRows`` if a sample cannot be filled."""
        if self.sample is None:
            yield from (digits for digits in map(self._digits, range(self.size)) if self._wanted(digits))
            return
        numbers = self._smallest_keys(self.sample) if self.size <= self._keys_listed else self._drawn(self.sample)
        yield from map(self._digits, sorted(numbers))

    def _digits(self, number: int) -> tuple[int, ...]:
        digits = []
        for length in self._lengths:
            number, digit = divmod(number, length)
            digits.append(digit)
        return tuple(digits[::-1])

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(len(group.choices) for group in reversed(self.groups))

    def _wanted(self, digits: Sequence[int]) -> bool:
        return not any(all(digits[at] in picked for at, picked in rule.picked) for rule in self.rules)

    def _smallest_keys(self, rows: int) -> list[int]:
        """Each combination gets the key -ln(u)/weight; those with the smallest keys are a weighted sample.

        (Efraimidis and Spirakis, 2006.)
        """
        import numpy as np

        draw = random.Random(self.seed).random
        keys = array("d", (-math.log(1.0 - draw()) / self._weight(number) for number in range(self.size)))
        chosen: list[int] = []
        for number in np.argsort(np.frombuffer(keys), kind="stable"):
            if self._wanted(self._digits(int(number))):
                chosen.append(int(number))
                if len(chosen) == rows:
                    return chosen
        raise TooFewRows(len(chosen), rows)

    @cached_property
    def _even(self) -> bool:
        return all(choice.weight == 1.0 for group in self.groups for choice in group.choices)

    def _weight(self, number: int) -> float:
        if self._even:
            return 1.0
        digits = self._digits(number)
        return math.prod(group.choices[digit].weight for group, digit in zip(self.groups, digits, strict=True))

    def _drawn(self, rows: int) -> set[int]:
        """Combinations drawn digit by digit until enough are different."""
        draw = random.Random(self.seed).random
        ladders = [tuple(accumulate(choice.weight for choice in group.choices)) for group in self.groups]
        chosen: set[int] = set()
        for _ in range(_DRAWS_PER_ROW * rows + 10_000):
            digits = [min(bisect(ladder, draw() * ladder[-1]), len(ladder) - 1) for ladder in ladders]
            number = 0
            for digit, ladder in zip(digits, ladders, strict=True):
                number = number * len(ladder) + digit
            if number not in chosen and self._wanted(digits):
                chosen.add(number)
                if len(chosen) == rows:
                    return chosen
        raise TooFewRows(len(chosen), rows)
