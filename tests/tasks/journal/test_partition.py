import asyncio
from typing import Any

import pytest

from tasks.journal import events as ev
from tasks.journal.codec import decode_segment
from tasks.journal.errors import Fenced, JournalProblem, Lost, NotSent, StoreDown
from tasks.journal.events import Answered, Rejected, Unknown, Withdrawn
from tasks.journal.fold import Policy, decide
from tasks.journal.inspect import load_fold
from tasks.journal.names import AnswerId
from tasks.journal.partition import PartitionJournal
from tasks.journal.ports import Timing
from tasks.journal.spool import drain_spool
from tasks.storage.memory import MemoryStore
from tests.tasks.journal import samples
from tests.tasks.journal.conftest import QUICK, Place, replying

KEY = samples.KEY
FIRST_ANSWER = AnswerId("00", KEY, "1-t1")


async def test_what_was_appended_is_there_for_the_next_owner_and_for_readers(place: Place) -> None:
    first = await place.open("t1")
    await first.append(samples.wanted(), samples.wanted(samples.OTHER_KEY, "other"))
    await first.close()
    second = await place.open("t2")
    assert {want.event.row_id for want in second.fold.wants.values()} == {"r", "other"}
    assert await load_fold(place.store, "00") == second.fold


async def test_a_purchase_is_recorded_before_the_post_and_after_it(place: Place) -> None:
    owned = await place.open()
    seen = []

    async def post() -> bytes:
        seen.append((await load_fold(place.store, "00")).keys[KEY].attempts["1-t1"].state)
        return b"a picture"

    result = await owned.buy(samples.intent(), post=post)
    assert seen == ["open"]
    assert isinstance(result, Answered)
    assert result.text == "a picture"
    assert decide(owned.fold.keys[KEY], Policy()) == "fetch"
    assert await place.spooled() == 0
    assert (await load_fold(place.store, "00")).keys[KEY].answer == result


@pytest.mark.parametrize(
    ("error", "kind"),
    [(Lost("timeout", http_status=504), Unknown), (NotSent(samples.rejected(samples.intent())), Rejected)],
)
async def test_a_post_without_reply_is_recorded_for_what_it_is(place: Place, error: Exception, kind: type) -> None:
    owned = await place.open()

    async def post() -> bytes:
        raise error

    result = await owned.buy(samples.intent(), post=post)
    assert isinstance(result, kind)
    assert owned.fold.keys[KEY].attempts["1-t1"].result == result
    if isinstance(result, Unknown):
        assert (result.reason, result.http_status) == ("timeout", 504)


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyError])
async def test_a_post_that_breaks_off_leaves_an_unknown_and_the_error_goes_on(
    place: Place, error: type[BaseException]
) -> None:
    owned = await place.open()

    async def post() -> bytes:
        raise error

    with pytest.raises(error):
        await owned.buy(samples.intent(), post=post)
    await owned.close()
    attempt = (await load_fold(place.store, "00")).keys[KEY].attempts["1-t1"]
    assert attempt.state == "unknown"
    assert isinstance(attempt.result, Unknown)
    assert attempt.result.message == error.__name__


async def test_a_buyer_that_is_cancelled_before_the_post_leaves_no_attempt(place: Place) -> None:
    owned = await place.open(timing=Timing(spacing_s=0.05))
    await owned.append(samples.wanted())
    posted = []

    async def post() -> bytes:
        posted.append(1)
        return b""

    buying = asyncio.create_task(owned.buy(samples.intent(), post=post))
    await asyncio.sleep(0)
    buying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await buying
    await owned.close()
    assert posted == []
    attempt = (await load_fold(place.store, "00")).keys[KEY].attempts["1-t1"]
    assert attempt.state == "withdrawn"
    assert isinstance(attempt.result, Withdrawn)
    assert attempt.result.reason == "cancelled"


async def test_an_answer_is_recorded_even_if_its_buyer_is_cancelled_while_it_is_settled(place: Place) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow_settle(intent: ev.Intent, blob: bytes) -> Answered:
        arrived.set()
        await go_on.wait()
        return samples.answered(intent, text=blob.decode())

    owned = await place.open(settle=slow_settle)
    buying = asyncio.create_task(owned.buy(samples.intent(), post=replying(b"x")))
    await arrived.wait()
    buying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await buying
    assert await place.spooled() == 1
    go_on.set()
    await owned.close()
    assert (await load_fold(place.store, "00")).keys[KEY].attempts["1-t1"].state == "answered"
    assert await place.spooled() == 0


async def test_a_settle_that_fails_keeps_the_answer_and_close_tries_again(place: Place) -> None:
    failures = iter([ConnectionError("no store for the picture")])

    async def shaky_settle(intent: ev.Intent, blob: bytes) -> Answered:
        for failure in failures:
            raise failure
        return samples.answered(intent, text=blob.decode())

    owned = await place.open(settle=shaky_settle)
    with pytest.raises(ConnectionError):
        await owned.buy(samples.intent(), post=replying(b"x"))
    assert await place.spooled() == 1
    await owned.close()
    answer = (await load_fold(place.store, "00")).keys[KEY].answer
    assert answer is not None
    assert answer.late
    assert (await place.spooled(), await place.late()) == (0, [])


async def test_two_who_open_at_once_do_not_both_own_it(place: Place) -> None:
    opened = await asyncio.gather(*(place.maybe_open(f"t{i}", wait=False) for i in range(5)))
    assert sum(each is not None for each in opened) == 1


async def test_an_owner_that_lives_is_waited_for_and_named(place: Place) -> None:
    first = await place.open("t1")
    assert await place.maybe_open("t2", wait=False) is None
    told: list[str] = []
    waiting = asyncio.create_task(place.open("t2", on_wait=told.append))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await first.close()
    second = await waiting
    assert second.waited_s > 0
    assert len(told) == 1
    assert "run run" in told[0]


async def test_an_owner_without_sign_of_life_is_fenced_after_the_time_out_and_its_intents_become_unknown(
    place: Place,
) -> None:
    first = await place.open("t1")
    await first.append(samples.intent())
    second = await place.open("t2")
    assert second.waited_s >= QUICK.takeover_s * 0.9
    assert second.fold.keys[KEY].attempts["1-t1"].result == Unknown(
        at=second.fold.keys[KEY].attempts["1-t1"].result.at, key=KEY, attempt="1-t1", reason="crash"
    )
    with pytest.raises(Fenced):
        await first.append(samples.finished())
    with pytest.raises(Fenced):
        await first.append(samples.finished())
    assert first.fenced
    await first.close()
    assert second.fold == await load_fold(place.store, "00")


async def test_the_answer_of_a_fenced_owner_reaches_the_new_one(place: Place) -> None:
    first = await place.open("t1")
    second: list[object] = []

    async def post() -> bytes:
        second.append(await place.open("t2"))
        return b"late but paid"

    with pytest.raises(Fenced):
        await first.buy(samples.intent(), post=post)
    assert await place.late() == ["journal/00/late/" + KEY + ".1-t1"]
    assert await place.spooled() == 0
    owned = second[0]
    posted = []

    async def never() -> bytes:
        posted.append(1)
        return b""

    result = await owned.buy(samples.intent(2, token="t2"), post=never)  # type: ignore[attr-defined] - it is a journal
    assert isinstance(result, Withdrawn)
    assert result.reason == "answered_late"
    assert posted == []
    assert owned.fold.keys[KEY].answer.text == "late but paid"  # type: ignore[attr-defined] - it is a journal
    assert await place.late() == []


async def test_a_crashed_process_leaves_its_answer_in_the_spool_and_the_next_one_takes_it_in(place: Place) -> None:
    first = await place.open("t1")
    await first.append(samples.intent())
    await place.spool.put(FIRST_ANSWER, b"spooled")
    assert await drain_spool(place.store, place.spool) == 1
    second = await place.open("t2")
    answer = second.fold.keys[KEY].answer
    assert answer is not None
    assert (answer.text, answer.late) == ("spooled", True)
    assert (await place.late(), await place.spooled()) == ([], 0)


async def test_a_late_answer_that_is_no_answer_is_recorded_as_such(place: Place) -> None:
    first = await place.open("t1")
    await first.append(samples.intent())
    await place.spool.put(FIRST_ANSWER, b"no")
    second = await place.open("t2")
    assert second.fold.keys[KEY].attempts["1-t1"].state == "rejected"
    assert await place.late() == []


async def test_an_answer_that_no_intent_asked_for_is_left_for_a_person_to_see(place: Place) -> None:
    await place.spool.put(FIRST_ANSWER, b"whose?")
    owned = await place.open()
    await owned.close()
    assert len(await place.late()) == 1


async def test_holding_looks_for_a_late_answer_first(place: Place) -> None:
    owned = await place.open()
    await owned.append(samples.intent(), samples.unknown(samples.intent()))
    await owned.hold(samples.OTHER_KEY, "attempts_exhausted")
    await place.spool.put(FIRST_ANSWER, b"there it is")
    await owned.hold(KEY, "attempts_exhausted")
    assert owned.fold.keys[samples.OTHER_KEY].held is not None
    assert owned.fold.keys[KEY].held is None
    assert owned.fold.keys[KEY].answer is not None


async def assert_stale(owned: PartitionJournal, **options: Any) -> None:
    """Buying is refused because the intent is too old, and nothing was posted."""
    posted = []

    async def post() -> bytes:
        posted.append(1)
        return b""

    result = await owned.buy(samples.intent(), post=post, **options)
    assert isinstance(result, Withdrawn)
    assert (result.reason, posted) == ("stale", [])


async def test_a_stale_intent_is_withdrawn_not_posted(place: Place) -> None:
    owned = await place.open(timing=Timing(takeover_s=0.0, spacing_s=0.0))
    await assert_stale(owned)
    assert decide(owned.fold.keys[KEY], Policy()) == "buy"


async def test_an_intent_that_became_stale_while_it_waited_its_turn_is_not_posted(place: Place) -> None:
    owned = await place.open(timing=Timing(takeover_s=0.4, spacing_s=0.0))
    await assert_stale(owned, turn=lambda: asyncio.sleep(0.3))


async def test_who_is_cancelled_while_it_waits_its_turn_has_not_made_an_attempt(place: Place) -> None:
    owned = await place.open()
    waits = asyncio.Event()

    async def turn() -> None:
        waits.set()
        await asyncio.sleep(60)

    buying = asyncio.create_task(owned.buy(samples.intent(), turn=turn, post=replying(b"x")))
    await waits.wait()
    buying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await buying
    await owned.close()
    assert (await load_fold(place.store, "00")).keys[KEY].attempts["1-t1"].state == "withdrawn"


async def test_an_append_of_nothing_waits_for_what_was_queued_and_can_be_read(place: Place) -> None:
    owned = await place.open()
    queued = owned.append_soon(samples.wanted())
    await owned.append()
    assert queued.done()
    assert KEY in {want.event.key for want in owned.fold.wants.values()}
    await owned.append()
    assert await load_fold(place.store, "00") == owned.fold


async def test_a_turn_that_does_not_come_is_recorded_as_a_call_that_was_not_sent(place: Place) -> None:
    owned = await place.open()

    async def turn() -> None:
        raise NotSent(samples.rejected(samples.intent()))

    result = await owned.buy(samples.intent(), turn=turn, post=replying(b"x"))
    assert isinstance(result, Rejected)
    assert owned.fold.keys[KEY].attempts["1-t1"].state == "rejected"


async def test_appends_that_wait_for_one_another_share_segments(place: Place) -> None:
    owned = await place.open(timing=Timing(spacing_s=0.01))
    before = len(await place.store.list("journal/00/0"))
    await asyncio.gather(*(owned.append(samples.intent(key=f"{i:064x}")) for i in range(300)))
    assert len(await place.store.list("journal/00/0")) - before <= 3
    assert len((await load_fold(place.store, "00")).keys) == 300


async def test_a_segment_holds_no_more_than_its_share_but_a_group_is_never_split(place: Place) -> None:
    owned = await place.open()
    await owned.append(*(samples.wanted(row_id=f"r{i}") for i in range(3_000)))
    soon = [owned.append_soon(*(samples.wanted(row_id=f"s{i}-{j}") for j in range(700))) for i in range(5)]
    for future in soon:
        await future
    assert len(await place.store.list("journal/00/0")) == 1 + 1 + 3
    assert len((await load_fold(place.store, "00")).wants) == 6_500


async def test_a_checkpoint_spares_the_reader_everything_before_it(place: Place) -> None:
    owned = await place.open()
    for event in samples.one_of_each()[1:-1]:
        await owned.append(event)
    await asyncio.gather(owned.append(samples.wanted(row_id="a")), owned.checkpoint(), owned.append(samples.finished()))
    whole = owned.fold
    listed = await place.store.list("journal/00/0")
    for each in listed[:-2]:
        await place.store.delete(each.key)
    assert await load_fold(place.store, "00") == whole
    await owned.close()
    again = await place.open("t2")
    assert again.fold.keys == whole.keys
    assert again.fold.wants == whole.wants


async def test_a_long_run_makes_checkpoints_by_itself(place: Place) -> None:
    owned = await place.open(timing=Timing(spacing_s=0.0, checkpoint_segments=10))
    for number in range(35):
        await owned.append(samples.intent(number), samples.withdrawn(samples.intent(number)))
    bodies = [await place.store.get(each.key) for each in await place.store.list("journal/00/0")]
    segments = [decode_segment(body) for body in bodies]
    checkpoints = [segment for segment in segments if segment.events[0].kind == "checkpoint"]
    assert [segment.events[0].at for segment in checkpoints] == [segment.header.at for segment in checkpoints]
    assert len(checkpoints) == 3
    assert segments[-1].header.seq - segments[-1].header.checkpoint < 10
    assert await load_fold(place.store, "00") == owned.fold


async def test_a_journal_that_has_lost_a_segment_is_reported_as_damaged_by_owners_and_readers(place: Place) -> None:
    owned = await place.open()
    await owned.append(samples.wanted())
    await owned.close()
    await place.store.delete("journal/00/0000000002.jsonl")
    with pytest.raises(JournalProblem, match=r"0000000002\.jsonl is missing"):
        await place.open("t2")
    with pytest.raises(JournalProblem, match=r"0000000002\.jsonl is missing"):
        await load_fold(place.store, "00")


async def test_segments_below_a_checkpoint_are_deleted_a_grace_later_and_not_before(place: Place) -> None:
    now = [1_000_000.0]
    store = MemoryStore("aging", clock=lambda: now[0])
    timing = Timing(takeover_s=0.3, grace_s=86_400.0, spacing_s=0.0)
    for token, hours, left in [("t1", 0, 20), ("t2", 23, 22), ("t3", 25, 5), ("t4", 26, 7)]:
        now[0] = 1_000_000.0 + 3_600.0 * hours
        owned = await place.open(token, store=store, timing=timing)
        for number in range(18 if token == "t1" else 0):
            await owned.append(
                samples.intent(number, token=token), samples.withdrawn(samples.intent(number, token=token))
            )
        await owned.close()
        assert len(await store.list("journal/00/0")) == left, token
        assert len((await load_fold(store, "00")).keys[KEY].attempts) == 18


class Fragile:
    """A store that fails as it is told, before or after it did what was asked."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.down = False

    def __getattr__(self, name: str) -> object:
        method = getattr(self._store, name)

        async def call(*args: object, **options: object) -> object:
            if self.down:
                raise ConnectionError("down")
            if self.before:
                raise self.before.pop(0)
            result = await method(*args, **options)
            if self.after:
                raise self.after.pop(0)
            return result

        return call if callable(method) else method


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_lost_reply_to_a_put_is_cleared_up_by_the_nonce(place: Place, lost: str) -> None:
    store = Fragile(place.store)
    owned = await place.open(store=store)
    getattr(store, lost).extend([TimeoutError(), ConnectionError()])
    await owned.append(samples.wanted())
    await owned.close()
    assert len((await load_fold(place.store, "00")).wants) == 1
    assert len(await place.store.list("journal/00/0")) == 3


async def test_nothing_is_bought_while_the_store_is_down_and_the_caller_hears_of_it(place: Place) -> None:
    store = Fragile(place.store)
    owned = await place.open(store=store)
    posted = []

    async def post() -> bytes:
        posted.append(1)
        return b""

    store.down = True
    with pytest.raises(StoreDown):
        await owned.buy(samples.intent(), post=post)
    with pytest.raises(StoreDown):
        await owned.append(samples.wanted())
    store.down = False
    with pytest.raises(StoreDown):
        await owned.append(samples.wanted())
    assert posted == []
    assert await place.maybe_open("t1", wait=False) is not None


async def test_an_answer_in_hand_stays_in_the_spool_while_the_store_is_down(place: Place) -> None:
    store = Fragile(place.store)
    owned = await place.open(store=store)

    async def post() -> bytes:
        store.down = True
        return b"paid"

    with pytest.raises(StoreDown):
        await owned.buy(samples.intent(), post=post)
    assert await place.spooled() == 1
    store.down = False
    again = await place.open("t1")
    assert again.fold.keys[KEY].answer is not None
    assert await place.spooled() == 0
