"""The decisions on which the promises rest, each pure and small. Numbers are those of the journal's rules.

They stand together so that they can be read side by side with the rules, and so that the simulator can break them
one at a time (``tests/faults/journal_sim/variants.py``) and prove that it would notice.
"""

from collections.abc import Callable, Sequence
from typing import Any

from tasks.journal.events import Intent
from tasks.journal.fold import Attempt, Fold, KeyState
from tasks.journal.names import segment_seq
from tasks.journal.ports import Listed, Timing


class Rules:
    """How the protocol decides. Stateless but for its ``timing``."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()

    def is_ours(self, sent_nonce: str, found_nonce: str) -> bool:
        """2. After a conflict: did our own bytes win? Only the nonce tells; a reply may have been lost on the way."""
        return sent_nonce == found_nonce

    def must_validate(self, *, opening: bool, since_confirmed_s: float) -> bool:
        """3. Whether a win counts only after a look above it.

        Segments of long ago may have been deleted: their numbers are free to be won again, and dead.
        """
        return opening or since_confirmed_s > min(self.timing.grace_s, self.timing.takeover_s) / 2

    def checkpoint_of(self, fold: Fold) -> Callable[[], dict[str, Any]]:
        """4. The fold is taken when the segment is formed, not when the checkpoint is asked for."""
        return fold.snapshot

    def checkpoint_due(self, fold: Fold, checkpoint: int) -> bool:
        """4. So many segments lie after the newest checkpoint that a reader should be spared them.

        The larger the fold, the rarer: to write it must not cost more than the segments that it stands for.
        """
        return fold.through - checkpoint >= max(self.timing.checkpoint_segments, len(fold.keys) // 4)

    def deletable(self, listed: Sequence[Listed], checkpoint: int) -> list[str]:
        """4. What lies below a checkpoint that is older than the grace, by the clock of the store alone."""
        made_at = next((each.modified_at for each in listed if segment_seq(each.key) == checkpoint), None)
        if made_at is None or listed[-1].modified_at - made_at < self.timing.grace_s:
            return []
        return [each.key for each in listed if segment_seq(each.key) < checkpoint]

    def looks_again(self, state: KeyState | None) -> bool:
        """7. Before a re-buy: an answer to an earlier attempt may have turned up meanwhile."""
        return state is not None and any(attempt.state == "unknown" for attempt in state.attempts.values())

    def may_post(self, intent_age_s: float) -> bool:
        """8. A stale intent may already have been declared unknown by somebody who took us for dead."""
        return intent_age_s < self.timing.takeover_s / 2

    def may_take_over(self, *, gone: bool, silent_s: float) -> bool:
        """9. At once only by proof; else when nothing moved for the whole time-out on our own clock."""
        return gone or silent_s >= self.timing.takeover_s

    def declares_unknown(self, fold: Fold, late: set[tuple[str, str]]) -> list[Intent]:
        """10. Intents without outcome, but for those whose answer, named (key, attempt), waits in ``late/``."""
        return [a.intent for a in open_attempts(fold) if (a.intent.key, a.intent.attempt) not in late]


def open_attempts(fold: Fold) -> list[Attempt]:
    """Calls of which nobody has said what became of them."""
    return [a for state in fold.keys.values() for a in state.attempts.values() if a.state == "open"]
