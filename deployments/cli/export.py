"""``printroom export``: training-ready copies of a dataset. Reads the dataset, changes nothing in it."""

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

from deployments.cli.output import print_json, say
from deployments.cli.parsing import UsageMistake
from deployments.cli.preparing import existing_dataset, planning_mistakes
from tasks.engine.analysis.accepting import accept_rule
from tasks.engine.exporting.export import Asked, Exported, NotOurs, export
from tasks.engine.running.result import EXIT_DAMAGED, EXIT_OK


def main(args: argparse.Namespace) -> int:
    """Export, and say what the folder holds; exit 1 if a picture is not what the manifest says."""
    with planning_mistakes(as_json=args.json) as mistakes:
        asked = Asked(
            dataset=args.dataset, format=args.format, outcomes=tuple(args.outcome) or ("succeeded",),
            accept=accept_rule(args.accept), catalogs=tuple(args.catalog), per_shard=args.per_shard,
        )  # fmt: skip
        try:
            done = asyncio.run(_export(args.dataset, asked, Path(args.to)))
        except (NotOurs, FileNotFoundError) as error:
            raise UsageMistake(str(error)) from None
        mistakes.exit_code = _report(done, args)
    return mistakes.exit_code


async def _export(uri: str, asked: Asked, to: Path) -> Exported:
    return await export(await existing_dataset(uri), asked, to)


def _report(done: Exported, args: argparse.Namespace) -> int:
    for finding in done.damaged:
        say(f"left out: {finding}")
    if args.json:
        print_json({"to": args.to, **asdict(done)})
    else:
        left = f", {done.left_out:,} other rows left out" if done.left_out else ""
        print(f"{args.to}: {done.rows:,} rows, {done.images:,} pictures ({done.copied:,} copied now){left}")
    return EXIT_DAMAGED if done.damaged else EXIT_OK
