"""A dataset checked against its own records, and its manifest made anew from the journal."""

from dataclasses import dataclass

from tasks.journal.dataset import open_dataset
from tasks.journal.inspect import load_all
from tasks.manifest.alias import AliasWriter
from tasks.manifest.rebuild import rebuild_manifest
from tasks.manifest.verify import Verification, verify_dataset
from tasks.storage.store import Store


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found, and what a rebuild changed: partitions whose bytes were not what the journal says."""

    report: Verification
    rebuilt: bool = False
    differing: tuple[int, ...] = ()


async def verify(store: Store, *, rebuild: bool = False) -> Verified:
    """Read everything again. ``rebuild`` first replaces the manifest by what the journal says."""
    dataset = await open_dataset(store, create=False)
    differing: tuple[int, ...] = ()
    if rebuild:
        made = await rebuild_manifest(store, load_all(store, dataset), run_id="verify")
        await AliasWriter(store).flush(made.commit)
        differing = made.differing
    return Verified(await verify_dataset(store), rebuild, differing)
