"""Step: the usage of one or many datasets as a page, as tables, and where the run's page shows it."""

from datetime import UTC, date, datetime, time

from prefect import task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.begin import CannotStart
from tasks.journal.errors import DatasetProblem
from tasks.report.usage import Usage, Window
from tasks.report.usage_page import money
from tasks.storage.open import BadUri, open_store
from tasks.storage.store import StoreError
from tasks.work.reporting import NothingToReport, write_usage_of


@task(name="report usage", task_run_name="usage of {datasets}", cache_policy=NO_CACHE, persist_result=False)
async def report_usage(datasets: list[str], to: str, since: date | None, until: date | None) -> str:
    """Measure, write below ``to``, show spend by model; where the page is. ``CannotStart`` if there is no manifest."""
    window = Window(_midnight(since), _midnight(until))
    try:
        usage = await write_usage_of(datasets, open_store(to), window)
    except (BadUri, DatasetProblem, NothingToReport, StoreError) as error:
        raise CannotStart("CannotStart", str(error)) from error
    about = f"Usage of {', '.join(datasets)}"
    await acreate_table_artifact(spend_by_model(usage), key="usage-by-model", description=about)
    return f"{to.rstrip('/')}/report/usage.html"


def spend_by_model(usage: Usage) -> list[dict[str, str]]:
    """One line per model, dearest first, as text."""
    names = ("results", "succeeded", "refused", "calls")
    return [
        {"model": str(row["model"]), **{name: f"{row[name]:,}" for name in names}, "cost": money(row["cost_usd"])}
        for row in usage.by_model.to_dict("records")
    ]


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)
