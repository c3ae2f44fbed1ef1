"""Reading a partition: its newest segment, and the fold of the newest checkpoint and everything after it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.journal.codec import GZIP_FROM_BYTES, Segment, decode_segment
from tasks.journal.errors import JournalProblem
from tasks.journal.events import Owner
from tasks.journal.fold import Fold
from tasks.journal.names import segment_name, segment_seq, segments_prefix
from tasks.journal.patient import PatientStore
from tasks.journal.ports import Listed, Runtime

READ_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Loaded:
    """A partition as it was read: ``through`` of the fold is the newest segment, 0 if there is none."""

    fold: Fold
    checkpoint: int  # the newest segment that begins with a checkpoint; 0 = none
    owner: Owner | None = None  # who has not let go of it, alive or not


async def newest_segment(store: PatientStore, partition: str, known: Segment | None = None) -> Segment | None:
    """The newest segment, or None if there is none; one that is ``known`` already is not read again."""
    while True:
        listed = await segments(store, partition, above=known.header.seq if known else 0)
        if not listed:
            return known
        body = await store.get(listed[-1].key)
        if body is not None:  # else it was deleted below a checkpoint since: list again
            return _decode(listed[-1].key, body)


async def segments(store: PatientStore, partition: str, *, above: int = 0) -> Sequence[Listed]:
    """The segments that are there, oldest first."""
    return await store.list(segments_prefix(partition), start_after=segment_name(partition, above) if above else "")


async def load(
    store: PatientStore, runtime: Runtime, partition: str, tail: Segment | None, *, before: Segment | None = None
) -> Loaded | None:
    """The state up to ``tail``. None if a segment below it is gone: then a newer checkpoint exists, so list again.

    If that showed no newer tail than the one ``before``, the journal is damaged: ``JournalProblem``.
    """
    fold = Fold()
    if tail is None:
        return Loaded(fold, 0)
    last = tail.header.seq
    first = max(tail.header.checkpoint, 1)
    for start in range(first, last, READ_AT_ONCE):
        numbers = range(start, min(start + READ_AT_ONCE, last))
        bodies = await runtime.gather([store.get(segment_name(partition, seq)) for seq in numbers])
        for seq, body in zip(numbers, bodies, strict=True):
            if body is None:
                if before is tail:
                    raise JournalProblem(f"{segment_name(partition, seq)} is missing: restore it from a backup")
                return None
            _apply(fold, await _decoded(runtime, segment_name(partition, seq), body))
    _apply(fold, tail)
    return Loaded(fold, tail.header.checkpoint, None if tail.closed else tail.header.owner)


async def load_newest(store: PatientStore, runtime: Runtime, partition: str) -> Loaded:
    """The state of a partition as of now, without owning it."""
    tail = None
    while True:
        before, tail = tail, await newest_segment(store, partition, tail)
        loaded = await load(store, runtime, partition, tail, before=before)
        if loaded is not None:
            return loaded


async def _decoded(runtime: Runtime, name: str, body: bytes) -> Segment:
    if len(body) < GZIP_FROM_BYTES:
        return _decode(name, body)
    return await runtime.offload(lambda: _decode(name, body))


def _decode(name: str, body: bytes) -> Segment:
    try:
        return decode_segment(body)
    except JournalProblem as error:
        raise JournalProblem(f"{name}: {error}") from error


def _apply(fold: Fold, segment: Segment) -> None:
    for event in segment.events:
        fold.apply(event)
    fold.through = segment.header.seq


__all__ = ["Loaded", "load", "load_newest", "newest_segment", "segment_seq", "segments"]
