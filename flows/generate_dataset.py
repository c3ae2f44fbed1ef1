"""Prompt catalogs in, an image dataset out: plan, work the partitions wave by wave, commit, summarize."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from tasks import form
from tasks.approve import approved
from tasks.begin import CannotStart, begun
from tasks.commit import commit
from tasks.engine.running.result import RunResult
from tasks.hand_out import work_wave
from tasks.plan import plan
from tasks.show import shown
from tasks.summarize import summarize


@flow(name="generate_dataset", flow_run_name="{dataset}", persist_result=False)
async def generate_dataset(
    catalogs: form.Texts,
    dataset: form.Text,
    provider: form.ProviderName | None = None,
    model: form.Text | None = None,
    catalog_name: form.Text | None = None,
    max_spend: form.Usd | None = None,
    approve_above: form.Usd | None = None,
    only: form.Only = "pending",
    rows: form.Texts | None = None,
    again: bool = False,  # noqa: FBT001, FBT002 - a switch in the Prefect form
    limit: form.Count | None = None,
    concurrency: form.Calls | None = None,
    rpm: form.Rpms | None = None,
    ocr: form.Text = "local",
    on_unknown: form.OnUnknown = "retry",
    price: dict[str, str] | None = None,
    replace_retired: bool = False,  # noqa: FBT001, FBT002 - a switch in the Prefect form
    accept: form.Text | None = None,
    accepted: form.Calls = 1,
    max_takes: form.Calls = 1,
    grace: form.Seconds = 20.0,
    partitions: form.Partitions | None = None,
    runner: form.Runner = "local",
    workers: form.Workers | None = None,
) -> State[RunResult]:
    """Generate a dataset: every row of the catalogs bought once, stored, checked and in the manifest.

    Example parameters: {"catalogs": ["s3://prompts/summer.csv"], "dataset": "s3://images/summer", "max_spend": 25}.
    A plain rerun takes up what is missing and never pays twice for a picture. The API key comes from the worker's
    environment or a Secret block, never from this form.

    Args:
        catalogs: Prompt catalogs, CSV or Parquet: paths on the worker's machine or s3:// addresses.
        dataset: Where the images, the manifest and the gallery are: a folder or s3://bucket/prefix, new or not.
        provider: The gateway. Left out, the worker's own setting decides (PRINTROOM_PROVIDER). sandbox draws for free.
        model: Use this model for every row, whatever the catalog says; with only or rows, for those rows.
        catalog_name: The catalog's name in the manifest, if it is not to be its file name.
        max_spend: The most this run may spend, in USD, its retries and possible charges included.
        approve_above: Ask before a plan that may cost more than this, in USD; the run waits for the answer.
        only: Which rows are taken up. pending is what a plain rerun means; the others take up what it leaves.
        rows: Only these row ids.
        again: Buy another picture for these rows, although they have one.
        limit: Buy at most so many rows in this run.
        concurrency: Calls in flight per model, if the model table's figure is not yours.
        rpm: Requests per minute by model, for example {"sora_image": 10}, if your account's limit is another.
        ocr: Who reads the pictures of rows that ask for it: local (free), off, or a vision model's id.
        on_unknown: After a call whose outcome nobody knows and that may be charged: retry it once, or hold the row.
        price: USD per picture by model, for example {"my-model": "0.02"}, where the table has no price.
        replace_retired: Use the successor of a model that is retired.
        accept: What counts as accepted, for example cer<=0.1 and width_px>=1024.
        accepted: Accepted pictures a row needs; with max_takes, rejected pictures are taken again until it has them.
        max_takes: The most takes of a row, refills included. 1 means that nothing is taken again.
        grace: Seconds for calls in flight when the run is cancelled. A worker kills a run after 30.
        partitions: Partitions of a new dataset; 16 if left out. Fixed when the dataset is made.
        runner: Where the work is done: in this run, by child runs on the work pool, or on a Dask cluster.
        workers: How many child runs or Dask workers.
    """
    try:
        async with begun(dict(locals())) as session:
            log = get_run_logger()
            log.info("plan: %s", await plan(session.run_id, ", ".join(catalogs)))
            if session.nothing_to_do():
                return final_state(await session.idle())
            if not await approved(session):
                return Completed(name="NotApproved", message=session.approval_message(), data=session.idle_result())
            async with session.opened(resumed=(flow_run.run_count or 1) > 1), shown(session):
                for wave in range(session.ready_plan.waves):
                    await work_wave(session, wave, await session.next_wave(wave))
                result = await commit(session.run_id)
                await summarize(session.run_id, result)
            log.info("%s of %s results succeeded; see %s", result.succeeded, result.rows, result.manifest)
            return final_state(result)
    except CannotStart as reason:
        return Failed(name=reason.state, message=str(reason), data=reason.__cause__)


def final_state(result: RunResult) -> State[RunResult]:
    """The truth in the UI's words: green = done (with its own name if rows are missing), red = could not do it."""
    if result.stopped == "interrupted":
        return Cancelled(message="interrupted and drained; the next run goes on", data=result)
    if result.stopped == "budget":
        return Completed(name="StoppedAtBudget", message=result.message, data=result)
    if result.stopped == "store_down":
        return Failed(name="StoreDown", message=result.message, data=result)
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
