"""Step: the last commit of a run, and the manifest that every reader finds."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.engine.running.result import RunResult
from tasks.engine.running.session import session_of


@task(name="commit", task_run_name="commit manifest", cache_policy=NO_CACHE, persist_result=False)
async def commit(run_id: str) -> RunResult:
    """Fold what is left into the manifest, replace the alias, and say how the catalogs now stand."""
    return await session_of(run_id).finish()
