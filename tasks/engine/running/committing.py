"""From journals to the manifest while a run goes on: every so often, when a partition closes, and at the end."""

import asyncio
import logging
import time

from tasks.engine.running.memory import give_back
from tasks.journal.errors import JournalError
from tasks.journal.fold import Fold
from tasks.journal.partition import PartitionJournal
from tasks.manifest.alias import AliasWriter, Cadence
from tasks.manifest.collect import collect_garbage
from tasks.manifest.commits import Commit
from tasks.manifest.publish import commit_partitions
from tasks.storage.store import Store, StoreError

EVERY_S = 30.0
log = logging.getLogger("printroom")


class Committer:
    """Keeps the manifest up with the journals this process owns; one commit at a time."""

    def __init__(self, store: Store, run_id: str, *, every_s: float = EVERY_S) -> None:
        self._store, self._run_id, self._every_s = store, run_id, every_s
        self._open: dict[int, PartitionJournal] = {}
        self._one = asyncio.Lock()
        self._alias = AliasWriter(store, cadence=Cadence(least_s=every_s), tidy=give_back)
        self._ticker: asyncio.Task[None] | None = None
        self.commit: Commit | None = None

    def watch(self, partition: int, journal: PartitionJournal) -> None:
        """Include a partition in the commits from now on."""
        self._open[partition] = journal
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick())

    async def leave(self, partition: int, journal: PartitionJournal) -> None:
        """Close the partition and commit its last state.

        Quiet if it was lost or the store is away: the next owner commits what this one leaves behind.
        """
        self._open.pop(partition, None)
        try:
            await journal.close()
            if not journal.fenced:
                await self._commit({partition: journal.fold}, final=False)
        except (JournalError, StoreError, TimeoutError) as error:
            log.warning("partition %s: not committed now: %s", journal.name, error)

    async def commit_fold(self, partition: int, fold: Fold) -> None:
        """Commit the state of a partition that nobody works on."""
        await self._commit({partition: fold}, final=False)

    async def finish(self, *, final: bool) -> Commit | None:
        """The last commit of the run, and the alias that any reader finds."""
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.wait([self._ticker])
        commit = await self._commit({}, final=final)
        await self._alias.flush(commit)
        return commit

    async def collect(self) -> None:
        """Remove commits and parts that have long been replaced. It can always wait for the next run."""
        try:
            gone = await collect_garbage(self._store)
        except (StoreError, TimeoutError) as error:
            log.warning("old commits of the manifest were not removed now: %s", error)
            return
        if gone.commits or gone.parts:
            log.info("removed %s old commits and %s old parts of the manifest", len(gone.commits), len(gone.parts))

    async def _commit(self, folds: dict[int, Fold], *, final: bool) -> Commit:
        async with self._one:
            self.commit = await commit_partitions(self._store, folds, run_id=self._run_id, final=final)
            await asyncio.to_thread(give_back)
            return self.commit

    async def _commit_open(self) -> None:
        # not in the ticker itself, whose frame would keep the folds of closed partitions until its next turn
        commit = await self._commit({p: j.fold for p, j in self._open.items() if not j.fenced}, final=False)
        await self._alias.offer(commit)

    async def _tick(self) -> None:
        pause = self._every_s
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                await self._commit_open()
            except (StoreError, TimeoutError) as error:
                log.warning("manifest not committed now: %s", error)
            pause = max(self._every_s, 10 * (time.monotonic() - began))
