"""What is to be done about one planned row, given what its dataset already knows: the rules of a (re)run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.engine.options import RunOptions
from tasks.engine.planning.spill import Action
from tasks.journal.events import Answered, Rejected, Wanted
from tasks.journal.fold import KeyState, outcome

UNDATED_URLS_LIVE = timedelta(hours=24)  # nobody documents it; after that, a user may buy the picture anew
_COULD_STILL_COME = frozenset({"bad_image", "connection", "server_error", "rate_limited"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The action for a row, the outcome it has now, and whether a closed key is opened again."""

    action: Action
    outcome: str
    release: bool = False


def choose(state: KeyState | None, wanted: Wanted, options: RunOptions, *, max_unknown: int = 2) -> Choice:
    """The action for ``wanted`` under ``options``. Missing bytes and readings of known answers are always completed."""
    now, _, _ = outcome(state)
    if state is None or now == "pending":
        return untouched(options) if state is None or state.answer is None else Choice("fetch", now)
    if now == "succeeded":
        return Choice("read" if reading_missing(state, wanted, options.ocr) else "none", now)
    if now == "unknown":
        tries = sum(a.state in ("unknown", "open") for a in state.counted_attempts())
        if options.only == "pending":
            retry = tries < max_unknown and options.on_unknown == "retry"
            return Choice("buy" if retry else "hold", now)
        return Choice("buy" if _takes_up(options, now) else "none", now, release=_takes_up(options, now))
    if now == "failed" and bytes_may_come(state, wanted.samples):
        return Choice("fetch", now)
    if options.only == "pending":
        free = now == "failed" and not possibly_billed(state)
        return Choice("buy" if free else "none", now, release=free)
    taken = _takes_up(options, now)
    return Choice("buy" if taken else "none", now, release=taken)


def untouched(options: RunOptions) -> Choice:
    """The action for a row that was never called, or not to any end."""
    return Choice("buy" if _takes_up(options, "pending") else "none", "pending")


def possibly_billed(state: KeyState) -> bool:
    """Whether any attempt since the last release was, or may have been, charged."""
    return any(
        not isinstance(a.result, (Answered, Rejected)) or a.result.billed != "no" for a in state.counted_attempts()
    )


def bytes_may_come(state: KeyState, samples: int) -> bool:
    """Whether a failed download may be tried again: the picture is paid for and its URL still lives.

    Or none of the ``samples`` asked for is missing: earlier versions let a lost extra picture fail the call.
    """
    answer, finished = state.answer, state.finished
    if answer is None or finished is None or finished.outcome != "failed":
        return False
    if all(index in state.stored for index in range(samples)):
        return True
    if finished.reason not in _COULD_STILL_COME:
        return False
    undated_until = datetime.fromisoformat(answer.at) + UNDATED_URLS_LIVE
    return any(
        picture.url and datetime.now(UTC) < (_date(picture.expires_at) or undated_until)
        for index, picture in enumerate(answer.pictures[:samples])
        if index not in state.stored
    )


def _date(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def reading_missing(state: KeyState, wanted: Wanted, ocr: str) -> bool:
    """Whether a stored picture still lacks the reading that the row and the run ask for."""
    samples = [index for index in state.stored if index < wanted.samples]
    return reads_back(wanted, ocr) and any(not is_read(state, index, ocr) for index in samples)


def reads_back(wanted: Wanted, ocr: str) -> bool:
    """Whether the row and the run ask for a reading of its pictures."""
    return wanted.ocr and ocr != "off" and wanted.operation != "vision"


def is_read(state: KeyState, sample: int, ocr: str) -> bool:
    """Whether a picture has its reading: a paid one also serves where the local reader is asked for, if it tells."""
    readings = [read for (index, _), read in state.reads.items() if index == sample]
    wanted_kind = [r for r in readings if (r.reader.startswith("local")) == (ocr == "local")]
    told = readings if ocr == "local" else wanted_kind
    return any(r.status == "refused" for r in wanted_kind) or any(
        r.status in ("text", "no_text") or r.text is not None  # cut ones too
        for r in told
    )


def _takes_up(options: RunOptions, now: str) -> bool:
    if options.only == "all-but-succeeded":
        return now != "succeeded"
    return options.only == now
