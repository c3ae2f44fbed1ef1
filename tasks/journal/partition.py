"""A partition that this process owns: append, buy, checkpoint, close."""

from collections.abc import Awaitable, Callable

from tasks.journal import purchase
from tasks.journal.codec import Segment
from tasks.journal.context import Context
from tasks.journal.dataset import Dataset, partition_name
from tasks.journal.deletion import delete_superseded
from tasks.journal.driver import AsyncioRuntime
from tasks.journal.errors import Fenced
from tasks.journal.events import Closed, Event, Held, Intent, Opened, Owner, Released, Unknown, Withdrawn
from tasks.journal.fold import Fold
from tasks.journal.late import drain, take_in, waiting
from tasks.journal.loading import Loaded, load, newest_segment
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Future, Result, Settle, Spool, Store, Timing
from tasks.journal.purchase import at_once
from tasks.journal.rules import Rules
from tasks.journal.takeover import OnWait, Watch, may_open, waiting_message
from tasks.journal.writer import SegmentWriter

CHECKPOINT_AT_CLOSE_AFTER = 16


class PartitionJournal:
    """One partition, owned. ``fold`` is its durable state and changes only when something became durable.

    Made by ``open_partition``. Every method that writes raises ``Fenced`` once another process has taken over, and
    ``StoreDown`` when the store was away for longer than the patience; nothing can be written after either, nor after
    ``close``.
    """

    writer_class = SegmentWriter

    def __init__(self, context: Context, *, name: str, owner: Owner, settle: Settle, loaded: Loaded) -> None:
        self.context = context
        self.name, self.owner, self.settle = name, owner, settle
        self.partition = int(name)
        self.waited_s = 0.0
        self._checkpoint_at_open = loaded.checkpoint
        self._writer = self.writer_class(context, name, owner, loaded)

    @property
    def fold(self) -> Fold:
        """The durable state."""
        return self._writer.fold

    @property
    def fenced(self) -> bool:
        """Another process owns the partition now."""
        return isinstance(self._writer.failure, Fenced)

    async def append(self, *events: Event) -> float:
        """Write events, in one segment and in order; durable on return, with all that was queued before.

        Gives the time their put began. Without events it only waits for what was queued.
        """
        return await self._writer.append(events)

    def append_soon(self, *events: Event) -> Future[float]:
        """The same without waiting: events are written in the order of the calls."""
        return self._writer.append(events)

    async def buy(
        self,
        intent: Intent,
        *,
        post: Callable[[], Awaitable[bytes]],
        turn: Callable[[], Awaitable[None]] = at_once,
        reopen: Released | None = None,
    ) -> Result | Withdrawn:
        """One paid attempt; gives the event that says what became of it, durable.

        ``turn`` waits, once the intent is durable, until the call may go; it may raise ``NotSent``, and whatever else
        it raises withdraws the intent. However long it takes, an intent that has become stale is not posted.
        ``post`` is called at most once, and sends at once. It returns the raw answer, whatever it is, or raises
        ``Lost`` or ``NotSent``; anything else it raises, cancellation included, records the attempt as unknown and goes
        on up. ``reopen`` opens a closed key in one write with the intent: a kill leaves both or neither.

        ``Withdrawn`` (``answered_late`` or ``stale``) means that nothing was sent: look at the fold and decide again.
        If the partition is lost meanwhile, the answer is handed to the new owner and ``Fenced`` is raised.
        """
        return await purchase.buy(self, intent, post, turn, reopen)

    async def hold(self, key: str, reason: str) -> None:
        """Mark a key as held, unless an answer to one of its unknown attempts has turned up."""
        await drain(self.context.store, self.context.spool, partition=self.name, key=key)
        await take_in(self, key)
        if self.fold.key(key).answer is None:
            await self.append(Held(at=self.context.runtime.utc(), key=key, reason=reason))

    async def checkpoint(self) -> None:
        """Write the whole state, so that a reader needs nothing older; durable on return."""
        await self._writer.append_checkpoint()

    async def close(self) -> None:
        """Let go of the partition: take in late answers, write a checkpoint if it is worth one, say so, tidy up.

        Quiet if the partition was lost already, or the store: then the next owner finds it as it is.
        """
        if self._writer.failure is not None:
            return
        try:
            await self.context.runtime.finished()
            await drain(self.context.store, self.context.spool, partition=self.name)
            await take_in(self)
            if self.fold.through - self._writer.checkpoint >= CHECKPOINT_AT_CLOSE_AFTER:
                self._writer.append_checkpoint()  # in the same segment as ``Closed``
            await self._writer.append_last(Closed(at=self.context.runtime.utc(), owner_token=self.owner.token))
        except Fenced:
            return
        await delete_superseded(self.context.store, self.context.rules, self.name, self._checkpoint_at_open)

    async def open(self) -> bool:
        """Try to become the owner: ``Opened`` and the unknowns it declares, then the late answers. False = lost.

        Afterwards no attempt is open. A late answer that vanished between two looks was taken in by another owner: to
        declare it unknown all the same is how we find that out.
        """
        await drain(self.context.store, self.context.spool, partition=self.name)
        late = {(answer.key, answer.attempt) for answer in await waiting(self.context.store, self.name)}
        try:
            await self.append(Opened(at=self.context.runtime.utc(), owner=self.owner), *self._unknowns(late))
            await take_in(self)
            if unknowns := self._unknowns(set()):
                await self.append(*unknowns)
        except Fenced:
            return False
        return True

    def _unknowns(self, late: set[tuple[str, str]]) -> list[Unknown]:
        at = self.context.runtime.utc()
        intents = self.context.rules.declares_unknown(self.fold, late)
        return [Unknown(at=at, key=intent.key, attempt=intent.attempt, reason="crash") for intent in intents]


async def acquire(
    context: Context,
    *,
    name: str,
    owner: Owner,
    settle: Settle,
    on_wait: OnWait | None = None,
    wait: bool = True,
    give_up: Callable[[], bool] = lambda: False,
    journal_class: type[PartitionJournal] = PartitionJournal,
) -> PartitionJournal | None:
    """Become the owner of the partition called ``name``; None if somebody else is and we are not to wait (longer)."""
    runtime, rules = context.runtime, context.rules
    watch, told, began_s = Watch(rules, runtime), "", runtime.now_s()
    tail: Segment | None = None
    overtaken: Segment | None = None
    while True:
        tail = await newest_segment(context.store, name, tail)
        if not await may_open(context, tail, owner, watch):
            if not wait:
                return None
            if on_wait and tail and told != tail.header.owner.token:
                told = tail.header.owner.token
                on_wait(waiting_message(name, tail.header.owner, rules))
            await runtime.sleep(rules.timing.poll_s * (0.75 + runtime.jitter() / 2))
            wait = not give_up()
            continue
        loaded = await load(context.store, runtime, name, tail, before=overtaken)
        if loaded is None:
            overtaken = tail
            continue
        journal = journal_class(context, name=name, owner=owner, settle=settle, loaded=loaded)
        if await journal.open():
            journal.waited_s = runtime.now_s() - began_s
            return journal


async def open_partition(
    store: Store,
    dataset: Dataset,
    partition: int,
    owner: Owner,
    *,
    spool: Spool,
    settle: Settle,
    on_wait: OnWait | None = None,
    wait: bool = True,
    give_up: Callable[[], bool] = lambda: False,
    timing: Timing | None = None,
) -> PartitionJournal | None:
    """Own a partition, taking it over if its owner is provably gone or has been silent for the time-out.

    ``settle`` turns a raw answer into its event (it may store pictures that came inside the reply); it must give the
    same event for the same answer. ``on_wait`` is told, once per owner, whom we are waiting for; with ``wait`` False a
    partition that somebody alive owns gives None at once, and once ``give_up()`` is true at the next look.
    """
    runtime, rules = AsyncioRuntime(), Rules(timing)
    context = Context(PatientStore(store, runtime, rules.timing), spool, runtime, rules)
    name = partition_name(partition, dataset.partitions)
    return await acquire(context, name=name, owner=owner, settle=settle, on_wait=on_wait, wait=wait, give_up=give_up)
