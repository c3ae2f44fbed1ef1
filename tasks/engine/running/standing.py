"""How catalogs stand after a run, by the newest commit of the manifest; and commits for runs that left without."""

import logging
from collections import Counter

from tasks.engine.planning.planned import Plan
from tasks.engine.running.committing import Committer
from tasks.journal.dataset import Dataset
from tasks.journal.errors import StoreDown
from tasks.journal.inspect import load_fold, tails
from tasks.manifest.commits import newest_commit
from tasks.storage.store import Store, StoreError

log = logging.getLogger("printroom")


async def standing(store: Store, catalogs: set[str]) -> Counter[str]:
    """Requested results of the named catalogs' current rows, counted by outcome."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    counts: Counter[str] = Counter()
    commit = await newest_commit(store)
    for file in commit.files if commit else ():
        body = pa.BufferReader(await store.get(file.key))
        table = pq.read_table(body, columns=["catalog", "current", "outcome", "sample_index", "samples"])
        asked = pc.and_(table["current"], pc.less(table["sample_index"], table["samples"]))  # extras are not requested
        mine = pc.and_(asked, pc.is_in(table["catalog"], pa.array(sorted(catalogs))))
        for pair in pc.value_counts(table.filter(mine)["outcome"]).to_pylist():
            counts[pair["values"]] += pair["counts"]
    return counts


async def idle_standing(store: Store, plan: Plan) -> Counter[str]:
    """The same after a plan that asked for nothing: it counts calls, and one that failed may have brought pictures."""
    outcomes = plan.summary.outcomes
    if outcomes.keys() <= {"succeeded"}:
        return outcomes
    return await standing(store, {origin.name for origin in plan.origins})


async def commit_stragglers(store: Store, dataset: Dataset, committer: Committer) -> None:
    """Commit partitions whose journal went on after the manifest's last word: a crashed run left them behind."""
    commit = await newest_commit(store)
    done = commit.through if commit else {}
    for partition, newest in (await tails(store, dataset)).items():
        if newest > done.get(partition, 0):
            await committer.commit_fold(partition, await load_fold(store, dataset.partition_names[partition]))


async def catch_up(store: Store, dataset: Dataset, run_id: str) -> None:
    """Bring manifest and aliases up to the journal: a run may have been killed between its last row and its commit.

    A store that does not take it now is a warning: the rows are safe in the journal, and the next run comes by again.
    """
    committer = Committer(store, run_id)
    try:
        await commit_stragglers(store, dataset, committer)
        await committer.finish(final=True)
    except (StoreError, StoreDown, TimeoutError) as error:
        log.warning("the manifest could not be brought up to date now: %s", error)
