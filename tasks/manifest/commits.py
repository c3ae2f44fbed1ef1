"""Commits: create-only ``manifest/commits/<n>.json``, each naming the newest part of every partition.

The number is owned by whoever creates it. Every commit carries a nonce; after a conflict or a lost reply the object is
read back and compared, and a number is tried again only with identical bytes, until it is won or lost. Whoever loses
puts its own partitions onto the new parent, and keeps the parent's entry where its ``through`` is equal or higher.
"""

import asyncio
import random
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from tasks.manifest.objects import Objects

PREFIX = "manifest/commits/"
LAYOUT = 1
_PATIENCE = 8  # unclear replies in a row before the writer gives up; about 25 s


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """One immutable Parquet object: where, which bytes, how many rows."""

    key: str
    sha256: str
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts and money of some rows. ``outcomes`` counts requested results of current rows; money is of all rows."""

    rows: int = 0
    extra: int = 0  # pictures beyond what was asked for
    outcomes: Mapping[str, int] = field(default_factory=dict)
    cost_micros: int = 0
    ocr_cost_micros: int = 0
    cost_at_risk_micros: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        words = sorted({*self.outcomes, *other.outcomes})
        return Tally(
            rows=self.rows + other.rows,
            extra=self.extra + other.extra,
            outcomes={word: self.outcomes.get(word, 0) + other.outcomes.get(word, 0) for word in words},
            cost_micros=self.cost_micros + other.cost_micros,
            ocr_cost_micros=self.ocr_cost_micros + other.ocr_cost_micros,
            cost_at_risk_micros=self.cost_at_risk_micros + other.cost_at_risk_micros,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEntry:
    """A partition's state in a commit: everything up to journal segment ``through``."""

    partition: int
    through: int
    rows: PartFile
    calls: PartFile
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One version of the whole manifest. ``final``: the run that made it had nothing left to do."""

    n: int
    nonce: str
    at: str
    run_id: str
    final: bool
    parts: Mapping[int, PartEntry]

    @property
    def totals(self) -> Tally:
        """Rows, outcomes and money of the whole dataset."""
        return sum((entry.tally for entry in self.parts.values()), Tally())

    @property
    def through(self) -> dict[int, int]:
        """The last journal segment folded, by partition."""
        return {partition: entry.through for partition, entry in self.parts.items()}

    @property
    def files(self) -> tuple[PartFile, ...]:
        """The parts with manifest rows, in partition order."""
        return tuple(entry.rows for _, entry in sorted(self.parts.items()))

    @property
    def call_files(self) -> tuple[PartFile, ...]:
        """The parts with the call log, in partition order."""
        return tuple(entry.calls for _, entry in sorted(self.parts.items()))


class BadCommit(ValueError):
    """A commit object that this version cannot read: torn, foreign, or of a newer layout."""


def commit_key(n: int) -> str:
    """Where commit ``n`` is."""
    return f"{PREFIX}{n:010d}.json"


def commit_number(key: str) -> int | None:
    """The number in a commit's key, or None for anything else that lies there."""
    digits = key.removeprefix(PREFIX).removesuffix(".json")
    return int(digits) if digits.isdecimal() and commit_key(int(digits)) == key else None


def to_json(commit: Commit) -> bytes:
    """The bytes of a commit object. ``totals`` is for people who open the file; it is not read back."""
    body = asdict(commit) | {"layout": LAYOUT, "totals": asdict(commit.totals)}
    body["parts"] = [asdict(entry) for _, entry in sorted(commit.parts.items())]
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)


def from_json(body: bytes) -> Commit:
    """The commit in ``body``; fields of a newer writer are skipped. ``BadCommit`` if it cannot be read."""
    try:
        raw = orjson.loads(body)
        if raw["layout"] > LAYOUT:
            raise BadCommit(f"the manifest has layout {raw['layout']}, this version reads up to {LAYOUT}")
        entries = [
            PartEntry(
                partition=part["partition"], through=part["through"], rows=_known(PartFile, part["rows"]),
                calls=_known(PartFile, part["calls"]), tally=_known(Tally, part["tally"]),
            )
            for part in raw["parts"]
        ]  # fmt: skip
        commit: Commit = _known(Commit, {**raw, "parts": {entry.partition: entry for entry in entries}})
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        hint = "`printroom verify --rebuild-manifest` makes one from the journal"
        raise BadCommit(f"not a manifest commit ({error}): {hint}") from error
    return commit


def _known(kind: Any, raw: Mapping[str, Any]) -> Any:
    return kind(**{name: raw[name] for name in kind.__dataclass_fields__ if name in raw})


async def newest_number(store: Objects, *, above: int = 0) -> int:
    """The highest commit number above ``above`` that is listed, else ``above``."""
    listed = await store.list(PREFIX, start_after=commit_key(above) if above else "")
    return max((n for n in (commit_number(info.key) for info in listed) if n is not None), default=above)


async def newest_commit(store: Objects) -> Commit | None:
    """The newest commit, or None if nothing has been committed. ``BadCommit`` if it cannot be read."""
    while n := await newest_number(store):
        try:
            return from_json(await store.get(commit_key(n)))
        except FileNotFoundError:
            continue  # collected since the listing: there is a newer one
        except BadCommit as error:
            raise BadCommit(f"{commit_key(n)}: {error}") from error
    return None


async def commit_entries(
    store: Objects, mine: Iterable[PartEntry], *, run_id: str, final: bool, rebuilt: bool = False, above: int = 0
) -> Commit:
    """Put ``mine`` onto the newest commit and return the commit that holds them.

    The parts must be durable already. Without anything new the newest commit itself is returned, but ``rebuilt``
    always makes one, takes its own entries where ``through`` is equal, and takes the place of an unreadable parent.
    A new commit gets a number over ``above``. ``TimeoutError`` if the store keeps leaving writes unclear.
    """
    own, made = {entry.partition: entry for entry in mine}, not rebuilt
    while True:
        n, parent = await _parent(store, unreadable_is_empty=rebuilt)
        parts = _rebased(parent, own, rebuilt=rebuilt)
        if made and parent is not None and parent.parts == parts and parent.final >= final:
            return parent
        n = max(n, above) + 1
        commit = Commit(n=n, nonce=secrets.token_hex(8), at=_now(), run_id=run_id, final=final, parts=parts)
        # A win alone proves nothing: the number may have been below a newer commit and free again since it was
        # collected. So look again, and be content only with the newest commit.
        made |= await _won(store, commit)


def _rebased(parent: Commit | None, own: Mapping[int, PartEntry], *, rebuilt: bool) -> dict[int, PartEntry]:
    parts = dict(parent.parts) if parent is not None else {}
    for partition, entry in own.items():
        known = parts.get(partition)
        if known is None or known.through < entry.through or (rebuilt and known.through == entry.through):
            parts[partition] = entry
    return parts


async def _parent(store: Objects, *, unreadable_is_empty: bool) -> tuple[int, Commit | None]:
    try:
        newest = await newest_commit(store)
    except BadCommit:
        if not unreadable_is_empty:
            raise
        return await newest_number(store), None
    return (newest.n, newest) if newest is not None else (0, None)


async def _won(store: Objects, commit: Commit) -> bool:
    """Whether this very commit stands under its number."""
    key, body = commit_key(commit.n), to_json(commit)
    for patience in range(_PATIENCE, -1, -1):
        try:
            return await store.create(key, body) or await store.get(key) == body
        except FileNotFoundError:
            pass  # conflict, yet nothing there: a negative read decides nothing
        except TimeoutError:
            if patience == 0:
                raise
        await asyncio.sleep(random.uniform(0.05, 0.1) * 2 ** (_PATIENCE - patience))
    raise TimeoutError(f"{key}: neither won nor lost after {_PATIENCE} tries")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
