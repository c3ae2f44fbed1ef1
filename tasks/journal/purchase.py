"""One paid attempt, from the durable intent to the durable result.

The order is the promise: intent → its turn → another look for answers to earlier attempts → not stale? → POST once →
spool → settle → result → spool entry gone. Nothing that waits (pacing, budget) may stand inside ``post``.
"""

import logging
from collections.abc import Awaitable, Callable

from tasks.journal.context import Owned
from tasks.journal.errors import Fenced, Lost, NotSent
from tasks.journal.events import Intent, Released, Unknown, Withdrawn
from tasks.journal.late import drain, hand_in, take_in
from tasks.journal.names import AnswerId, late_name
from tasks.journal.ports import Result

log = logging.getLogger(__name__)

Post = Callable[[], Awaitable[bytes]]
Turn = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """The turn of a call that need not wait."""


async def buy(
    owned: Owned, intent: Intent, post: Post, turn: Turn = at_once, reopen: Released | None = None
) -> Result | Withdrawn:
    """Make one attempt; see ``PartitionJournal.buy``."""
    try:
        began_s = await owned.append(*([reopen] if reopen else []), intent)
        await turn()
        answered = await _answered_meanwhile(owned, intent)
    except NotSent as not_sent:
        return await _record(owned, not_sent.failure)
    except BaseException:  # cancelled while nothing was sent: not an attempt
        owned.append_soon(_withdrawn(owned, intent, "cancelled"))
        raise
    if answered:
        return await _withdraw(owned, intent, "answered_late")
    if not owned.context.rules.may_post(owned.context.runtime.now_s() - began_s):
        return await _withdraw(owned, intent, "stale")
    try:
        blob = await post()
    except Lost as lost:
        return await _record(owned, _unknown(owned, intent, lost.reason, lost.http_status, lost.message))
    except NotSent as not_sent:
        return await _record(owned, not_sent.failure)
    except BaseException as error:  # cancelled, or a bug in ``post``: the request may be out
        owned.append_soon(_unknown(owned, intent, "connection_lost", None, type(error).__name__))
        raise
    return await owned.context.runtime.finish(_keep(owned, intent, blob))


async def _answered_meanwhile(owned: Owned, intent: Intent) -> bool:
    state = owned.fold.key(intent.key)
    if owned.context.rules.looks_again(state):
        await drain(owned.context.store, owned.context.spool, partition=owned.name, key=intent.key)
        await take_in(owned, intent.key)
    return state.answer is not None


async def _withdraw(owned: Owned, intent: Intent, reason: str) -> Withdrawn:
    withdrawn = _withdrawn(owned, intent, reason)
    await owned.append(withdrawn)
    return withdrawn


def _withdrawn(owned: Owned, intent: Intent, reason: str) -> Withdrawn:
    return Withdrawn(at=owned.context.runtime.utc(), key=intent.key, attempt=intent.attempt, reason=reason)


async def _keep(owned: Owned, intent: Intent, blob: bytes) -> Result:
    answer = AnswerId(owned.name, intent.key, intent.attempt)
    spooled = await _spool(owned, answer, blob)
    event = await owned.settle(intent, blob)
    try:
        await owned.append(event)
    except Fenced:
        if spooled:
            await hand_in(owned.context.store, owned.context.spool, answer)
        else:
            await owned.context.store.keep(late_name(answer), blob)
        raise
    if spooled:
        await owned.context.spool.remove(answer)
    return event


async def _spool(owned: Owned, answer: AnswerId, blob: bytes) -> bool:
    try:
        await owned.context.spool.put(answer, blob)
    except OSError as error:  # a full disk must not cost an answer that is in our hands
        log.warning("an answer could not be spooled (%s); it goes to the journal without", error)
        return False
    return True


async def _record(owned: Owned, event: Result) -> Result:
    await owned.append(event)
    return event


def _unknown(owned: Owned, intent: Intent, reason: str, http_status: int | None, message: str) -> Unknown:
    at = owned.context.runtime.utc()
    return Unknown(
        at=at, key=intent.key, attempt=intent.attempt, reason=reason, http_status=http_status, message=message
    )
