"""Step: copy a dataset's pictures into a folder for training."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.storage.open import open_store
from tasks.work.exporting.export import Asked, Exported
from tasks.work.exporting.export import export as fill


@task(name="export", task_run_name="export {to}", cache_policy=NO_CACHE, persist_result=False)
async def export(asked: Asked, to: str) -> Exported:
    """Fill the folder; run again after a crash, it goes on where it stopped."""
    return await fill(open_store(asked.dataset), asked, Path(to))
