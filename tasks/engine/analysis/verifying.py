"""A dataset checked against its own records, and its manifest made anew from the journal."""

from dataclasses import dataclass

from tasks.journal.dataset import Dataset, open_dataset
from tasks.journal.errors import JournalProblem
from tasks.journal.inspect import load_all, load_partition
from tasks.manifest.alias import AliasWriter
from tasks.manifest.rebuild import rebuild_manifest
from tasks.manifest.verify import Finding, Verification, verify_dataset
from tasks.storage.store import Store


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found, and what a rebuild changed: partitions whose bytes were not what the journal says."""

    report: Verification
    rebuilt: bool = False
    differing: tuple[int, ...] = ()


async def verify(store: Store, *, rebuild: bool = False) -> Verified:
    """Read everything again. ``rebuild`` first replaces the manifest by what the journal says, if it can be read."""
    dataset = await open_dataset(store, create=False)
    torn = await _torn_journals(store, dataset)
    rebuild = rebuild and not torn
    differing: tuple[int, ...] = ()
    if rebuild:
        made = await rebuild_manifest(store, load_all(store, dataset), run_id="verify")
        await AliasWriter(store).flush(made.commit)
        differing = made.differing
    report = await verify_dataset(store)
    report.findings += torn
    return Verified(report, rebuild, differing)


async def _torn_journals(store: Store, dataset: Dataset) -> list[Finding]:
    """A finding for each partition whose journal cannot be read, though a run would have to."""
    found = []
    for name in dataset.partition_names:
        try:
            await load_partition(store, name)
        except JournalProblem as error:
            found.append(Finding(kind="torn", key=f"journal/{name}/", detail=str(error)))
    return found
