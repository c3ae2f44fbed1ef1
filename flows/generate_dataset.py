"""Prompt catalogs in, an image dataset out: plan, work the partitions wave by wave, commit, summarize."""

import asyncio
from decimal import Decimal
from typing import Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from tasks.commit import commit
from tasks.generate import generate
from tasks.plan import plan
from tasks.settings import read_settings
from tasks.summarize import summarize
from tasks.work.groups import share_out
from tasks.work.options import options_of
from tasks.work.result import RunResult
from tasks.work.session import forget, new_session, prepared


@flow(name="generate_dataset", flow_run_name="{dataset}", persist_result=False)
async def generate_dataset(
    catalogs: list[str],
    dataset: str,
    provider: str | None = None,
    model: str | None = None,
    catalog_name: str | None = None,
    max_spend: Decimal | None = None,
    approve_above: Decimal | None = None,
    only: Literal["pending", "failed", "refused", "unknown", "held", "all-but-succeeded"] = "pending",
    rows: list[str] | None = None,
    again: bool = False,  # noqa: FBT001, FBT002 - a switch in the Prefect form
    limit: int | None = None,
    concurrency: int | None = None,
    rpm: dict[str, float] | None = None,
    ocr: str = "local",
    on_unknown: Literal["retry", "hold"] = "retry",
    price: dict[str, str] | None = None,
    grace: float = 20.0,
    partitions: int | None = None,
) -> State[RunResult]:
    """Generate a dataset: every row of the catalogs bought once, stored, checked and in the manifest.

    Example parameters: ``{"catalogs": ["s3://prompts/summer.csv"], "dataset": "s3://images/summer", "max_spend": 25}``.
    """
    session = prepared() or new_session(
        options_of(locals()), read_settings(provider), str(flow_run.id), say=get_run_logger().info
    )
    log = get_run_logger()
    try:
        log.info("plan: %s", await plan(session.run_id, ", ".join(catalogs)))
        if session.nothing_to_do():
            return final_state(session.idle_result())
        if not session.approved():
            return Completed(name="NotApproved", message=session.approval_message(), data=session.idle_result())
        async with session.opened(resumed=(flow_run.run_count or 1) > 1):
            for wave in range(session.ready_plan.waves):
                works = await session.next_wave(wave)
                groups = share_out(works, session.ready_plan.partitions)
                await asyncio.gather(*(generate(session.run_id, g.label, wave, g.partitions) for g in groups))
            result = await commit(session.run_id)
            await summarize(session.run_id, result)
        log.info("%s of %s results succeeded; see %s", result.succeeded, result.rows, result.manifest)
        return final_state(result)
    finally:
        forget(session.run_id)


def final_state(result: RunResult) -> State[RunResult]:
    """The truth in the UI's words: green = done (with its own name if rows are missing), red = could not do it."""
    if result.stopped == "interrupted":
        return Cancelled(message="interrupted and drained; the next run goes on", data=result)
    if result.stopped == "budget":
        return Completed(name="StoppedAtBudget", message=result.message, data=result)
    if result.stopped is not None:
        return Failed(name="ProviderStopped", message=result.message, data=result)
    if result.succeeded == result.rows:
        return Completed(message=f"{result.succeeded} results, {result.reused} of them reused", data=result)
    rest = ", ".join(
        f"{count} {word}"
        for word in ("refused", "failed", "unknown", "held", "pending")
        if (count := getattr(result, word))
    )
    return Completed(name="CompletedWithFailures", message=f"{result.succeeded} succeeded, {rest}", data=result)
