"""What became of one result of a call. Without Arrow, so that ``status`` can say it too."""

from tasks.journal.events import NO_PICTURE
from tasks.journal.fold import KeyState

Word = tuple[str, str | None, str | None]  # outcome, reason, refusal stage


def sample_outcome(state: KeyState, sample: int, call: Word) -> Word:
    """The outcome of one result, given its call's: of a finished call, the pictures that are stored have succeeded.

    So have those of a finished call that was released, whatever becomes of the others.
    """
    if sample in state.stored and (state.finished is not None or state.former):
        return "succeeded", None, None
    if state.finished is None or state.answer is None:
        return call
    if call[0] != "succeeded" or not state.answer.pictures:
        return call
    if sample >= len(state.answer.pictures) or state.answer.pictures[sample] == NO_PICTURE:
        return "failed", "no_image", None
    return "failed", "bad_image" if state.answer.pictures[sample].bad else "url_expired", None
