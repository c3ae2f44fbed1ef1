"""What one or many datasets used and cost, in any span of days: a page, tables for BI tools, an artifact."""

from datetime import date

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from tasks import form
from tasks.begin import CannotStart
from tasks.report_usage import report_usage


def _name() -> str:
    return f"usage of {', '.join(flow_run.parameters['datasets'])}"


@flow(name="usage_report", flow_run_name=_name, persist_result=False)
async def usage_report(
    datasets: form.Texts,
    to: form.Text | None = None,
    since: date | None = None,
    until: date | None = None,
    accept: form.Text | None = None,
) -> State[str]:
    """Measure datasets together; write report/usage.html and, for BI tools, report/usage/*.parquet and *.csv.

    Example parameters: {"datasets": ["s3://images/summer"], "since": "2026-06-01", "until": "2026-07-01"}.

    Args:
        datasets: Folders or s3://bucket/prefix.
        to: Where the report goes. Left out, into the dataset; with several datasets it must be given.
        since: First day, UTC.
        until: First day that is not measured any more, UTC.
        accept: What an accepted picture is, e.g. cer <= 0.1 and width_px >= 1024. Left out: every picture that came.
    """
    if to is None and len(datasets) > 1:
        return Failed(name="CannotStart", message="several datasets: `to` must say where their common report goes")
    try:
        page = await report_usage(datasets, to or datasets[0], since, until, accept)
    except CannotStart as reason:
        return Failed(name=reason.state, message=str(reason))
    return Completed(message=page, data=page)
