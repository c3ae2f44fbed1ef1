"""What may go wrong in the journal, as the caller sees it.

JournalError
├── Fenced          another process owns the partition now
├── StoreDown       the store did not answer for longer than our patience, or says no
├── DatasetProblem  this is no dataset of ours, or of another layout: one message for the user
└── JournalProblem  a segment cannot be read: damaged, or written by a newer version
PostError           (raised *to* the journal, by the ``post`` of a purchase)
├── Lost            the request may have reached the gateway; nobody knows what became of it
└── NotSent         the request certainly did not reach the gateway, or was turned away unpaid
"""

from tasks.journal.events import Rejected


class JournalError(Exception):
    """The journal cannot do what was asked."""


class Fenced(JournalError):
    """Another process has taken the partition over; whatever this one still holds goes to ``late/``."""


class StoreDown(JournalError):
    """The store was out of reach for longer than the patience; nothing new may be bought."""


class DatasetProblem(JournalError):
    """The dataset cannot be opened; the message says why and what to do, in one sentence for the user."""


class JournalProblem(JournalError):
    """A segment is damaged, or holds what this version does not know."""


class PostError(Exception):
    """A paid request gave no reply."""


class Lost(PostError):
    """The outcome is unknown: ``reason`` is a reason of an unknown outcome (timeout, connection_lost, …)."""

    def __init__(self, reason: str, *, http_status: int | None = None, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason
        self.http_status = http_status
        self.message = message


class NotSent(PostError):
    """Nothing was bought; ``failure`` is the event that says so."""

    def __init__(self, failure: Rejected) -> None:
        super().__init__(failure.message or failure.reason)
        self.failure = failure
