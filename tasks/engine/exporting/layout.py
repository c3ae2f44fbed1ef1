"""What an export's writers have in common: where they write, and what is asked of them.

A writer makes the same bytes of the same rows, whenever and however often it is asked. What is not finished has a name
that begins with a dot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tasks.engine.exporting.rows import Item

Rows = Sequence[tuple[Item, bytes | None]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where and how; ``commit`` goes into the provenance. ``resumed``: what is there is of this very export."""

    to: Path
    format: str
    per_shard: int
    commit: int
    resumed: bool = False


class Writer(Protocol):
    """Takes rows in their order."""

    def has(self, item: Item) -> bool:
        """Whether the picture is already in its place, whole."""

    def add(self, rows: Rows) -> None:
        """Write some rows; of a picture that ``has`` found, the bytes are None."""

    def close(self) -> None:
        """Give everything its name, and remove what an earlier export left that this one does not hold."""

    def abandon(self) -> None:
        """Leave what is whole; the next run goes on."""
