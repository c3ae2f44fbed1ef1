"""Step: read a dataset again and say what is not as it was recorded."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.begin import CannotStart
from tasks.engine.analysis.verifying import Verified
from tasks.engine.analysis.verifying import verify as verify_store
from tasks.engine.showing.digest import code, escape
from tasks.journal.errors import DatasetProblem, StoreDown
from tasks.show import show
from tasks.storage.open import BadUri, open_store
from tasks.storage.store import StoreError

MOST_LINES = 200


@task(name="verify", task_run_name="verify {dataset}", cache_policy=NO_CACHE, persist_result=False)
async def verify(dataset: str, *, rebuild_manifest: bool = False) -> Verified:
    """Read every image and part of ``dataset``. ``CannotStart`` if it is not there or cannot be read."""
    try:
        verified = await verify_store(open_store(dataset), rebuild=rebuild_manifest)
    except (BadUri, DatasetProblem, StoreDown, StoreError) as error:
        raise CannotStart("CannotStart", str(error)) from error
    await show(dataset, "verified", verified_markdown(verified), f"Verification of {dataset}")
    return verified


def verified_markdown(verified: Verified) -> str:
    """What was read and every finding, the first ``MOST_LINES`` of them."""
    report = verified.report
    lines = [
        f"# {'Everything is as recorded' if report.ok else f'{len(report.findings):,} findings'}",
        "",
        f"Commit {report.commit}: {report.rows:,} rows, {report.images:,} images, {report.size_bytes:,} bytes read.",
    ]
    if verified.rebuilt:
        lines += ["", f"The manifest was rebuilt; {len(verified.differing)} partitions differed."]
    if report.findings:
        lines += ["", "| what | object | detail |", "|---|---|---|"]
        lines += [f"| {f.kind} | {code(f.key)} | {escape(f.detail)} |" for f in report.findings[:MOST_LINES]]
    return "\n".join(lines) + "\n"
