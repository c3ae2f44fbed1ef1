"""From live folds to a commit: snapshot, encode, put the parts, then commit them."""

import asyncio
from collections.abc import Mapping

from tasks.journal.fold import Fold
from tasks.manifest.commits import Commit, PartEntry, commit_entries, newest_commit
from tasks.manifest.objects import Objects
from tasks.manifest.parts import Part, encode, snapshot


async def commit_partitions(store: Objects, folds: Mapping[int, Fold], *, run_id: str, final: bool) -> Commit:
    """Commit every fold that is ahead of the newest commit, and return the commit that then holds them all.

    ``folds`` maps partition numbers to the state after their last durable segment. They may go on changing while this
    waits: each is read in one go. Nothing is written if nothing is ahead. Store errors pass through; what was put
    until then is found again by the next commit or collected.
    """
    parent = await newest_commit(store)
    done = parent.through if parent is not None else {}
    entries = [
        await publish(store, partition, fold)
        for partition, fold in sorted(folds.items())
        if fold.through > done.get(partition, 0)
    ]
    return await commit_entries(store, entries, run_id=run_id, final=final)


async def publish(store: Objects, partition: int, fold: Fold) -> PartEntry:
    """Make the fold's part durable and return its entry; no commit names it yet."""
    taken = snapshot(fold, partition)  # here and not in the thread: the fold belongs to the event loop
    part: Part = await asyncio.to_thread(encode, taken)
    await _store(store, part.entry.rows.key, part.rows)
    await _store(store, part.entry.calls.key, part.calls)
    return part.entry


async def _store(store: Objects, key: str, body: bytes) -> None:
    """Create the object, or renew its age if it is already there, so that the collection leaves it alone."""
    try:
        made = await store.create(key, body)
    except TimeoutError:
        made = False  # done or not: its name says what it holds, so the same bytes again do no harm
    if not made:
        await store.put(key, body)
