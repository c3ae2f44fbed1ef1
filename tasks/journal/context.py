"""What every step of the protocol is handed: the ports, bundled, and the owned partition as the steps see it."""

from dataclasses import dataclass
from typing import Protocol

from tasks.journal.events import Event
from tasks.journal.fold import Fold
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Future, Runtime, Settle, Spool
from tasks.journal.rules import Rules


@dataclass(frozen=True, slots=True)
class Context:
    """The world outside, and the rules to treat it by."""

    store: PatientStore
    spool: Spool
    runtime: Runtime
    rules: Rules


class Owned(Protocol):
    """A partition that this process owns (``partition.PartitionJournal``)."""

    context: Context
    name: str
    settle: Settle

    @property
    def fold(self) -> Fold:
        """The durable state."""

    async def append(self, *events: Event) -> float:
        """Durable on return; gives the time their put began."""

    def append_soon(self, *events: Event) -> Future[float]:
        """Queued in order, not waited for."""
