"""Step: plan the run. Spends nothing; shows in the UI what will be bought, reused and left."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.engine.running.session import session_of
from tasks.show import show_plan


@task(name="plan", task_run_name="plan {catalogs}", cache_policy=NO_CACHE, persist_result=False)
async def plan(run_id: str, catalogs: str) -> str:  # noqa: ARG001 - the name shown in the UI
    """Read, check, key, price and compare the catalogs of a run; the plan in one line."""
    session = session_of(run_id)
    made = await session.make_plan()
    await show_plan(session)
    return made.summary.line()
