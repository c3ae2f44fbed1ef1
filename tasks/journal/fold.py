"""The fold: what a partition's events add up to. Pure; the same events always give the same state."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal

from tasks.journal import events as ev
from tasks.journal.codec import decode_event, event_of

Decision = Literal["nothing", "wait", "fetch", "buy", "hold"]

WantId = tuple[str, str, int, str | None]  # catalog, row_id, take, key


@dataclass(slots=True)
class Want:
    """A row's newest ``Wanted`` and whether its catalog still asks for it."""

    event: ev.Wanted
    current: bool = True


@dataclass(slots=True)
class Attempt:
    """One paid call: its intent and what became of it."""

    intent: ev.Intent
    state: str = "open"  # open | withdrawn | answered | rejected | unknown
    result: ev.Answered | ev.Rejected | ev.Unknown | ev.Withdrawn | None = None


@dataclass(slots=True)
class KeyState:
    """Everything known of one call key."""

    key: str
    attempts: dict[str, Attempt] = field(default_factory=dict)
    answer: ev.Answered | None = None  # the first answer; later ones stay in their attempts
    former: tuple[ev.AnsweredPicture, ...] = ()  # of an answer that failed and was released; its stored ones are kept
    stored: dict[int, ev.Stored] = field(default_factory=dict)
    reads: dict[tuple[int, str], ev.Read] = field(default_factory=dict)  # (sample, reader) -> newest
    held: ev.Held | None = None
    released: int = 0  # attempts made before the newest release: they no longer count towards the caps
    finished: ev.Finished | None = None
    paused: str | None = None

    def counted_attempts(self) -> list[Attempt]:
        """The attempts since the newest release that were not withdrawn, oldest first."""
        made = [a for a in self.attempts.values() if a.state != "withdrawn"]
        return made[self.released :]


@dataclass(slots=True)
class Fold:
    """The state of one partition after ``through`` segments."""

    through: int = 0
    wants: dict[WantId, Want] = field(default_factory=dict)
    keys: dict[str, KeyState] = field(default_factory=dict)

    def key(self, key: str) -> KeyState:
        """The state of ``key``, made on first mention."""
        state = self.keys.get(key)
        if state is None:
            state = self.keys[key] = KeyState(key)
        return state

    def apply(self, event: ev.Event) -> None:
        """Add one event. Applying the same event again changes nothing."""
        _APPLY[event.kind](self, event)

    def snapshot(self) -> dict[str, Any]:
        """The whole state for a ``Checkpoint``: lists that ``orjson`` can write, the (frozen) events among them."""
        return {
            "through": self.through,
            "wants": [(want.event, want.current) for want in self.wants.values()],
            "keys": [_key_snapshot(state) for state in self.keys.values()],
        }


def _wanted(fold: Fold, e: ev.Wanted) -> None:
    fold.wants[(e.catalog, e.row_id, e.take, e.key)] = Want(e)


def _unwanted(fold: Fold, e: ev.Unwanted) -> None:
    want = fold.wants.get((e.catalog, e.row_id, e.take, e.key))
    if want is not None:
        want.current = False


def _intent(fold: Fold, e: ev.Intent) -> None:
    state = fold.key(e.key)
    state.attempts.setdefault(e.attempt, Attempt(e))
    state.paused = None


def _resolved(state: str) -> Any:
    def apply(fold: Fold, e: Any) -> None:
        attempt = fold.key(e.key).attempts.get(e.attempt)
        if attempt is None or attempt.state == "answered":
            return
        if attempt.state in ("open", "unknown"):  # a late word replaces "unknown", never an answer
            attempt.state, attempt.result = state, e

    return apply


def _answered(fold: Fold, e: ev.Answered) -> None:
    key = fold.key(e.key)
    attempt = key.attempts.get(e.attempt)
    if attempt is None or attempt.state == "answered":
        return
    attempt.state, attempt.result = "answered", e
    key.held = None
    if key.answer is None:
        key.answer = replace(e, pictures=_beside_kept(key, e.pictures)) if key.former else e
        if key.finished is not None and key.finished.outcome == "failed":
            key.finished = None  # it failed for want of an answer, and here is one
        for index, picture in enumerate(key.answer.pictures):
            if picture.stored is not None:
                _stored(fold, ev.Stored(at=e.at, key=e.key, sample_index=index, **picture.stored))


def _beside_kept(key: KeyState, pictures: tuple[ev.AnsweredPicture, ...]) -> tuple[ev.AnsweredPicture, ...]:
    """New pictures in the places that are still empty, the first first; what is left over comes behind."""
    placed = {index: key.former[index] for index in key.stored}
    for picture in pictures:
        placed[next(index for index in count() if index not in placed)] = picture
    return tuple(placed.get(index, ev.NO_PICTURE) for index in range(max(placed, default=-1) + 1))


def _stored(fold: Fold, e: ev.Stored) -> None:
    fold.key(e.key).stored.setdefault(e.sample_index, e)


def _read(fold: Fold, e: ev.Read) -> None:
    fold.key(e.key).reads[(e.sample_index, e.reader)] = e


def _held(fold: Fold, e: ev.Held) -> None:
    state = fold.key(e.key)
    if state.answer is None:
        state.held = e


def _released(fold: Fold, e: ev.Released) -> None:
    state = fold.key(e.key)
    state.held = None
    state.released = sum(a.state != "withdrawn" for a in state.attempts.values())
    if state.finished is not None and state.finished.outcome == "failed":
        if not e.keeps_pictures:
            state.former, state.stored, state.reads = (), {}, {}
        elif state.answer is not None:
            state.former = state.answer.pictures
        state.finished = state.answer = None


def _finished(fold: Fold, e: ev.Finished) -> None:
    state = fold.key(e.key)
    if state.finished is None or state.finished.outcome != "succeeded":
        state.finished = e


def _paused(fold: Fold, e: ev.Paused) -> None:
    for key in e.keys:
        fold.key(key).paused = e.reason


def _nothing(_fold: Fold, _event: ev.Event) -> None:
    return


def _checkpoint(fold: Fold, e: ev.Checkpoint) -> None:
    """Becomes the fold that ``e`` describes, as it was decoded."""
    fold.through = e.fold["through"]
    fold.wants, fold.keys = {}, {}
    for wanted, current in e.fold["wants"]:
        event = event_of(ev.Wanted, wanted)
        fold.wants[(event.catalog, event.row_id, event.take, event.key)] = Want(event, current)
    for values in e.fold["keys"]:
        fold.keys[values["key"]] = _key_restored(values)


def _key_snapshot(state: KeyState) -> dict[str, Any]:
    made = state.attempts.values()
    return {
        "key": state.key,
        "attempts": [(a.intent, a.state, a.result and a.result.kind, a.result) for a in made],
        "answer": state.answer and state.answer.attempt,
        "pictures": state.answer.pictures if state.answer and state.former else (),
        "former": state.former,
        "stored": list(state.stored.values()),
        "reads": list(state.reads.values()),
        "held": state.held,
        "released": state.released,
        "finished": state.finished,
        "paused": state.paused,
    }


def _key_restored(values: dict[str, Any]) -> KeyState:
    state = KeyState(values["key"], released=values["released"], paused=values["paused"])
    for intent, name, kind, result in values["attempts"]:
        word: Any = result and decode_event({"kind": kind, **result})
        state.attempts[intent["attempt"]] = Attempt(event_of(ev.Intent, intent), name, word)
    if values["answer"] is not None:
        answer: Any = state.attempts[values["answer"]].result
        placed = _pictures(values.get("pictures", ()))  # where they differ from the answer's own
        state.answer = replace(answer, pictures=placed) if placed else answer
    state.former = _pictures(values.get("former", ()))
    state.stored = {each["sample_index"]: event_of(ev.Stored, each) for each in values["stored"]}
    state.reads = {(each["sample_index"], each["reader"]): event_of(ev.Read, each) for each in values["reads"]}
    state.held = values["held"] and event_of(ev.Held, values["held"])
    state.finished = values["finished"] and event_of(ev.Finished, values["finished"])
    return state


def _pictures(values: Any) -> tuple[ev.AnsweredPicture, ...]:
    return tuple(event_of(ev.AnsweredPicture, each) for each in values)


_APPLY: dict[str, Any] = {
    "wanted": _wanted,
    "unwanted": _unwanted,
    "opened": _nothing,
    "intent": _intent,
    "withdrawn": _resolved("withdrawn"),
    "answered": _answered,
    "rejected": _resolved("rejected"),
    "unknown": _resolved("unknown"),
    "stored": _stored,
    "read": _read,
    "held": _held,
    "released": _released,
    "finished": _finished,
    "paused": _paused,
    "checkpoint": _checkpoint,
    "closed": _nothing,
}


def outcome(state: KeyState | None) -> tuple[str, str | None, str | None]:
    """(outcome, reason, refusal_stage) of a call key, in the words of the product contract's section 6."""
    if state is None:
        return "pending", "not_started", None
    if state.finished is not None:
        return state.finished.outcome, state.finished.reason, None
    if state.answer is not None:
        return "pending", "interrupted", None  # answered, its bytes are still to be fetched
    if state.held is not None:
        return "held", state.held.reason, None
    attempts = state.counted_attempts()
    last = attempts[-1] if attempts else None
    if last is None or last.state == "open":
        return ("pending", state.paused or "not_started", None) if last is None else ("unknown", "crash", None)
    if isinstance(last.result, ev.Unknown):
        return "unknown", last.result.reason, None
    if isinstance(last.result, ev.Rejected):
        if last.result.error_class == "refused":
            return "refused", last.result.reason, last.result.stage
        if last.result.final:
            return "failed", last.result.reason, None
        return "pending", state.paused or "interrupted", None
    return "pending", state.paused or "not_started", None


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done about an unknown outcome."""

    on_unknown: Literal["retry", "hold"] = "retry"
    max_unknown: int = 1  # so many unknown attempts are followed by another one


def decide(state: KeyState | None, policy: Policy) -> Decision:
    """What a call key needs next. ``wait``: a call is in flight. Rejected attempts are bought again unless final."""
    if state is None:
        return "buy"
    if state.finished is not None:
        return "nothing"
    if state.answer is not None:
        return "fetch"
    if state.held is not None:
        return "nothing"
    attempts = state.counted_attempts()
    if any(attempt.state == "open" for attempt in attempts):
        return "wait"
    if attempts and isinstance(attempts[-1].result, ev.Rejected) and attempts[-1].result.final:
        return "nothing"
    unknown = sum(attempt.state == "unknown" for attempt in attempts)
    allowed = policy.max_unknown if policy.on_unknown == "retry" else 0
    return "buy" if unknown <= allowed else "hold"


__all__ = ["Attempt", "Decision", "Fold", "KeyState", "Policy", "Want", "WantId", "decide", "outcome"]
