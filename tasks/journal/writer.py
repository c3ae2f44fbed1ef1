"""The append side of a partition: groups of events become segments, one put in flight at a time.

A number is fought for with identical bytes until it is won or lost. Losing it means that somebody else owns the
partition: the writer is fenced and everything that waits is told so.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.journal.codec import GZIP_FROM_BYTES, Header, compressed, decode_segment, encode_event, encode_segment
from tasks.journal.context import Context
from tasks.journal.errors import Fenced, JournalError, StoreDown
from tasks.journal.events import Checkpoint, Event, Owner
from tasks.journal.loading import Loaded, segments
from tasks.journal.names import segment_name
from tasks.journal.patient import Pauses
from tasks.journal.ports import Future

MAX_SEGMENT_BYTES = 4_000_000
MAX_SEGMENT_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class _Group:
    """Events that one caller wants to be durable together."""

    events: Sequence[Event]
    lines: list[bytes]
    size_bytes: int
    done: Future[float]


_WantedCheckpoint = tuple[Callable[[], dict[str, Any]], Future[float]]


class SegmentWriter:
    """Owns the next number of a partition, or finds out that it does not.

    ``fold`` holds exactly what is durable; ``failure`` is set once, when nothing more can be written.
    """

    def __init__(self, context: Context, partition: str, owner: Owner, loaded: Loaded) -> None:
        self.fold = loaded.fold
        self.checkpoint = loaded.checkpoint
        self.failure: JournalError | None = None
        self._store, self._runtime, self._rules = context.store, context.runtime, context.rules
        self._partition, self._owner = partition, owner
        self._queue: deque[_Group] = deque()
        self._checkpoints: list[_WantedCheckpoint] = []
        self._in_flight: list[Future[float]] = []
        self._flushing = False
        self._opening = True
        self._began_s = self._runtime.now_s()  # when the newest confirmed put began

    def append(self, events: Sequence[Event]) -> Future[float]:
        """Queue events as one group.

        The future gives the time (``now_s``) at which their put began, once durable; or ``Fenced`` or ``StoreDown``.
        """
        done: Future[float] = self._runtime.future()
        if self.failure is not None:
            self._runtime.fail(done, self.failure)
            return done
        lines = [encode_event(event) for event in events]
        self._queue.append(_Group(events, lines, sum(map(len, lines)), done))
        self._flush_soon()
        return done

    def append_last(self, event: Event) -> Future[float]:
        """Queue the last event of all: whatever is appended after it is refused."""
        done = self.append([event])
        self.failure = self.failure or JournalError(f"partition {self._partition} was closed by its owner")
        return done

    def append_checkpoint(self) -> Future[float]:
        """Queue a checkpoint. It will stand at the head of the next segment, and hold what is durable before it."""
        done: Future[float] = self._runtime.future()
        if self.failure is not None:
            self._runtime.fail(done, self.failure)
            return done
        self._checkpoints.append((self._rules.checkpoint_of(self.fold), done))
        self._flush_soon()
        return done

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._runtime.spawn(self._flush())

    async def _flush(self) -> None:
        try:
            while self._queue or self._checkpoints:
                await self._space_out()
                await self._write_one()
                self._checkpoint_if_due()
        except JournalError as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of any failure, also one we did not foresee
            self._fail(StoreDown(f"the journal cannot be written: {type(error).__name__}: {error}"))
        finally:
            self._flushing = False

    def _checkpoint_if_due(self) -> None:
        last = self.failure is not None  # nothing may follow ``Closed``
        if not last and not self._checkpoints and self._rules.checkpoint_due(self.fold, self.checkpoint):
            self._checkpoints.append((self._rules.checkpoint_of(self.fold), self._runtime.future()))

    async def _space_out(self) -> None:
        wait_s = self._began_s + self._rules.timing.spacing_s - self._runtime.now_s()
        if wait_s > 0 and not self._opening:
            await self._runtime.sleep(wait_s)

    async def _write_one(self) -> None:
        self._in_flight = [done for _, done in self._checkpoints]
        checkpoints, self._checkpoints = self._checkpoints, []
        groups = self._take_groups()
        self._in_flight += [group.done for group in groups]
        began_s = await self._win(checkpoints, groups)
        for group in groups:
            for event in group.events:
                self.fold.apply(event)
        for done in self._in_flight:
            if not done.done():  # else whoever waited was cancelled
                done.set_result(began_s)
        self._in_flight = []

    async def _win(self, checkpoints: list[_WantedCheckpoint], groups: list[_Group]) -> float:
        """Make the next segment durable and count it in; gives the time its put began. Raises ``Fenced``."""
        seq, nonce = self.fold.through + 1, self._runtime.nonce()
        checkpoint = seq if checkpoints else self.checkpoint
        header = Header(seq, nonce, checkpoint, self._runtime.utc(), self._owner)
        body = self._form(header, checkpoints, groups)
        if len(body) >= GZIP_FROM_BYTES:
            body = await self._runtime.offload(lambda: compressed(body))
        began_s = self._runtime.now_s()
        if not await self._put(header, body) or not await self._counts(seq):
            raise Fenced(f"another process owns partition {self._partition} now")
        self._began_s, self._opening = began_s, False
        self.fold.through, self.checkpoint = seq, checkpoint
        return began_s

    def _form(self, header: Header, checkpoints: list[_WantedCheckpoint], groups: list[_Group]) -> bytes:
        lines = [line for group in groups for line in group.lines]
        if checkpoints:
            fold = checkpoints[-1][0]()
            lines.insert(0, encode_event(Checkpoint(at=header.at, fold=fold)))
        return encode_segment(header, lines)

    async def _put(self, header: Header, body: bytes) -> bool:
        """Fight for the number with the same bytes until it is won or lost."""
        name = segment_name(self._partition, header.seq)
        pauses = None
        while True:
            try:
                if await self._store.raw.create(name, body):
                    return True
                found = await self._store.get(name)
                if found is not None:
                    return self._rules.is_ours(header.nonce, decode_segment(found).header.nonce)
                if await segments(self._store, self._partition, above=header.seq):
                    return False  # the number was used, and deleted since
            except (ConnectionError, TimeoutError) as error:
                pauses = pauses or Pauses(self._runtime, self._rules.timing)
                await pauses.after(error)

    async def _counts(self, seq: int) -> bool:
        since_confirmed_s = self._runtime.now_s() - self._began_s
        if not self._rules.must_validate(opening=self._opening, since_confirmed_s=since_confirmed_s):
            return True
        return not await segments(self._store, self._partition, above=seq)

    def _fail(self, failure: JournalError) -> None:
        self.failure = failure
        waiting = [*self._in_flight, *(done for _, done in self._checkpoints), *(group.done for group in self._queue)]
        self._queue.clear()
        self._checkpoints.clear()
        for done in waiting:
            if not done.done():
                self._runtime.fail(done, failure)

    def _take_groups(self) -> list[_Group]:
        groups: list[_Group] = []
        size_bytes = count = 0
        while self._queue:
            size_bytes += self._queue[0].size_bytes
            count += len(self._queue[0].events)
            if groups and (size_bytes > MAX_SEGMENT_BYTES or count > MAX_SEGMENT_EVENTS):
                break
            groups.append(self._queue.popleft())
        return groups
