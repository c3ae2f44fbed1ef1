"""Who pays for which call of a partition: attempts by row, and the paid readings of each result."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.journal.fold import Attempt, Fold, KeyState, Want

PayerId = tuple[str, str, int]  # catalog, row_id, take
_READING = "/ocr/"
_REPAIR = "/0/json/"


def made(state: KeyState) -> list[Attempt]:
    """The attempts that were sent, or may have been, in the order of their numbers."""
    sent = [a for a in state.attempts.values() if a.state != "withdrawn"]
    if len(sent) > 1:
        sent.sort(key=lambda a: (a.intent.number, a.intent.attempt))
    return sent


def deciding(state: KeyState, attempts: list[Attempt]) -> Attempt | None:
    """The attempt that the outcome comes from: the one whose answer is used, else the last."""
    if state.answer is not None:
        return state.attempts[state.answer.attempt]
    return attempts[-1] if attempts else None


def reading_of(key: str) -> tuple[str, int, str] | None:
    """(call key, sample, model) of a paid reading's key ``<call key>/<sample>/ocr/<model>``; None for other keys.

    ``@<attempt>`` follows the model where the picture replaces one that was given up. The key of a structured
    answer's second call, ``<call key>/0/json/<model>``, counts as one too.
    """
    head, mark, model = key.partition(_READING)
    if not mark and _REPAIR in key:
        return key.partition(_REPAIR)[0], 0, key.partition(_REPAIR)[2]
    if not mark:
        return None
    call, _, sample = head.rpartition("/")
    return call, int(sample), model


@dataclass(frozen=True, slots=True)
class Books:
    """A partition's wants in their lasting order, and what is needed to give every attempt exactly one payer."""

    wants: list[Want]
    shared: frozenset[str]  # keys that several rows want
    payers: dict[str, frozenset[PayerId]]  # of shared keys: everyone who wants them
    first: dict[str, PayerId]  # of shared keys: who takes what nobody else owns up to
    readings: dict[str, list[KeyState]]  # call key -> states of its paid readings
    repairs: dict[str, list[Attempt]]  # call key -> calls that asked once more for an answer that fits its schema

    def asked_again(self, key: str) -> list[Attempt]:
        """The calls that asked once more for the answer to ``key``."""
        return self.repairs.get(key, [])

    def paid_by(self, want: Want, attempts: Iterable[Attempt]) -> list[Attempt]:
        """Those of the ``attempts`` for the row's key that the row pays; over all rows each attempt comes up once."""
        event = want.event
        if event.key not in self.shared:
            return list(attempts)
        me = (event.catalog, event.row_id, event.take)
        return [a for a in attempts if self._payer(event.key, a) == me]

    def readings_paid_by(self, want: Want) -> dict[int, list[Attempt]]:
        """The paid reading attempts that fall on the row, by sample."""
        found: dict[int, list[Attempt]] = defaultdict(list)
        for state in self.readings.get(want.event.key or "", ()):
            reading = reading_of(state.key)
            assert reading is not None
            found[reading[1]] += self.paid_by(want, made(state))
        return found

    def _payer(self, key: str, attempt: Attempt) -> PayerId:
        payer = (attempt.intent.catalog, attempt.intent.row_id, attempt.intent.take)
        return payer if payer in self.payers[key] else self.first[key]


def open_books(fold: Fold) -> Books:
    """The books of a fold. A placeholder (no key) that is no longer current is gone: its row has a key by now."""
    wants = [want for want in fold.wants.values() if want.current or want.event.key is not None]
    wants.sort(key=_order)
    times = Counter(want.event.key for want in wants if want.event.key is not None)
    shared = frozenset(key for key, count in times.items() if count > 1)
    payers: dict[str, list[PayerId]] = defaultdict(list)
    for want in wants:
        if want.event.key in shared:
            payers[want.event.key].append((want.event.catalog, want.event.row_id, want.event.take))
    readings: dict[str, list[KeyState]] = defaultdict(list)
    for key in sorted(key for key in fold.keys if _READING in key):
        readings[key.partition(_READING)[0].rpartition("/")[0]].append(fold.keys[key])
    again = sorted(key for key in fold.keys if _REPAIR in key)
    return Books(
        wants=wants,
        shared=shared,
        payers={key: frozenset(ids) for key, ids in payers.items()},
        first={key: ids[0] for key, ids in payers.items()},
        readings=readings,
        repairs={key.partition(_REPAIR)[0]: made(fold.keys[key]) for key in again},
    )


def _order(want: Want) -> tuple[str, int, str, int, str]:
    event = want.event
    return event.catalog, event.row_number, event.row_id, event.take, event.key or ""
