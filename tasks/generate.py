"""Step: work a group of partitions: buy, fetch, store, read back. Retrying it resumes; it never pays twice."""

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.engine.running.session import session_of


@task(name="generate", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
async def generate(run_id: str, label: str, wave: int, partitions: Sequence[int]) -> dict[str, int]:  # noqa: ARG001 - the name shown in the UI
    """Work the named partitions of one wave; requested results by outcome.

    Example: ``await generate(run_id, "generate 07/16 · 312 rows", wave=0, partitions=[7])``.
    """
    session = session_of(run_id)
    wanted = set(partitions)
    return dict(
        await session.work([work for work in session.ready_plan.partition_work(wave) if work.partition in wanted])
    )
