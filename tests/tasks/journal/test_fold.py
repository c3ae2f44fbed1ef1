import random

import orjson
import pytest

from tasks.journal import codec
from tasks.journal import events as ev
from tasks.journal.fold import Fold, Policy, decide, outcome, spend_micros
from tests.tasks.journal import samples

KEY = samples.KEY


def folded(*events: ev.Event) -> Fold:
    fold = Fold()
    for event in events:
        fold.apply(event)
    return fold


def through_a_checkpoint(fold: Fold) -> Fold:
    line = codec.encode_event(ev.Checkpoint(at=samples.AT, fold=fold.snapshot()))
    return folded(codec.decode_event(orjson.loads(line)))


def test_a_checkpoint_holds_the_whole_fold_wherever_it_is_taken() -> None:
    events = samples.one_of_each()
    for cut in range(len(events) + 1):
        restored = through_a_checkpoint(folded(*events[:cut]))
        assert restored == folded(*events[:cut])
        for event in events[cut:]:
            restored.apply(event)
        assert restored == folded(*events)


def test_an_event_applied_twice_in_a_row_changes_nothing() -> None:
    fold = Fold()
    for event in samples.one_of_each():
        fold.apply(event)
        once = through_a_checkpoint(fold)
        fold.apply(event)
        assert fold == once, event.kind


FIRST, SECOND, THIRD = samples.intent(1), samples.intent(2), samples.intent(3)
RELEASED = ev.Released(at=samples.AT, key=KEY, run_id="run")
HELD = ev.Held(at=samples.AT, key=KEY, reason="attempts_exhausted")


@pytest.mark.parametrize(
    ("events", "decision"),
    [
        ([], "buy"),
        ([FIRST], "wait"),
        ([FIRST, samples.unknown(FIRST)], "buy"),
        ([FIRST, samples.unknown(FIRST), SECOND], "wait"),
        ([FIRST, samples.unknown(FIRST), SECOND, samples.withdrawn(SECOND)], "buy"),
        ([FIRST, samples.unknown(FIRST), SECOND, samples.unknown(SECOND)], "hold"),
        ([FIRST, samples.unknown(FIRST), SECOND, samples.unknown(SECOND), HELD], "nothing"),
        ([FIRST, samples.unknown(FIRST), SECOND, samples.unknown(SECOND), HELD, samples.answered(FIRST)], "fetch"),
        ([FIRST, samples.unknown(FIRST), SECOND, samples.unknown(SECOND), HELD, RELEASED], "buy"),
        ([FIRST, samples.rejected(FIRST)], "buy"),
        ([FIRST, samples.rejected(FIRST), SECOND, samples.rejected(SECOND, final=True)], "nothing"),
        ([FIRST, samples.rejected(FIRST, final=True), RELEASED], "buy"),
        ([FIRST, samples.answered(FIRST)], "fetch"),
        ([FIRST, samples.answered(FIRST), samples.finished()], "nothing"),
        ([FIRST, samples.answered(FIRST), samples.finished(outcome="failed")], "nothing"),
        ([FIRST, samples.answered(FIRST), samples.finished(outcome="failed"), RELEASED], "buy"),
        ([FIRST, samples.unknown(FIRST), samples.finished(outcome="failed"), samples.answered(FIRST)], "fetch"),
    ],
)
def test_what_a_key_needs_next(events: list[ev.Event], decision: str) -> None:
    assert decide(folded(*events).keys.get(KEY), Policy()) == decision


def test_with_a_picture_that_is_given_up_goes_what_was_read_of_it() -> None:
    read = ev.Read(at=samples.AT, key=KEY, sample_index=0, reader="local", status="text", text="A")
    lost = [FIRST, samples.answered(FIRST), read, samples.finished(outcome="failed")]
    assert folded(*lost).keys[KEY].reads
    assert not folded(*lost, RELEASED).keys[KEY].reads


def test_a_policy_of_hold_buys_nothing_after_one_unknown() -> None:
    state = folded(FIRST, samples.unknown(FIRST)).keys[KEY]
    assert decide(state, Policy(on_unknown="hold")) == "hold"
    assert decide(state, Policy(max_unknown=0)) == "hold"
    assert decide(None, Policy(on_unknown="hold")) == "buy"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (samples.answered(FIRST), "answered"),
        (samples.rejected(FIRST), "rejected"),
        (samples.unknown(FIRST, "crash"), "unknown"),
    ],
)
def test_a_late_word_replaces_unknown_and_an_answer_stands_against_every_later_word(word: ev.Event, state: str) -> None:
    fold = folded(FIRST, samples.unknown(FIRST), word)
    assert fold.keys[KEY].attempts[FIRST.attempt].state == state
    fold = folded(FIRST, samples.answered(FIRST), word)
    assert fold.keys[KEY].attempts[FIRST.attempt].state == "answered"


def test_an_open_intent_is_an_unknown_outcome_to_whoever_reads_without_owning() -> None:
    assert outcome(folded(FIRST).keys[KEY]) == ("unknown", "crash", None)


@pytest.mark.parametrize(
    ("events", "money"),
    [
        ([], (0, 0)),
        ([FIRST], (0, 40_000)),
        ([FIRST, samples.unknown(FIRST)], (0, 40_000)),
        ([FIRST, samples.withdrawn(FIRST)], (0, 0)),
        ([FIRST, samples.answered(FIRST)], (30_000, 0)),
        ([FIRST, samples.answered(FIRST, cost_micros=None)], (0, 40_000)),
        ([FIRST, samples.answered(FIRST, cost_micros=None, billed="unknown")], (0, 40_000)),
        ([FIRST, samples.rejected(FIRST)], (0, 0)),
        ([FIRST, samples.rejected(FIRST, billed="yes", cost_micros=7)], (7, 0)),
        ([FIRST, samples.rejected(FIRST, billed="unknown", cost_micros=None)], (0, 40_000)),
        ([FIRST, samples.unknown(FIRST), SECOND, samples.answered(SECOND)], (30_000, 40_000)),
        ([FIRST, samples.unknown(FIRST), SECOND, samples.answered(SECOND), samples.answered(FIRST)], (60_000, 0)),
    ],
)
def test_what_a_run_has_spent_and_may_have_spent(events: list[ev.Event], money: tuple[int, int]) -> None:
    assert spend_micros(folded(*events), "run") == money
    assert spend_micros(folded(*events), "another run") == (0, 0)


def test_the_order_in_which_events_of_different_keys_mingle_does_not_matter() -> None:
    events = samples.one_of_each()
    rng = random.Random(7)
    keys = [getattr(event, "key", None) for event in events]
    queues = {key: [e for e, k in zip(events, keys, strict=True) if k == key] for key in set(keys)}
    order = keys[:]
    rng.shuffle(order)
    mingled = folded(*[queues[key].pop(0) for key in order])
    assert mingled.keys == folded(*events).keys
