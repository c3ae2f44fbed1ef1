"""Late answers: paid for, arrived, but not written into the journal by the owner who asked for them.

Anybody may bring one to the partition's ``late/``, create-only, without owning the partition. The owner writes it into
the journal and deletes it then, never before.
"""

from collections.abc import Sequence
from dataclasses import replace

from tasks.journal.context import Owned
from tasks.journal.events import Answered
from tasks.journal.fold import Attempt, Fold
from tasks.journal.names import AnswerId, late_answer, late_name, late_prefix
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Result, Spool


async def hand_in(store: PatientStore, spool: Spool, answer: AnswerId) -> None:
    """Move an answer from the spool to ``late/``. Anybody may have done it already, with the same bytes."""
    try:
        blob = await spool.get(answer)
    except FileNotFoundError:
        return
    await store.keep(late_name(answer), blob)
    await spool.remove(answer)


async def drain(store: PatientStore, spool: Spool, *, partition: str | None = None, key: str | None = None) -> int:
    """Move everything this host's spool holds (of one partition, of one key) to ``late/``; how many answers."""
    answers = await spool.answers()
    wanted = [a for a in answers if partition in (None, a.partition) and key in (None, a.key)]
    for answer in wanted:
        await hand_in(store, spool, answer)
    return len(wanted)


async def waiting(store: PatientStore, partition: str, key: str | None = None) -> list[AnswerId]:
    """The late answers of a partition (of one key) that are not yet in its journal, or not yet deleted."""
    listed = await store.list(late_prefix(partition, key))
    answers = [late_answer(each.key) for each in listed]
    return [answer for answer in answers if key in (None, answer.key)]


async def take_in(owned: Owned, key: str | None = None) -> None:
    """Write the late answers of the partition (of one key) into its journal, durably, then delete them.

    One whose intent the journal does not know stays where it is: it was paid for, so a person shall see it.
    """
    answers = await waiting(owned.context.store, owned.name, key)
    known = [(answer, attempt) for answer in answers if (attempt := attempt_of(owned.fold, answer)) is not None]
    events = [event for answer, attempt in known for event in await _event(owned, answer, attempt)]
    if events:
        await owned.append(*events)
    for answer, _ in known:
        await owned.context.store.delete(late_name(answer))


def attempt_of(fold: Fold, answer: AnswerId) -> Attempt | None:
    """The attempt that an answer belongs to, if the journal knows of it."""
    state = fold.keys.get(answer.key)
    return None if state is None else state.attempts.get(answer.attempt)


async def _event(owned: Owned, answer: AnswerId, attempt: Attempt) -> Sequence[Result]:
    if attempt.state in ("answered", "rejected"):
        return ()
    blob = await owned.context.store.get(late_name(answer))
    if blob is None:
        return ()
    result = await owned.settle(attempt.intent, blob)
    return (replace(result, late=True) if isinstance(result, Answered) else result,)
