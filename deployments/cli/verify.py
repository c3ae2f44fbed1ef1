"""``printroom verify``: re-read every image and part, compare with what was recorded; rebuild the manifest if asked."""

import argparse
import asyncio
from dataclasses import asdict
from typing import Any

from deployments.cli.output import print_json, say
from deployments.cli.preparing import existing_dataset, planning_mistakes
from tasks.engine.analysis.verifying import Verified, verify
from tasks.engine.running.result import EXIT_DAMAGED, EXIT_OK


def main(args: argparse.Namespace) -> int:
    """Verify and print every finding; exit 1 if there is one."""
    with planning_mistakes(as_json=args.json) as mistakes:
        verified = asyncio.run(_verified(args.dataset, rebuild=args.rebuild_manifest))
        mistakes.exit_code = EXIT_OK if verified.report.ok else EXIT_DAMAGED
        if args.json:
            print_json(_as_dict(verified, args.dataset))
        else:
            _show(verified)
    return mistakes.exit_code


async def _verified(uri: str, *, rebuild: bool) -> Verified:
    return await verify(await existing_dataset(uri), rebuild=rebuild)


def _as_dict(verified: Verified, dataset: str) -> dict[str, Any]:
    report = verified.report
    return {
        "dataset": dataset,
        "ok": report.ok,
        "commit": report.commit,
        "rows": report.rows,
        "images": report.images,
        "size_bytes": report.size_bytes,
        "rebuilt": verified.rebuilt,
        "differing_partitions": list(verified.differing),
        "findings": [asdict(finding) for finding in report.findings],
    }


def _show(verified: Verified) -> None:
    report = verified.report
    if verified.rebuilt:
        differing = f"; it differed in partitions {list(verified.differing)}" if verified.differing else ""
        print(f"manifest rebuilt from the journal as commit {report.commit}{differing}")
    print(f"commit {report.commit}: {report.rows:,} rows, {report.images:,} images, {report.size_bytes:,} bytes read")
    for finding in report.findings:
        say(f"{finding.kind}: {finding.key}: {finding.detail}")
    print("everything is as recorded" if report.ok else f"{len(report.findings):,} findings")
