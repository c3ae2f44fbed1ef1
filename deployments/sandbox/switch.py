"""Which scenario meets which request: chosen by name, rate and attempt, and the same for the same seed."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from deployments.sandbox.scenario import AskKind, Scenario, Stage
from deployments.sandbox.scenarios import STORM, TABLE

STORM_RATE = 0.3
REMEMBERED_REQUESTS = 200_000
_TRIGGER = re.compile(r"\[\[scenario:([^\]\s]+)\]\]")
_SPELLING = re.compile(r"(?P<name>[a-z0-9_]+)(?::(?P<rate>[0-9.]+))?(?:@(?P<first>[0-9]+))?")


class UnknownScenario(ValueError):
    """No scenario has this name, or its rate is no number from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A scenario in force: for which share of requests, and on the first how many attempts (None = on all)."""

    scenario: Scenario
    rate: float = 1.0
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """The scenarios that meet one request."""

    armed: tuple[Armed, ...] = ()
    attempt: int = 1  # how often this very request has come, this time included

    def at(self, stage: Stage) -> Scenario | None:
        """The scenario of a stage, if one fired."""
        return next((one.scenario for one in self.armed if one.scenario.stage == stage), None)

    def has(self, name: str) -> bool:
        """True if the named scenario fired."""
        return any(one.scenario.name == name for one in self.armed)

    @property
    def names(self) -> list[str]:
        """The names that fired, for the log."""
        return [one.scenario.name for one in self.armed]

    def file_fault(self) -> Armed | None:
        """The scenario that meets downloads of this request's pictures."""
        return next((one for one in self.armed if one.scenario.stage == "file"), None)


def parse(spelling: str) -> list[Armed]:
    """``name[:rate][@first_attempts]`` as armed scenarios; ``storm[:rate]`` is a whole mix. Raises UnknownScenario."""
    match = _SPELLING.fullmatch(spelling.strip())
    if match is None:
        raise UnknownScenario(f"{spelling!r} is not name[:rate][@first_attempts]")
    name, first = match["name"], int(match["first"]) if match["first"] else None
    try:
        rate = float(match["rate"]) if match["rate"] else None
    except ValueError:
        raise UnknownScenario(f"{spelling!r}: the rate is not a number") from None
    if rate is not None and not 0 <= rate <= 1:
        raise UnknownScenario(f"{spelling!r}: a rate lies between 0 and 1")
    if name == "storm":
        return _storm(STORM_RATE if rate is None else rate)
    if name not in TABLE:
        near = get_close_matches(name, [*TABLE, "storm"], n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UnknownScenario(f"no scenario is called {name!r}; {hint}--list-scenarios lists them")
    return [Armed(TABLE[name], 1.0 if rate is None else rate, first)]


def _storm(rate: float) -> list[Armed]:
    total = sum(STORM.values())
    mix = [(parse(name)[0], weight) for name, weight in STORM.items()]
    return [replace(one, rate=rate * weight / total) for one, weight in mix]


class Switch:
    """The scenarios in force. A decision depends on the seed, the request and how often it came, not on the order."""

    def __init__(self, spellings: Iterable[str], seed: int) -> None:
        self.groups = [parse(spelling) for spelling in spellings]
        self.seed = seed
        self._attempts: OrderedDict[str, int] = OrderedDict()

    def fire(self, digest: str, prompt: str, kind: AskKind) -> Fired:
        """The scenarios for one request; ``[[scenario:name]]`` in its prompt adds one for certain."""
        attempt = self._attempts[digest] = self._attempts.pop(digest, 0) + 1
        if len(self._attempts) > REMEMBERED_REQUESTS:
            self._attempts.popitem(last=False)
        fired: list[Armed] = []
        for number, group in enumerate([*self.groups, *_triggered(prompt)]):
            fired += self._drawn(group, f"{self.seed}/{number}/{digest}/{attempt}", attempt, kind)
        return Fired(tuple(fired), attempt)

    def _drawn(self, group: Sequence[Armed], salt: str, attempt: int, kind: AskKind) -> list[Armed]:
        """At most one of a group: its members share one draw, so that a mix has the rate that was asked for."""
        ball = int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=7).digest()) / 2**56
        for one in group:
            if ball < one.rate:
                return [one] if _meets(one, attempt, kind) else []
            ball -= one.rate
        return []


def _meets(one: Armed, attempt: int, kind: AskKind) -> bool:
    if one.scenario.only and kind not in one.scenario.only:
        return False
    return one.first is None or one.scenario.stage == "file" or attempt <= one.first


def _triggered(prompt: str) -> list[list[Armed]]:
    groups = []
    for spelling in _TRIGGER.findall(prompt):
        try:
            groups.append(parse(spelling))
        except UnknownScenario:
            continue  # a prompt is data: a name in it that means nothing means nothing
    return groups
