"""``printroom report``: write the gallery and the usage report again, or the usage of any datasets in any span."""

import argparse
import asyncio

from deployments.cli.output import usage_problem
from deployments.cli.parsing import UsageMistake
from deployments.cli.preparing import existing_dataset, planning_mistakes
from tasks.engine.analysis.reporting import NothingToReport, days, write_report, write_usage_of
from tasks.engine.running.result import EXIT_OK
from tasks.storage.open import open_store


def main(args: argparse.Namespace) -> int:
    """Write the pages and say where they are."""
    alone = any((args.to, args.since, args.until, args.accept))
    if len(args.dataset) > 1 and args.to is None:
        raise UsageMistake("several datasets: --to must say where their common usage report goes")
    with planning_mistakes(as_json=False) as mistakes:
        try:
            asyncio.run(_usage(args) if alone else _report(args.dataset[0]))
        except NothingToReport as error:
            mistakes.exit_code = usage_problem(str(error), as_json=False)
    return mistakes.exit_code or EXIT_OK


async def _report(dataset: str) -> None:
    report = await write_report(await existing_dataset(dataset))
    root, thumbs = dataset.rstrip("/"), report.gallery.thumbs
    print(f"gallery   {root}/{report.gallery.pages[0]}\nusage     {root}/{report.usage}")
    print(f"{len(thumbs.present):,} thumbnails, {thumbs.made:,} of them new")


async def _usage(args: argparse.Namespace) -> None:
    to = args.to or args.dataset[0]
    for dataset in args.dataset:
        await existing_dataset(dataset)
    await write_usage_of(args.dataset, open_store(to), days(args.since, args.until), args.accept)
    print(f"usage     {to.rstrip('/')}/report/usage.html\ntables    {to.rstrip('/')}/report/usage/*.parquet and *.csv")
