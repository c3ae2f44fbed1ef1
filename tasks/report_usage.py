"""Step: the usage of one or many datasets as a page, as tables, and where the run's page shows it."""

import asyncio
from datetime import date

from prefect import task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.begin import CannotStart
from tasks.engine.analysis.reporting import NothingToReport, days, write_usage_of
from tasks.engine.problems import InvalidCatalog
from tasks.engine.showing.usage_digest import usage_markdown
from tasks.journal.errors import DatasetProblem
from tasks.manifest.commits import BadCommit
from tasks.report.figures import money
from tasks.report.usage import Usage
from tasks.show import artifact_key, show
from tasks.storage.open import BadUri, open_store
from tasks.storage.store import StoreError


@task(name="report usage", task_run_name="write usage report into {to}", cache_policy=NO_CACHE, persist_result=False)
async def report_usage(
    datasets: list[str], to: str, since: date | None, until: date | None, accept: str | None = None
) -> str:
    """Measure, write below ``to``, show figures and charts; where the page is. ``CannotStart`` if that cannot be."""
    window = days(since, until)
    try:
        usage = await write_usage_of(datasets, open_store(to), window, accept)
    except InvalidCatalog as error:
        raise CannotStart("CannotStart", "; ".join(error.lines)) from error
    except (BadUri, BadCommit, DatasetProblem, NothingToReport, StoreError) as error:
        raise CannotStart("CannotStart", str(error)) from error
    about = f"Usage of {', '.join(datasets)}"
    await acreate_table_artifact(spend_by_model(usage), key=artifact_key(to, "usage-by-model"), description=about)
    await show(to, "usage", await asyncio.to_thread(usage_markdown, usage, window), about)
    return f"{to.rstrip('/')}/report/usage.html"


def spend_by_model(usage: Usage) -> list[dict[str, str]]:
    """One line per model, dearest first, as text."""
    names = ("results", "succeeded", "refused", "accepted", "calls")
    return [
        {"model": str(row["model"]), **{name: f"{row[name]:,}" for name in names}, "cost": money(row["cost_usd"])}
        for row in usage.by_model.to_dict("records")
    ]
