"""Step: tell people what a run did: a markdown artifact in the UI."""

from prefect import task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE

from tasks.work.digest import summary_markdown
from tasks.work.result import RunResult
from tasks.work.session import session_of


@task(name="summarize", task_run_name="summarize", cache_policy=NO_CACHE, persist_result=False)
async def summarize(run_id: str, result: RunResult) -> None:
    """Put the result table, spend by model and failures by reason where the run's page shows them."""
    session = session_of(run_id)
    await acreate_markdown_artifact(
        summary_markdown(session, result),
        key="dataset-summary",
        description=f"Run of {', '.join(session.options.catalogs)}",
    )
