"""``printroom report``: write the gallery and the usage report again, with every thumbnail."""

import argparse
import asyncio

from deployments.cli.output import usage_problem
from deployments.cli.preparing import existing_dataset, planning_mistakes
from tasks.work.reporting import NothingToReport, write_report
from tasks.work.result import EXIT_OK


def main(args: argparse.Namespace) -> int:
    """Write the pages and say where they are."""
    with planning_mistakes(as_json=False) as mistakes:
        mistakes.exit_code = asyncio.run(_report(args.dataset))
    return mistakes.exit_code


async def _report(dataset: str) -> int:
    try:
        report = await write_report(await existing_dataset(dataset))
    except NothingToReport as error:
        return usage_problem(str(error), as_json=False)
    root, thumbs = dataset.rstrip("/"), report.gallery.thumbs
    print(f"gallery   {root}/{report.gallery.pages[0]}\nusage     {root}/{report.usage}")
    print(f"{len(thumbs.present):,} thumbnails, {thumbs.made:,} of them new")
    return EXIT_OK
