"""The manifest made again from the journal alone: proof that nothing depends on the parts, and their repair."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass

from tasks.journal.fold import Fold
from tasks.manifest.alias import CALLS, MANIFEST, shown_by
from tasks.manifest.commits import BadCommit, Commit, PartEntry, commit_entries, newest_commit
from tasks.manifest.objects import Objects
from tasks.manifest.publish import publish

Folds = AsyncIterable[tuple[int, Fold]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """The new commit, and the partitions whose bytes were not what the journal says.

    ``differing`` leaves out partitions that the journal has only moved on since; ``behind`` lists those.
    """

    commit: Commit
    differing: tuple[int, ...]
    behind: tuple[int, ...]


async def rebuild_manifest(store: Objects, folds: Folds | Mapping[int, Fold], *, run_id: str) -> Rebuilt:
    """Build every part again, one partition in memory at a time, and commit them all.

    Always makes a new commit, numbered over what the aliases show, so that ``AliasWriter`` replaces them too: one may
    be torn under the right number, or all commits may have been lost.
    """
    try:
        before = await newest_commit(store)
    except BadCommit:
        before = None
    known, final = (before.parts, before.final) if before is not None else ({}, False)
    entries = [await publish(store, partition, fold) async for partition, fold in _each(folds)]
    shown = [(await shown_by(store, alias))[0] for alias in (MANIFEST, CALLS)]
    commit = await commit_entries(store, entries, run_id=run_id, final=final, rebuilt=True, above=max(shown))
    return Rebuilt(
        commit=commit,
        differing=tuple(
            e.partition for e in entries if _same_age(known.get(e.partition), e) and known[e.partition] != e
        ),
        behind=tuple(e.partition for e in entries if not _same_age(known.get(e.partition), e)),
    )


def _same_age(known: PartEntry | None, entry: PartEntry) -> bool:
    return known is not None and known.through == entry.through


async def _each(folds: Folds | Mapping[int, Fold]) -> AsyncIterator[tuple[int, Fold]]:
    if isinstance(folds, Mapping):
        for partition in sorted(folds):
            yield partition, folds[partition]
        return
    async for item in folds:
        yield item
