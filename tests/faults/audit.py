"""The promises, checked against three records that know nothing of each other.

The catalog (what was asked), the gateway's bill (what was charged, under which Idempotency-Key) and the dataset
(journal, manifest, pictures). The journal is read event by event here, not through the fold it is folded with.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tasks.journal import events as ev
from tasks.journal.codec import decode_segment
from tasks.journal.dataset import open_dataset
from tasks.journal.inspect import load_all, tails
from tasks.journal.names import segments_prefix
from tasks.manifest.commits import newest_commit
from tasks.manifest.readers import read_manifest
from tasks.manifest.rebuild import rebuild_manifest
from tasks.manifest.verify import verify_dataset
from tasks.storage.store import Store

Charges = Sequence[Mapping[str, Any]]
AttemptId = str  # "<key>.<attempt>", what the gateway is told as Idempotency-Key


@dataclass
class Attempt:
    """What the journal's own lines say of one attempt, in the order they were written."""

    intent: ev.Intent
    words: list[str] = field(default_factory=list)
    cost_micros: int | None = None
    late: bool = False  # the answer came from late/ or the spool

    @property
    def unknown(self) -> bool:
        """Declared unknown at some time, whatever was learnt later."""
        return "unknown" in self.words


@dataclass
class Books:
    """The journal as a list of attempts, and what is wrong with their order."""

    attempts: dict[AttemptId, Attempt] = field(default_factory=dict)
    bought_again: list[AttemptId] = field(default_factory=list)  # an intent after the key's recorded answer
    segments: int = 0

    @property
    def unknowns(self) -> int:
        """Attempts that were recorded as unknown."""
        return sum(attempt.unknown for attempt in self.attempts.values())

    @property
    def open(self) -> list[AttemptId]:
        """Attempts of which nobody has said what became of them."""
        return [name for name, attempt in self.attempts.items() if not attempt.words]


async def read_books(store: Store) -> Books:
    """Read every segment of every partition, in order."""
    dataset, books = await open_dataset(store, create=False), Books()
    for partition in dataset.partition_names:
        answered: set[str] = set()
        for info in await store.list(segments_prefix(partition)):
            books.segments += 1
            for event in decode_segment(await store.get(info.key)).events:
                _enter(books, answered, event)
    return books


def _enter(books: Books, answered: set[str], event: ev.Event) -> None:
    if isinstance(event, ev.Intent):
        books.attempts[f"{event.key}.{event.attempt}"] = Attempt(event)
        if event.key in answered:
            books.bought_again.append(f"{event.key}.{event.attempt}")
    elif isinstance(event, (ev.Answered, ev.Rejected, ev.Unknown, ev.Withdrawn)):
        attempt = books.attempts[f"{event.key}.{event.attempt}"]
        attempt.words.append(event.kind)
        if isinstance(event, ev.Answered):
            attempt.cost_micros, attempt.late = event.cost_micros, event.late
            answered.add(event.key)
    elif isinstance(event, ev.Released):
        answered.discard(event.key)


@dataclass
class Audit:
    """Figures, and every broken promise as a sentence in ``broken``."""

    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    billed: int = 0
    unknowns: int = 0
    late: int = 0
    segments: int = 0
    broken: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """For people."""
        return {
            "rows": self.rows, **dict(self.outcomes), "billed": self.billed, "re-bought": self.billed - self.rows,
            "unknowns recorded": self.unknowns, "late answers": self.late, "segments": self.segments,
            "broken promises": len(self.broken),
        }  # fmt: skip


async def audit(store: Store, charges: Charges, names: Iterable[str], *, may_wait: bool = False) -> Audit:
    """Hold the dataset against the catalogs' rows ("catalog/id") and the gateway's charges (all this dataset's).

    ``may_wait``: rows may still be unknown, held or pending (a storm has just passed).
    """
    found, books = Audit(), await read_books(store)
    found.segments, found.billed, found.unknowns = books.segments, len(charges), books.unknowns
    found.late = sum(attempt.late for attempt in books.attempts.values())
    check_money(found, books, charges)
    check_rows(found, read_manifest(store.uri).to_pylist(), set(names), books, may_wait=may_wait)
    check_pictures(found, await verify_dataset(store))
    await check_rebuild(found, store)
    return found


def check_money(found: Audit, books: Books, charges: Charges) -> None:
    """Promises 2 and 3: nothing without an intent, nothing twice, nothing that is known bought again."""
    billed = Counter(str(charge["idempotency_key"]) for charge in charges)
    for name, times in billed.items():
        attempt = books.attempts.get(name)
        if times > 1:
            found.broken.append(f"attempt {name} was billed {times} times")
        if attempt is None:
            found.broken.append(f"attempt {name} was billed and is not in the journal")
        elif "withdrawn" in attempt.words:
            found.broken.append(f"attempt {name} was withdrawn and billed")
    for name, attempt in books.attempts.items():
        if "answered" in attempt.words and not billed[name]:
            found.broken.append(f"attempt {name} has an answer and was never billed")
    for name in books.bought_again:
        if "withdrawn" not in books.attempts[name].words:
            found.broken.append(f"attempt {name} was made although an answer was on record")
    if books.open:
        found.broken.append(f"{len(books.open)} attempts are still open")
    answered = {attempt.intent.key for attempt in books.attempts.values() if "answered" in attempt.words}
    spare = sum(billed.values()) - len(answered)
    if spare > books.unknowns:
        found.broken.append(f"{spare} calls were billed beyond the {len(answered)} answers, {books.unknowns} recorded")


def check_rows(
    found: Audit, made: Sequence[Mapping[str, Any]], names: set[str], books: Books, *, may_wait: bool
) -> None:
    """Promise 1 and the sums: every row is there once, and the manifest's money is the journal's."""
    current = [row for row in made if row["current"]]
    found.rows, found.outcomes = len(current), Counter(row["outcome"] for row in current)
    seen = Counter(f"{row['catalog']}/{row['row_id']}" for row in current)
    if missing := names - seen.keys():
        found.broken.append(f"{len(missing)} rows are not in the manifest: {sorted(missing)[:5]}")
    if twice := [name for name, times in seen.items() if times > 1]:
        found.broken.append(f"{len(twice)} rows are in the manifest more than once: {twice[:5]}")
    if not may_wait and found.outcomes["succeeded"] != len(names):
        found.broken.append(f"not every row succeeded: {dict(found.outcomes)}")
    known = sum((row["cost_usd"] or 0) + (row["ocr_cost_usd"] or 0) for row in made)
    booked = sum(attempt.cost_micros or 0 for attempt in books.attempts.values())
    if known != Decimal(booked) / 1_000_000:
        found.broken.append(f"the manifest knows ${known}, the journal's answers cost {booked} micro-dollars")
    at_risk = sum(row["cost_at_risk_usd"] or 0 for row in made)
    caps = sum(a.intent.cap_micros for a in books.attempts.values() if a.words and a.words[-1] == "unknown")
    if at_risk != Decimal(caps) / 1_000_000:
        found.broken.append(f"the manifest has ${at_risk} at risk, the journal {caps} micro-dollars")


def check_pictures(found: Audit, report: Any) -> None:
    """Every picture a row names is there and is what its sha256 says; a picture nobody names harms no row."""
    found.broken += [f"{f.kind}: {f.key}: {f.detail}" for f in report.findings if f.kind != "orphaned"]


async def check_rebuild(found: Audit, store: Store) -> None:
    """The manifest is a function of the journal: made again, its parts have the same bytes."""
    dataset, commit = await open_dataset(store, create=False), await newest_commit(store)
    done = commit.through if commit else {}
    if behind := [p for p, tail in (await tails(store, dataset)).items() if tail > done.get(p, 0)]:
        found.broken.append(f"the manifest was behind the journal in partitions {behind}")
    rebuilt = await rebuild_manifest(store, load_all(store, dataset), run_id="audit")
    if rebuilt.differing:
        found.broken.append(f"made again, partitions {list(rebuilt.differing)} of the manifest have other bytes")


def attempts_per_row(books: Books) -> dict[str, int]:
    """How many attempts were sent for each row."""
    made: dict[str, int] = defaultdict(int)
    for attempt in books.attempts.values():
        made[attempt.intent.row_id] += "withdrawn" not in attempt.words
    return dict(made)
