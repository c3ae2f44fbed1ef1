"""The options of each verb, and their way into ``RunOptions``. Names are public interface."""

import argparse
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

from deployments.cli.parsing import UsageMistake
from deployments.cli.values import at_least, day, name, place, price, rate, reader, seconds, usd, words
from tasks.engine.options import RunOptions, alone

JSON_HELP = "print one JSON object as the last line of stdout"
RUNNERS = ("local", "workers", "dask")
OUTCOMES = ("succeeded", "refused", "failed", "unknown", "held", "pending")
ONLY = ("pending", "failed", "refused", "unknown", "held", "all-but-succeeded")


def add_run(parser: argparse.ArgumentParser) -> None:
    """``printroom run``."""
    _add_plan_options(parser)
    parser.add_argument("--yes", action="store_true", help="approve the plan without being asked")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """``printroom plan``: what ``run`` takes, so that a run becomes a plan by one word."""
    _add_plan_options(parser)
    parser.add_argument("--yes", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--compare", action="store_true", help="what the new rows would cost on other models")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def add_status(parser: argparse.ArgumentParser) -> None:
    """``printroom status``."""
    _add_dataset(parser)
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def add_report(parser: argparse.ArgumentParser) -> None:
    """``printroom report``."""
    add = parser.add_argument
    help_text = "a folder or s3://bucket/prefix; repeatable"
    add("--dataset", type=place, required=True, action="append", metavar="URI", help=help_text)
    add("--to", metavar="URI", help="write only the usage report, to here; needed for several datasets")
    add("--since", type=day, metavar="DAY", help="write only the usage report, from this day on (UTC), e.g. 2026-06-01")
    add("--until", type=day, metavar="DAY", help="the same, up to the day before this one (UTC)")
    add(
        "--accept",
        metavar="RULE",
        help="the same; what an accepted picture is, e.g. 'cer<=0.1' (default: all that came)",
    )


def add_verify(parser: argparse.ArgumentParser) -> None:
    """``printroom verify``."""
    _add_dataset(parser)
    parser.add_argument("--rebuild-manifest", action="store_true", help="write the manifest anew from the journal")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def add_reconcile(parser: argparse.ArgumentParser) -> None:
    """``printroom reconcile``."""
    add = parser.add_argument
    add("bill", metavar="BILL.csv", help="the usage export of the gateway's console")
    add("--dataset", required=True, action="append", metavar="URI", help="repeatable: all that this key paid for")
    add("--within", type=float, default=120.0, metavar="S", help="how far a charge's time may be off (default 120)")
    add("--utc-offset", type=float, default=0.0, metavar="H", help="hours of times without a zone; China: 8")
    add("--token", metavar="NAME", help="only lines of the key with this name")
    add("--json", action="store_true", help=JSON_HELP)


def add_expand(parser: argparse.ArgumentParser) -> None:
    """``printroom expand``."""
    parser.add_argument("recipe", metavar="RECIPE.toml", help="columns, axes, zip, sample and exclude")
    parser.add_argument("-o", "--output", required=True, metavar="CATALOG", help="a .csv or .parquet file")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def add_export(parser: argparse.ArgumentParser) -> None:
    """``printroom export``."""
    _add_dataset(parser)
    add = parser.add_argument
    add(
        "--format",
        required=True,
        choices=["imagefolder", "webdataset", "csv"],
        help="for whom: datasets, webdataset, people",
    )
    add("--to", required=True, metavar="DIR", help="a folder: new, empty, or of an earlier export of this kind")
    outcomes = "only results with this outcome; repeatable (default succeeded; the others have no picture)"
    add("--outcome", action="append", default=[], choices=OUTCOMES, metavar="OUTCOME", help=outcomes)
    add("--accept", metavar="RULE", help="only pictures that the rule accepts, e.g. 'cer<=0.1'")
    add("--catalog", action="append", default=[], metavar="NAME", help="only this catalog's; repeatable")
    add(
        "--per-shard",
        type=at_least(1),
        default=1_000,
        metavar="N",
        help="pictures in a WebDataset shard (default 1000)",
    )
    add("--json", action="store_true", help=JSON_HELP)


def add_models(parser: argparse.ArgumentParser) -> None:
    """``printroom models``."""
    parser.add_argument("--cost", type=at_least(1), metavar="N", help="what N pictures cost on each model")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", type=place, required=True, metavar="URI", help="a folder or s3://bucket/prefix")


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("catalogs", nargs="+", metavar="CATALOG", help="CSV or Parquet, local or s3://")
    _add_dataset(parser)
    _add_gateway(parser.add_argument_group("gateway and model").add_argument)
    _add_rows(parser.add_argument_group("which rows").add_argument)
    _add_running(parser.add_argument_group("money, and how it is run").add_argument)


def _add_gateway(add: Callable[..., object]) -> None:
    add("--provider", metavar="NAME", help="apiyi (default), openai or sandbox; or PRINTROOM_PROVIDER")
    add("--model", type=name, metavar="ID", help="use this model for every row; with --only or --rows, for those rows")
    add("--replace-retired", action="store_true", help="use the replacement of a retired model")
    add("--concurrency", type=at_least(1), metavar="N", help="calls in flight per model")
    rpm = "requests per minute of a model; repeatable"
    add("--rpm", type=rate, action="append", default=[], metavar="MODEL=N", help=rpm)
    unknown = "a price the table does not know; repeatable"
    add("--price", type=price, action="append", default=[], metavar="MODEL=USD", help=unknown)
    reads = "who reads rows whose ocr is true (default local)"
    add("--ocr", type=reader, default="local", metavar="local|MODEL|off", help=reads)


def _add_rows(add: Callable[..., object]) -> None:
    only = f"take up these: {', '.join(ONLY)} (default pending: never called, stopped, or failed without a bill)"
    add("--only", choices=ONLY, default="pending", metavar="STATE", help=only)
    add("--rows", type=words, default=(), metavar="ID,ID", help="only these rows")
    add("--again", action="store_true", help="another picture for these rows (raises their take)")
    add("--limit", type=at_least(0), metavar="N", help="buy at most N rows in this run")
    unknown = "after a call whose outcome is unknown: try once more (default), or hold the row"
    add("--on-unknown", choices=["retry", "hold"], default="retry", help=unknown)
    add("--accept", metavar="RULE", help="what counts as accepted, e.g. 'cer<=0.1 and width_px>=1024'")
    takes = "refill: take rejected pictures again, at most N takes a row (default 1: no refill)"
    add("--max-takes", type=at_least(1), default=1, metavar="N", help=takes)
    add("--accepted", type=at_least(1), default=1, metavar="N", help="accepted pictures a row needs (default 1)")


def _add_running(add: Callable[..., object]) -> None:
    add("--max-spend", type=usd, metavar="USD", help="never spend more in this run, worst cases included")
    add("--approve-above", type=usd, metavar="USD", help="ask before a plan that may cost more")
    stem = "the catalog's name in the manifest (default: its file stem)"
    add("--catalog-name", type=name, metavar="NAME", help=stem)
    add("--partitions", type=at_least(1), metavar="N", help="when a dataset is created (default 16); fixed then")
    grace = "seconds that calls in flight get when the run is interrupted (default 20)"
    add("--grace", type=seconds, default=20.0, metavar="S", help=grace)
    add("--runner", choices=RUNNERS, default="local", help="where the work is done (default local)")
    add("--workers", type=at_least(1), metavar="N", help="how many, with --runner workers or dask")


def options_from(args: argparse.Namespace) -> RunOptions:
    """``RunOptions`` of a plan or run; ``UsageMistake`` for what only one process can do."""
    return RunOptions(
        catalogs=tuple(args.catalogs),
        dataset=args.dataset,
        provider=args.provider,
        model=args.model,
        catalog_name=args.catalog_name,
        max_spend_micros=args.max_spend,
        approve_above_micros=args.approve_above,
        only=args.only,
        rows=args.rows,
        again=args.again,
        limit=args.limit,
        concurrency=args.concurrency,
        rpm=dict(args.rpm),
        ocr=args.ocr,
        on_unknown=args.on_unknown,
        prices=dict(args.price),
        replace_retired=args.replace_retired,
        accept=args.accept,
        accepted=args.accepted,
        max_takes=args.max_takes,
        grace_s=args.grace,
        partitions=args.partitions,
        runner=_runner(args),
        workers=args.workers,
    )


def _runner(args: argparse.Namespace) -> Literal["local", "workers", "dask"]:
    """Who does the work; ``UsageMistake`` for what only one process can do."""
    runner: Literal["local", "workers", "dask"] = args.runner
    if runner != "local":
        if problems := list(alone(limit=args.limit, max_takes=args.max_takes)):
            raise UsageMistake(*(f"--{problem.replace('_', '-', 1)}" for problem in problems))
        if runner == "workers" and "PREFECT_API_URL" not in os.environ:
            raise UsageMistake("--runner workers: set PREFECT_API_URL to the server that has the workers (make ui)")
        if runner == "dask" and find_spec("prefect_dask") is None:
            raise UsageMistake("--runner dask: needs the package prefect-dask (.venv/bin/pip install -e '.[dask]')")
    return runner
