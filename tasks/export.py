"""Step: copy a dataset's pictures into a folder for training."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.begin import CannotStart
from tasks.engine.exporting.export import Asked, Exported, NotOurs
from tasks.engine.exporting.export import export as fill
from tasks.manifest.commits import BadCommit
from tasks.storage.open import BadUri, open_store
from tasks.storage.store import StoreError


@task(name="export", task_run_name="export {to}", cache_policy=NO_CACHE, persist_result=False)
async def export(asked: Asked, to: str) -> Exported:
    """Fill the folder; run again after a crash, it goes on where it stopped. ``CannotStart``: why that cannot be."""
    try:
        return await fill(open_store(asked.dataset), asked, Path(to))
    except (BadUri, BadCommit, NotOurs, FileNotFoundError, StoreError) as error:
        raise CannotStart("CannotStart", str(error)) from error
