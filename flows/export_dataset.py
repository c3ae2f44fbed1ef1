"""A dataset out of the store and into a folder that training code can load."""

from typing import Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from tasks import form
from tasks.begin import CannotStart
from tasks.engine.analysis.accepting import accept_rule
from tasks.engine.exporting.export import Asked, Exported
from tasks.export import export


@flow(name="export_dataset", flow_run_name="{dataset} as {format}", persist_result=False)
async def export_dataset(
    dataset: form.Text,
    to: form.Text,
    format: Literal["imagefolder", "webdataset", "csv"] = "imagefolder",  # noqa: A002 - the option's public name
    accept: form.Text | None = None,
    catalogs: form.Texts | None = None,
    per_shard: form.Calls = 1_000,
) -> State[Exported]:
    """Copy the succeeded pictures of a dataset, or those that a rule accepts, with their prompts and their origin.

    Example parameters: {"dataset": "s3://images/summer", "to": "/data/summer", "accept": "cer<=0.1"}.

    Args:
        dataset: A folder or s3://bucket/prefix.
        to: A folder on the worker's machine: new, empty, or of an earlier export of this kind, which it updates.
        format: imagefolder for Hugging Face datasets, webdataset for tar shards, csv for people.
        accept: Only pictures that the rule accepts, for example cer<=0.1 and width_px>=1024.
        catalogs: Only these catalogs' rows.
        per_shard: Pictures in one WebDataset shard.
    """
    asked = Asked(
        dataset=dataset,
        format=format,
        accept=accept_rule(accept),
        catalogs=tuple(catalogs or ()),
        per_shard=per_shard,
    )
    try:
        done = await export(asked, to)
    except CannotStart as reason:
        return Failed(name=reason.state, message=str(reason))
    get_run_logger().info("%s rows, %s pictures in %s", done.rows, done.images, to)
    if done.damaged:
        return Failed(message=f"{len(done.damaged)} pictures are not what the manifest says", data=done)
    return Completed(message=f"{done.images} pictures from commit {done.commit}", data=done)
