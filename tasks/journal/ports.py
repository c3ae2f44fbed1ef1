"""Everything the protocol touches, one narrow seam each.

The protocol's coroutines import no event loop, no clock and no file system: they await what they are handed here.
In production that is asyncio, a store and a directory (``driver.py``); under the simulator it is a model world that
decides at every await who runs next, what fails and who dies.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tasks.journal.events import Answered, Intent, Owner, Rejected, Unknown
from tasks.journal.names import AnswerId

T = TypeVar("T")
Result = Answered | Rejected | Unknown
Settle = Callable[[Intent, bytes], Awaitable[Result]]


class Listed(Protocol):
    """One object of a listing; ``modified_at`` is in seconds of the store's own clock."""

    @property
    def key(self) -> str:
        """Below the store's URI."""

    @property
    def modified_at(self) -> float:
        """When it was written."""


class Store(Protocol):
    """The verbs of ``tasks.storage.store.Store`` that the journal uses.

    Errors: ``FileNotFoundError`` from ``get``; ``TimeoutError`` = a write that may or may not have happened, or may
    still happen; ``ConnectionError`` = out of reach; a ``PermissionError`` too = it says no, and waiting will not help.
    """

    async def create(self, key: str, body: bytes) -> bool:
        """Put if absent; False = another object is there."""

    async def put(self, key: str, body: bytes) -> None:
        """Write or overwrite."""

    async def get(self, key: str) -> bytes:
        """The whole object."""

    async def list(self, prefix: str, *, start_after: str = "") -> Sequence[Listed]:
        """All objects whose key begins with ``prefix`` and sorts after ``start_after``, in key order."""

    async def delete(self, key: str) -> None:
        """Remove the object, if it is there."""


class Spool(Protocol):
    """Answers that have arrived at this host and are not yet known to be in the journal. What was put is fsynced."""

    async def put(self, answer: AnswerId, blob: bytes) -> None:
        """Keep the raw answer; durable on return. Raises ``OSError`` (a full disk)."""

    async def get(self, answer: AnswerId) -> bytes:
        """The raw answer; ``FileNotFoundError`` if another process of this host has taken care of it."""

    async def remove(self, answer: AnswerId) -> None:
        """Forget the answer; no error if it is already gone."""

    async def answers(self) -> Sequence[AnswerId]:
        """Everything kept on this host for this dataset, whichever process put it there."""


class Future(Protocol[T]):
    """A value to come (``asyncio.Future`` is one)."""

    def done(self) -> bool:
        """It has a result or an error, or nobody waits for it any more."""

    def set_result(self, result: T, /) -> None:
        """Wake whoever waits."""

    def __await__(self) -> Generator[Any, None, T]: ...


class Runtime(Protocol):
    """What an event loop and a clock give."""

    def now_s(self) -> float:
        """Seconds of a clock that never goes back and that counts the time the machine was suspended."""

    def utc(self) -> str:
        """The wall clock, for people: ISO 8601 with microseconds. Never compared."""

    def jitter(self) -> float:
        """A random number between 0 and 1."""

    def nonce(self) -> str:
        """A random name that nobody else will ever draw."""

    async def sleep(self, seconds: float) -> None:
        """Let others run for that long."""

    def future(self) -> Future[Any]:
        """A value to come."""

    def fail(self, future: Future[Any], error: Exception) -> None:
        """Settle ``future`` with an error that need not be looked at."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside the caller."""

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end even if the caller is cancelled."""

    async def finished(self) -> None:
        """Wait until everything under ``finish`` has ended."""

    async def gather(self, works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of all ``works``, in order; they may run at the same time."""

    async def offload(self, work: Callable[[], T]) -> T:
        """The result of a computation that takes long; others may run meanwhile."""

    def gone(self, owner: Owner) -> bool:
        """True only if the owner's process provably runs no more."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The journal's times and measures. ``takeover_s`` must be well above the longest put with its retries."""

    takeover_s: float = 120.0  # an owner that shows no sign of life for so long is taken for dead
    grace_s: float = 86_400.0  # segments below a checkpoint live at least this long
    patience_s: float = 300.0  # how long the store may be away before the caller hears of it
    spacing_s: float = 0.04  # between the starts of two puts of one partition, so that appends gather into groups
    poll_s: float = 3.0  # between two looks at a living owner
    pause_s: float = 0.2  # before the first retry of a store call; doubled up to ``max_pause_s``
    max_pause_s: float = 5.0
    checkpoint_segments: int = 1_000  # after so many segments without a checkpoint the writer makes one by itself

    @property
    def heartbeat_s(self) -> float:
        """Between two beats of a run's counter."""
        return self.takeover_s / 5
