"""A dataset against its own records: every image read again, every part compared. Spends nothing."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from tasks import form
from tasks.begin import CannotStart
from tasks.engine.analysis.verifying import Verified
from tasks.verify import verify


@flow(name="verify_dataset", flow_run_name="verify {dataset}", persist_result=False)
async def verify_dataset(
    dataset: form.Text,
    rebuild_manifest: bool = False,  # noqa: FBT001, FBT002 - a switch in the Prefect form
) -> State[Verified]:
    """Verify a dataset: re-read every image and part; fail if anything is missing, torn or not what was recorded.

    Args:
        dataset: A folder or s3://bucket/prefix.
        rebuild_manifest: First write the manifest anew from the journal.
    """
    try:
        verified = await verify(dataset, rebuild_manifest=rebuild_manifest)
    except CannotStart as reason:
        return Failed(name=reason.state, message=str(reason))
    report = verified.report
    if report.ok:
        return Completed(message=f"{report.rows:,} rows, {report.images:,} images, all as recorded", data=verified)
    return Failed(name="Damaged", message=f"{len(report.findings):,} findings, see the artifact", data=verified)
