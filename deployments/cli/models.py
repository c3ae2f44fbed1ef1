"""``printroom models``: the model table, and what N pictures cost on each (the seeds' calculator)."""

import argparse
from datetime import date
from typing import Any

from catalogs.calculator import Comparison, compare
from catalogs.models import MODELS, retirement
from catalogs.money import format_usd, json_usd
from catalogs.types import Model
from deployments.cli.output import print_json, table
from tasks.engine.running.result import EXIT_OK


def main(args: argparse.Namespace) -> int:
    """Print the table, or the comparison."""
    today = date.today()  # noqa: DTZ011 - a life cycle has days, not zones
    if args.cost:
        return _cost(compare(args.cost, today=today), args.cost, as_json=args.json)
    facts = [_facts(model, today) for model in MODELS.values()]
    if args.json:
        print_json({"models": facts})
        return EXIT_OK
    rows = [["model", "does", "price", "sizes or ratios", "per min", "n", "URL lives", "life cycle"]]
    rows += [
        [f["id"], "/".join(f["operations"]), f["price"] or "unknown", _short(f["sizes"] or f["ratios"]),
         str(f["rpm"] or "-"), str(f["max_n"]), _life(f["url_ttl_s"], f["result"]), f["life_cycle"] or "current"]
        for f in facts
    ]  # fmt: skip
    print(table(rows, right=frozenset({4, 5})))
    return EXIT_OK


def _facts(model: Model, today: date) -> dict[str, Any]:
    return {
        "id": model.id,
        "title": model.title,
        "family": model.family,
        "aliases": list(model.aliases),
        "operations": list(model.formats),
        "price": model.price.name if model.price else None,
        "price_as_of": model.price.as_of.isoformat() if model.price else None,
        "sizes": list(model.sizes),
        "ratios": list(model.ratios),
        "max_n": model.max_n,
        "rpm": model.rpm,
        "concurrency": model.concurrency,
        "timeout_s": model.timeout_s,
        "url_ttl_s": model.url_ttl_s,
        "result": model.result,
        "mask": model.mask,
        "life_cycle": retirement(model, today),
        "retired_on": model.retired_on.isoformat() if model.retired_on else None,
        "replacement": list(model.replacement),
        "source": model.source,
    }


def _cost(rows: list[Comparison], count: int, *, as_json: bool) -> int:
    if as_json:
        listed = [
            {"model": r.model.id, "usd": _usd(r.expected_micros), "low_usd": _usd(r.low_micros),
             "high_usd": _usd(r.high_micros), "assumption": r.assumption, "life_cycle": r.retirement}
            for r in rows
        ]  # fmt: skip
        print_json({"pictures": count, "models": listed})
        return EXIT_OK
    shown = [["model", f"{count:,} pictures", "from", "to", "assuming", "life cycle"]]
    shown += [
        [r.model.id, _dollars(r.expected_micros), _dollars(r.low_micros), _dollars(r.high_micros), r.assumption,
         r.retirement or "current"]
        for r in rows
    ]  # fmt: skip
    print(table(shown, right=frozenset({1, 2, 3})))
    return EXIT_OK


def _usd(micros: int | None) -> str | None:
    return None if micros is None else json_usd(micros)


def _dollars(micros: int | None) -> str:
    return format_usd(micros)


def _short(values: list[str]) -> str:
    return " ".join(values[:3]) + (f" +{len(values) - 3}" if len(values) > 3 else "") or "-"


def _life(url_ttl_s: int | None, result: str) -> str:
    if result in ("b64", "text"):
        return "-"
    if url_ttl_s is None:
        return "unknown"
    return f"{url_ttl_s // 60} min" if url_ttl_s < 7200 else f"{url_ttl_s // 3600} h"
