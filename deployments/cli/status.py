"""``printroom status``: what the dataset holds and what is in flight, from the journal alone."""

import argparse
import asyncio
from typing import Any

from catalogs.money import format_usd, json_usd
from deployments.cli.output import print_json, table
from deployments.cli.preparing import existing_dataset, planning_mistakes
from tasks.engine.analysis.status import DatasetStatus, dataset_status
from tasks.engine.running.result import EXIT_OK

MOST_UNKNOWNS = 20


def main(args: argparse.Namespace) -> int:
    """Read every partition's journal and print the sums."""
    with planning_mistakes(as_json=args.json) as mistakes:
        status = asyncio.run(_status(args.dataset))
        if args.json:
            print_json(as_dict(status, args.dataset))
        else:
            _show(status, args.dataset)
        mistakes.exit_code = EXIT_OK
    return mistakes.exit_code


async def _status(uri: str) -> DatasetStatus:
    return await dataset_status(await existing_dataset(uri))


def as_dict(status: DatasetStatus, dataset: str) -> dict[str, Any]:
    """The status for ``--json``; money as decimal strings."""
    return {
        "dataset": dataset,
        "rows": sum(status.outcomes.values()),
        **{name: status.outcomes.get(name, 0) for name in _OUTCOMES},
        "reasons": dict(status.reasons),
        "in_flight": status.in_flight,
        "cost_usd": json_usd(status.cost_micros),
        "cost_at_risk_usd": json_usd(status.at_risk_micros),
        "catalogs": {name: dict(counts) for name, counts in sorted(status.catalogs.items())},
        "unknown_attempts": [
            {"row_id": u.row_id, "catalog": u.catalog, "model": u.model, "reason": u.reason, "at": u.at,
             "at_risk_usd": json_usd(u.cap_micros)}
            for u in status.unknowns
        ],
        "partitions": status.partitions,
        "owners": status.owners,
        "at_work": [{**each.said, "silent_s": round(each.silent_s, 1)} for each in status.at_work],
    }  # fmt: skip


_OUTCOMES = ("succeeded", "refused", "failed", "unknown", "held", "pending")


def _show(status: DatasetStatus, dataset: str) -> None:
    rows = [["catalog", *_OUTCOMES]]
    rows += [
        [name, *(f"{counts.get(outcome, 0):,}" for outcome in _OUTCOMES)]
        for name, counts in sorted(status.catalogs.items())
    ]
    print(f"{dataset}: {sum(status.outcomes.values()):,} results, {status.in_flight} calls in flight")
    print(table(rows, right=frozenset(range(1, 7))))
    risk = f", possibly {format_usd(status.at_risk_micros)} more" if status.at_risk_micros else ""
    print(f"known cost {format_usd(status.cost_micros)}{risk}")
    for reason, count in status.reasons.most_common():
        print(f"  {count:,} × {reason}")
    for unknown in status.unknowns[:MOST_UNKNOWNS]:
        print(
            f"unknown: {unknown.catalog}/{unknown.row_id} ({unknown.model}, {unknown.reason}, {unknown.at}), "
            f"at most {format_usd(unknown.cap_micros)}"
        )
    if more := status.unknowns[MOST_UNKNOWNS:]:
        print(f"… and {len(more):,} more, at most {format_usd(sum(u.cap_micros for u in more))}; --json lists them all")
    for owner in status.owners:
        print(owner)
    for process in status.at_work:
        print("\n  ".join([f"at work: {process.line}", *process.details()]))
