"""Planned rows on disk, one file per partition, so that a plan of a million rows fits in memory.

A record is one JSON line ``[seq, wave, action, estimate, cap, note, inputs, wanted]``; the files live in a temporary
folder of this run and are read back one partition at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from tasks.journal.codec import event_of
from tasks.journal.events import Wanted

Action = Literal["none", "wait", "fail", "buy", "hold", "fetch", "read"]

_BUFFERED = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSource:
    """One input picture of a planned row: its content and where its bytes are."""

    sha256: str
    kind: Literal["file", "s3", "store"]
    location: str  # path, URL, or key in the dataset
    mask: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """One row of the plan: what is wanted, what is to be done about it, and its price before the fact."""

    seq: int  # position over all catalogs of the plan
    wave: int
    action: Action
    estimate_micros: int | None
    cap_micros: int | None
    wanted: Wanted
    inputs: tuple[InputSource, ...] = ()
    record: bool = False  # the journal does not have this ``wanted`` yet
    release: bool = False  # a held, refused or failed key that the user asked for again
    ordinal: int = 0  # among identical requests of the catalog: part of the key
    kept: bool = False  # an earlier take that a refill accepted and keeps
    attempts: int = 0  # made when the plan was: a key with more has been worked on since

    def decided(self, action: Action, *, record: bool, release: bool, attempts: int) -> "PlannedRow":
        """The row with what is to be done about it; ``dataclasses.replace`` takes five times as long."""
        return PlannedRow(
            seq=self.seq, wave=self.wave, action=action, estimate_micros=self.estimate_micros,
            cap_micros=self.cap_micros, wanted=self.wanted, inputs=self.inputs, record=record, release=release,
            ordinal=self.ordinal, kept=self.kept, attempts=attempts,
        )  # fmt: skip


class Spill:
    """Appends records to one file per bucket; reading a bucket gives them back in order."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._pending: dict[int, list[bytes]] = {}
        self.counts: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, bucket: int, row: PlannedRow) -> None:
        """Append one row to its bucket."""
        lines = self._pending.setdefault(bucket, [])
        lines.append(orjson.dumps(row))
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        if len(lines) >= _BUFFERED:
            self._flush(bucket)

    def buckets(self) -> list[int]:
        """Buckets that hold at least one row, ascending."""
        return sorted(self.counts)

    def read(self, bucket: int, *, at: str = "") -> Iterator[PlannedRow]:
        """The rows of one bucket in the order they were added; ``at`` is the time their ``wanted`` events get."""
        for raw in self.raw(bucket):
            yield planned_row(raw, at)

    def raw(self, bucket: int) -> Iterator[dict[str, Any]]:
        """The same rows as the objects they were written as, for readers that need little of them."""
        self._flush(bucket)
        path = self._path(bucket)
        if not path.exists():
            return
        with path.open("rb") as lines:
            for line in lines:
                yield orjson.loads(line)

    def _flush(self, bucket: int) -> None:
        lines = self._pending.pop(bucket, None)
        if lines:
            with self._path(bucket).open("ab") as out:
                out.write(b"\n".join(lines) + b"\n")

    def _path(self, bucket: int) -> Path:
        return self._folder / f"{self._name}-{bucket:05d}.jsonl"


def planned_row(raw: dict[str, Any], at: str = "") -> PlannedRow:
    """The row that was spilled as ``raw``; ``at`` is the time its ``wanted`` event gets."""
    wanted = raw["wanted"]
    wanted["at"] = at
    raw["wanted"] = event_of(Wanted, wanted)
    raw["inputs"] = tuple([InputSource(**source) for source in raw["inputs"]])
    return PlannedRow(**raw)
