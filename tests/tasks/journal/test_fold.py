import random
from dataclasses import replace

import orjson
import pytest

from tasks.engine.shared.reading import reading_key
from tasks.journal import codec
from tasks.journal import events as ev
from tasks.journal.fold import Fold, Policy, decide, outcome
from tasks.journal.spend import spend_micros
from tasks.manifest.outcomes import sample_outcome
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


READ = ev.Read(at=samples.AT, key=KEY, sample_index=1, reader="local", status="text", text="A")
A, B, C, D = (ev.AnsweredPicture(url=f"https://x/{name}") for name in "abcd")
HALF = [
    FIRST,
    samples.answered(FIRST, pictures=(A, B)),
    samples.stored(KEY, 1),
    READ,
    samples.finished(outcome="failed"),
]
KEPT = replace(RELEASED, keeps_pictures=True)


def test_what_an_older_version_released_gave_up_its_pictures_and_what_was_read_of_them() -> None:
    state = folded(*HALF, RELEASED).keys[KEY]
    assert (state.answer, state.finished, state.stored, state.reads) == (None, None, {}, {})


@pytest.mark.parametrize(
    ("brought", "placed"),
    [((C, D), (C, B, D)), ((C,), (C, B)), ((), (ev.NO_PICTURE, B))],
    ids=["one too many", "what was missing", "nothing"],
)
def test_a_call_bought_anew_fills_the_places_of_what_is_not_stored(
    brought: tuple[ev.AnsweredPicture, ...], placed: tuple[ev.AnsweredPicture, ...]
) -> None:
    fold = folded(*HALF, KEPT, SECOND, samples.answered(SECOND, pictures=brought))
    state = fold.keys[KEY]
    assert (set(state.stored), set(state.reads)) == ({1}, {(1, "local")})
    assert state.answer is not None
    assert (state.answer.attempt, state.answer.pictures) == (SECOND.attempt, placed)
    assert through_a_checkpoint(fold) == fold
    assert through_a_checkpoint(folded(*HALF, KEPT)) == folded(*HALF, KEPT)
    fold.apply(samples.finished())
    lacks = "url_expired" if brought else "no_image"
    assert [sample_outcome(state, i, outcome(state))[1] for i in (0, 1)] == [lacks, None]


def test_only_a_picture_that_replaces_another_is_read_under_a_new_key() -> None:
    again = [SECOND, samples.answered(SECOND, pictures=(C, D))]
    kept, given_up = (folded(*HALF, release, *again).keys[KEY] for release in (KEPT, RELEASED))
    assert reading_key(kept, 1, "gpt-4o") == f"{KEY}/1/ocr/gpt-4o"
    assert reading_key(given_up, 1, "gpt-4o") == f"{KEY}/1/ocr/gpt-4o@{SECOND.number}"


def test_a_picture_stays_when_the_call_bought_anew_for_another_is_refused() -> None:
    refused = replace(samples.rejected(SECOND), error_class="refused", final=True, reason="policy", stage="prompt")
    state = folded(*HALF, KEPT, SECOND, refused).keys[KEY]
    assert [sample_outcome(state, i, outcome(state))[0] for i in (0, 1)] == ["refused", "succeeded"]
    again = folded(*HALF, KEPT, SECOND, refused, KEPT, THIRD, samples.answered(THIRD, pictures=(C, D))).keys[KEY]
    assert again.answer is not None
    assert again.answer.pictures == (C, B, D)


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
