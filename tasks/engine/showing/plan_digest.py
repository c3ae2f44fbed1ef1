"""A plan in markdown, for the run's page and for approval: what would be reused, bought and left, and its price."""

from catalogs.money import format_usd
from tasks.engine.planning.planned import Plan
from tasks.engine.planning.summary import ModelShare, PlanSummary
from tasks.engine.problems import InvalidCatalog
from tasks.engine.showing.digest import cells, escape

MOST_LINES = 100


def plan_markdown(plan: Plan) -> str:
    """Rows by what becomes of them, by model, with money, time, retired models and warnings."""
    summary = plan.summary
    lines = [
        f"# Plan: {summary.new:,} new of {summary.rows:,} results",
        "",
        f"{escape(summary.line())}",
        "",
        "| results | |",
        "|---|---:|",
        *(cells(name, f"{count:,}") for name, count in _counts(summary) if count),
        cells("estimated", format_usd(summary.estimate_micros)),
        cells("**at most**", f"**{format_usd(summary.cap_micros)}**"),
        "",
        "## By model",
        "",
        "| model | rows | new | estimated | at most |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        cells(escape(name), f"{share.rows:,}", f"{share.new:,}", *_money(share))
        for name, share in sorted(summary.models.items())
    ]
    lines += _section("Retired or retiring models", summary.retired)
    lines += _section("Without a price: not bought", [f"{name}: {n:,} rows" for name, n in summary.unpriced.items()])
    lines += _section("Replaced models", [each.line() for each in summary.replacements.values()])
    lines += _section("No longer current", [leaving] if (leaving := summary.leaving()) else [])
    lines += _section("Warnings", summary.warnings)
    lines += _section("Hints on prompts", summary.hints)
    return "\n".join(lines) + "\n"


def _counts(summary: PlanSummary) -> list[tuple[str, int]]:
    return [
        ("reused: there already", summary.reused),
        ("new: will be bought", summary.new),
        ("readings of pictures", summary.readings),
        ("waiting for another row", summary.waiting),
        *((f"left as they are: {outcome}", count) for outcome, count in sorted(summary.left.items())),
    ]


def _money(priced: PlanSummary | ModelShare) -> tuple[str, str]:
    return format_usd(priced.estimate_micros), format_usd(priced.cap_micros)


def problems_markdown(error: InvalidCatalog) -> str:
    """Every problem of the catalogs that were refused; past ``MOST_LINES`` only how many more."""
    return "\n".join([f"# {error.total:,} problems, nothing was spent", *_section("Problems", error.lines)]) + "\n"


def _section(title: str, texts: list[str]) -> list[str]:
    if not texts:
        return []
    more = [f"- and {len(texts) - MOST_LINES:,} more"] if len(texts) > MOST_LINES else []
    return ["", f"## {title}", "", *(f"- {escape(text)}" for text in texts[:MOST_LINES]), *more]
