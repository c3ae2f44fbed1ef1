"""Step: tell people what a run did: counts, reasons, spend and pictures, as a markdown artifact in the UI."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.show import show
from tasks.storage.store import StoreError
from tasks.work.running.result import RunResult
from tasks.work.running.session import session_of
from tasks.work.showing.digest import summary_markdown
from tasks.work.showing.showcase import Showcase, showcase


@task(name="summarize", task_run_name="summarize", cache_policy=NO_CACHE, persist_result=False)
async def summarize(run_id: str, result: RunResult) -> None:
    """Put pictures, spend by model and failures by reason where the run's page shows them."""
    session = session_of(run_id)
    try:
        shown = await showcase(session.store, run_id, {origin.name for origin in session.ready_plan.origins})
    except StoreError:
        shown = Showcase()  # the result already says that the store is away
    markdown = summary_markdown(session, result, shown)
    await show(session.options.dataset, "summary", markdown, f"Run of {', '.join(session.options.catalogs)}")
