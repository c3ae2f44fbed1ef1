"""Step: tell people what a run did: counts, reasons, spend and pictures, as a markdown artifact in the UI."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import deployment

from tasks.engine.running.result import RunResult
from tasks.engine.running.session import session_of
from tasks.engine.showing.digest import summary_markdown
from tasks.engine.showing.showcase import Showcase, showcase
from tasks.show import show
from tasks.storage.store import StoreError


@task(name="summarize", task_run_name="summarize", cache_policy=NO_CACHE, persist_result=False)
async def summarize(run_id: str, result: RunResult) -> None:
    """Put pictures, spend by model and failures by reason where the run's page shows them."""
    session = session_of(run_id)
    try:
        shown = await showcase(session.store, run_id, {origin.name for origin in session.ready_plan.origins})
    except StoreError:
        shown = Showcase()  # the result already says that the store is away
    again = forms_again(deployment.id, deployment.parameters) if deployment.id else {}
    markdown = summary_markdown(session, result, shown, again)
    await show(session.options.dataset, "summary", markdown, f"Run of {', '.join(session.options.catalogs)}")


def forms_again(deployment_id: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """For each outcome but success, the deployment's form as this run had it, set to take up what is so.

    The address has no host: the browser that shows it knows one, and a worker may know another.
    """
    kept = {name: value for name, value in parameters.items() if name not in ("rows", "again", "limit")}
    place = f"/deployments/deployment/{deployment_id}/run"
    return {
        only: f"{place}?parameters={quote(_json({**kept, 'only': only}), safe='')}"
        for only in ("failed", "refused", "unknown", "held", "pending")
    }


def _json(parameters: Mapping[str, Any]) -> str:
    """No percent sign in it: the UI decodes it twice."""
    return json.dumps(parameters, separators=(",", ":")).replace("%", "\\u0025")
