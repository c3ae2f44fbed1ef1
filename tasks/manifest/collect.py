"""Garbage collection of old commits and of parts that no kept commit names. Images and the journal are never touched.

Ages are measured on the store's own clock, from the newest object listed, so that no two clocks are compared. The
newest commits stay whatever their age, and so does whatever they name.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.manifest.commits import PREFIX, BadCommit, commit_number, from_json
from tasks.manifest.objects import ObjectFacts, Objects

KEEP_COMMITS = 20
GRACE_S = 7 * 24 * 3600.0
_AT_ONCE = 16
_PART_FOLDERS = ("manifest/parts/", "manifest/calls/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was removed (or would be, on a dry run), and its size."""

    commits: tuple[str, ...]
    parts: tuple[str, ...]
    size_bytes: int


NOTHING = Collected(commits=(), parts=(), size_bytes=0)


async def collect_garbage(
    store: Objects, *, keep_commits: int = KEEP_COMMITS, grace_s: float = GRACE_S, dry_run: bool = False
) -> Collected:
    """Remove commits that are neither among the newest ``keep_commits`` nor younger than ``grace_s``, and their parts.

    Nothing is removed if a commit that stays cannot be read: it may name anything. Three listings, no more, as long as
    nothing is old.
    """
    commits = [info for info in await store.list(PREFIX) if commit_number(info.key) is not None]
    parts = [info for folder in _PART_FOLDERS for info in await store.list(folder)]
    newest_at = max((info.modified_at for info in (*commits, *parts)), default=0.0)
    kept_at_least = {info.key for info in commits[-max(keep_commits, 1) :]}
    old = [info for info in (*commits, *parts) if newest_at - info.modified_at > grace_s]
    old_commits = [info for info in old if commit_number(info.key) is not None and info.key not in kept_at_least]
    old_parts = [info for info in old if commit_number(info.key) is None]
    if not old_commits and not old_parts:
        return NOTHING
    going = {info.key for info in old_commits}
    named = await _named(store, [info.key for info in commits if info.key not in going])
    if named is None:
        return NOTHING
    old_parts = [info for info in old_parts if info.key not in named]
    if not dry_run:
        # Commits first: after a crash in between no commit names a part that is gone.
        old_commits = await _remove(store, old_commits)
        old_parts = await _remove(store, old_parts)
    return Collected(
        commits=tuple(info.key for info in old_commits),
        parts=tuple(info.key for info in old_parts),
        size_bytes=sum(info.size_bytes for info in (*old_commits, *old_parts)),
    )


async def _named(store: Objects, commits: Sequence[str]) -> set[str] | None:
    """Every object that these commits name; None if one of them cannot be read."""
    named: set[str] = set()
    for start in range(0, len(commits), _AT_ONCE):
        try:
            bodies = await asyncio.gather(*(store.get(key) for key in commits[start : start + _AT_ONCE]))
            for commit in map(from_json, bodies):
                named |= {file.key for file in (*commit.files, *commit.call_files)}
        except (BadCommit, FileNotFoundError):
            return None
    return named


async def _remove(store: Objects, objects: Iterable[ObjectFacts]) -> list[ObjectFacts]:
    """Remove the objects that are still as old as they were listed: a part may have been made anew since."""
    removed = []
    for info in objects:
        now = await store.head(info.key)
        if now is not None and now.modified_at == info.modified_at:
            await store.delete(info.key)
            removed.append(info)
    return removed
