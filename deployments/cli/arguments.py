"""The options of each verb, and their way into ``RunOptions``. Names are public interface."""

import argparse
from collections.abc import Callable, Iterable

from catalogs.money import parse_usd
from tasks.work.options import RunOptions


class UsageMistake(Exception):
    """Something the user typed cannot be meant; the message is the one clear line."""


def add_run(parser: argparse.ArgumentParser) -> None:
    """``printroom run``."""
    _add_plan_options(parser)
    parser.add_argument("--yes", action="store_true", help="approve the plan without being asked")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line of stdout")
    parser.add_argument("--runner", choices=["local", "workers", "dask"], default="local")
    parser.add_argument("--workers", type=_at_least(1), metavar="N")


def add_plan(parser: argparse.ArgumentParser) -> None:
    """``printroom plan``."""
    _add_plan_options(parser)
    parser.add_argument("--yes", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="the plan as one JSON object")
    parser.add_argument("--compare", action="store_true", help="what the new rows would cost on other models")


def add_status(parser: argparse.ArgumentParser) -> None:
    """``printroom status``."""
    parser.add_argument("--dataset", required=True, metavar="URI")
    parser.add_argument("--json", action="store_true")


def add_report(parser: argparse.ArgumentParser) -> None:
    """``printroom report``."""
    parser.add_argument("--dataset", required=True, metavar="URI")


def add_verify(parser: argparse.ArgumentParser) -> None:
    """``printroom verify``."""
    parser.add_argument("--dataset", required=True, metavar="URI")
    parser.add_argument("--rebuild-manifest", action="store_true", help="write the manifest anew from the journal")
    parser.add_argument("--json", action="store_true")


def add_models(parser: argparse.ArgumentParser) -> None:
    """``printroom models``."""
    parser.add_argument("--cost", type=_at_least(1), metavar="N", help="what N pictures cost on each model")
    parser.add_argument("--json", action="store_true")


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("catalogs", nargs="+", metavar="CATALOG", help="CSV or Parquet, local or s3://")
    add("--dataset", required=True, metavar="URI", help="a folder or s3://bucket/prefix")
    add("--provider", metavar="NAME", help="apiyi (default), openai or sandbox; or PRINTROOM_PROVIDER")
    add("--model", metavar="ID", help="use this model for every row")
    add("--catalog-name", metavar="NAME", help="the catalog's name in the manifest (default: its file stem)")
    add("--max-spend", metavar="USD", help="never spend more in this run, worst cases included")
    add("--approve-above", metavar="USD", help="ask before a plan that may cost more")
    add("--only", choices=["pending", "failed", "refused", "unknown", "held", "all-but-succeeded"], default="pending")
    add("--rows", metavar="ID,ID", help="only these rows")
    add("--again", action="store_true", help="another picture for these rows (raises their take)")
    add("--limit", type=_at_least(0), metavar="N", help="buy at most N rows in this run")
    add("--concurrency", type=_at_least(1), metavar="N", help="calls in flight per model")
    add("--rpm", action="append", default=[], metavar="MODEL=N", help="requests per minute of a model")
    add("--ocr", default="local", metavar="local|MODEL|off", help="who reads rows whose ocr is true")
    add("--on-unknown", choices=["retry", "hold"], default="retry", help="what follows a call with unknown outcome")
    add("--price", action="append", default=[], metavar="MODEL=USD", help="a price the table does not know")
    add("--replace-retired", action="store_true", help="use the replacement of a retired model")
    add("--accept", metavar="RULE", help="what counts as accepted, e.g. 'cer<=0.1 and width_px>=1024'")
    add("--grace", type=float, default=20.0, metavar="S", help="seconds for calls in flight when interrupted")
    add("--partitions", type=_at_least(1), metavar="N", help="when a dataset is created; default 16")


def options_from(args: argparse.Namespace) -> RunOptions:
    """``RunOptions`` of a plan or run; ``UsageMistake`` for money, limits or models that cannot be read."""
    return RunOptions(
        catalogs=tuple(args.catalogs),
        dataset=args.dataset,
        provider=args.provider,
        model=args.model,
        catalog_name=args.catalog_name,
        max_spend_micros=_money(args.max_spend, "--max-spend"),
        approve_above_micros=_money(args.approve_above, "--approve-above"),
        only=args.only,
        rows=tuple(part.strip() for part in (args.rows or "").split(",") if part.strip()),
        again=args.again,
        limit=args.limit,
        concurrency=args.concurrency,
        rpm={model: _positive(value, "--rpm") for model, value in _pairs(args.rpm, "--rpm")},
        ocr=_reader(args.ocr),
        on_unknown=args.on_unknown,
        prices=dict(_checked_prices(args.price)),
        replace_retired=args.replace_retired,
        accept=args.accept,
        grace_s=args.grace,
        partitions=args.partitions,
    )


def _pairs(texts: Iterable[str], option: str) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise UsageMistake(f"{option} {text}: give MODEL=NUMBER, e.g. {option} sora_image=10")
        yield _model_id(name, option), value


def _model_id(name: str, option: str) -> str:
    from catalogs.models import UnknownModel, find_model

    try:
        return find_model(name).id
    except UnknownModel as error:
        raise UsageMistake(f"{option}: {error}") from None


def _reader(text: str) -> str:
    return text if text in ("local", "off") else _model_id(text, "--ocr")


def _checked_prices(texts: list[str]) -> Iterable[tuple[str, str]]:
    for model, usd in _pairs(texts, "--price"):
        _money(usd, "--price")
        yield model, usd


def _money(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_usd(text)
    except ValueError as error:
        raise UsageMistake(f"{option} {text}: {error}") from None


def _positive(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UsageMistake(f"{option}: {text!r} is not a number above 0")
    return value


def _at_least(low: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"must be {low} or more")
        return value

    whole.__name__ = "whole number"
    return whole
