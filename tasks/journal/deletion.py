"""Deleting what a checkpoint has replaced. It comes last: nothing else in the journal relies on it."""

from tasks.journal.loading import segments
from tasks.journal.patient import PatientStore
from tasks.journal.rules import Rules


async def delete_superseded(store: PatientStore, rules: Rules, partition: str, checkpoint: int) -> int:
    """Delete the segments below ``checkpoint`` if it is older than the grace; how many there were.

    The age is the distance between two objects of one listing, so only the store's clock is read. A reader that is
    overtaken finds a segment gone and lists again; a writer that slept so long looks above its next win.
    """
    if not checkpoint:
        return 0
    names = rules.deletable(await segments(store, partition), checkpoint)
    for name in names:
        await store.delete(name)
    return len(names)
