"""``printroom reconcile``: a gateway's usage export against the call log of one or more datasets."""

import argparse
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from catalogs.models import UnknownModel, find_model
from catalogs.money import format_usd, json_usd
from deployments.cli.output import print_json, say
from deployments.cli.parsing import UsageMistake
from tasks.engine.running.result import EXIT_DAMAGED, EXIT_OK
from tasks.manifest.reconcile import Pair, Reconciliation, RecordedCall, reconcile
from tasks.manifest.usage_export import BillLine, UnreadableExport, read_export

_SHOWN = 20


def main(args: argparse.Namespace) -> int:
    """Compare and print; exit 0 if bill and log agree, 1 if not, 2 if one of them cannot be read."""
    try:
        export = read_export(Path(args.bill).read_bytes(), utc_offset_h=args.utc_offset, token=args.token)
        calls = [call for uri in args.dataset for call in recorded_calls(uri)]
    except UnreadableExport as error:
        raise UsageMistake(f"{args.bill}: {error}") from None
    except (OSError, ValueError) as error:
        raise UsageMistake(str(error)) from None
    found = reconcile(export.lines, calls, canonical=_model_id, within=timedelta(seconds=args.within))
    if args.json:
        print_json(as_dict(found, args.bill, args.dataset, export.ignored))
    else:
        _show(found, export.ignored)
    return EXIT_OK if found.agrees else EXIT_DAMAGED


def recorded_calls(uri: str) -> list[RecordedCall]:
    """The call log of a dataset's newest commit."""
    from tasks.manifest.readers import read_calls

    names = ["call_id", "row_id", "catalog", "model", "started_at", "finished_at", "billed", "cost_usd", "request_id"]
    rows = read_calls(uri).select(names).to_pylist()
    return [
        RecordedCall(cost_micros=None if usd is None else int(usd.scaleb(6)), **row)
        for row in rows
        for usd in [row.pop("cost_usd")]
    ]


def _model_id(spelling: str) -> str:
    try:
        return find_model(spelling).id
    except UnknownModel:
        return spelling


def as_dict(found: Reconciliation, bill: str, datasets: list[str], ignored: int) -> dict[str, Any]:
    """The comparison for ``--json``; money as decimal strings."""
    return {
        "bill": bill,
        "datasets": datasets,
        "agrees": found.agrees,
        "matched": len(found.matched),
        "matched_usd": json_usd(sum(line.cost_micros for line, _ in found.matched)),
        "billed_not_recorded": [_line(line) for line in found.billed_not_recorded],
        "recorded_not_billed": [_call(call) for call in found.recorded_not_billed],
        "different_amount": _pairs(found.different_amount),
        "billed_as_free": _pairs(found.billed_as_free),
        "unknown_billed": _pairs(found.unknown_billed),
        "unknown_not_billed": [_call(call) for call in found.unknown_not_billed],
        "calls_outside_the_period": found.outside,
        "lines_ignored": ignored,
    }


def _pairs(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    return [{"bill": _line(line), "call": _call(call)} for line, call in pairs]


def _line(line: BillLine) -> dict[str, Any]:
    return {
        "line": line.line, "at": line.at.isoformat(), "model": line.model, "cost_usd": json_usd(line.cost_micros),
        "request_id": line.request_id,
    }  # fmt: skip


def _call(call: RecordedCall) -> dict[str, Any]:
    return {
        "call_id": call.call_id, "catalog": call.catalog, "row_id": call.row_id, "model": call.model,
        "started_at": call.started_at.isoformat(), "billed": call.billed,
        "cost_usd": None if call.cost_micros is None else json_usd(call.cost_micros), "request_id": call.request_id,
    }  # fmt: skip


def _show(found: Reconciliation, ignored: int) -> None:
    total = format_usd(sum(line.cost_micros for line, _ in found.matched))
    print(f"{len(found.matched):,} charges agree with the call log ({total})")
    _list("billed but not recorded", [_line_text(line) for line in found.billed_not_recorded])
    _list("recorded but not billed", [_call_text(call) for call in found.recorded_not_billed])
    _list("billed at another amount", [_pair_text(pair) for pair in found.different_amount])
    _list("billed although recorded as free", [_pair_text(pair) for pair in found.billed_as_free])
    _list("unknown calls that were billed", [_pair_text(pair) for pair in found.unknown_billed])
    if found.unknown_not_billed:
        print(f"{len(found.unknown_not_billed):,} unknown calls are not on this bill")
    if found.outside:
        say(f"{found.outside:,} calls lie outside the period of the bill and were not looked at")
    if ignored:
        say(f"{ignored:,} lines of the bill are no charges of this key")


def _list(what: str, texts: list[str]) -> None:
    if texts:
        more = [f"… and {len(texts) - _SHOWN:,} more (--json lists all)"] if len(texts) > _SHOWN else []
        print("\n  ".join([f"{len(texts):,} {what}:", *texts[:_SHOWN], *more]))


def _line_text(line: BillLine) -> str:
    return f"line {line.line}: {line.at:%Y-%m-%d %H:%M:%S} UTC {line.model!r} {format_usd(line.cost_micros)}"


def _call_text(call: RecordedCall) -> str:
    where = f"{call.catalog}/{call.row_id}"
    return f"{where!r} {call.started_at:%Y-%m-%d %H:%M:%S} UTC {call.model} {format_usd(call.cost_micros)}"


def _pair_text(pair: Pair) -> str:
    return f"{_line_text(pair[0])} = {_call_text(pair[1])}"
