"""What the manifest alone tells a plan about a row. Where it does not tell enough, nothing is said: ask the journal.

It says exactly what ``choose`` would say of the journal's state, or nothing (a test plans both ways and compares).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.engine.options import RunOptions
from tasks.engine.planning.choose import Choice, untouched
from tasks.journal.fold import WantId
from tasks.manifest.known import KnownRow

_NEVER_CALLED = frozenset({"not_started", "budget", "provider_stopped"})
_CLOSED = frozenset({"succeeded", "refused", "held"})


@dataclass(frozen=True, slots=True)
class Foreseen:
    """``record``: the journal lacks this ``wanted``. ``settled``: nothing is to be done, nor written."""

    choice: Choice
    record: bool
    settled: bool


class Known:
    """The rows of one partition as the manifest has them."""

    def __init__(self, rows: Mapping[WantId, KnownRow]) -> None:
        self.rows = rows
        self._keys: set[str | None] | None = None

    def has_key(self, key: str | None) -> bool:
        """Whether any row has asked for this call."""
        if self._keys is None:
            self._keys = {identity[3] for identity in self.rows}
        return key in self._keys

    def current(self) -> Iterator[WantId]:
        """The rows that their catalogs asked for when they last ran."""
        return (identity for identity, row in self.rows.items() if row.current)


def foreseen(known: Known, raw: dict[str, Any], options: RunOptions) -> Foreseen | None:
    """What is to be done about a row as it was spilled; None = the manifest does not tell."""
    wanted: dict[str, Any] = raw["wanted"]
    key = wanted["key"]
    row = known.rows.get((wanted["catalog"], wanted["row_id"], wanted["take"], key))
    if row is None:
        if key is not None and known.has_key(key):
            return None  # another row has asked for this picture
        return Foreseen(untouched(options), record=True, settled=False)
    record = not row.current or row.digest != wanted["digest"]
    if row.outcome == "pending" and not row.attempts and (key is None or row.reason in _NEVER_CALLED):
        return Foreseen(untouched(options), record=record, settled=False)
    if row.outcome not in _CLOSED or (row.outcome != "succeeded" and options.only != "pending"):
        return None
    if wanted["ocr"] and options.ocr != "off" and wanted["operation"] != "vision":
        return None  # a reading may be missing
    settled = not record and raw["action"] == "none"
    return Foreseen(Choice("none", row.outcome), record=record, settled=settled)
