"""A plan on the terminal."""

from datetime import date

from catalogs.calculator import compare
from catalogs.money import format_usd
from deployments.cli.output import say, table
from tasks.work.plan import Plan


def show_plan(plan: Plan) -> None:
    """The one line, then the models, then what deserves a second look."""
    summary = plan.summary
    print(summary.line())
    if summary.models:
        rows = [["model", "rows", "new", "estimated", "at most"]]
        rows += [
            [name, f"{s.rows:,}", f"{s.new:,}", format_usd(s.estimate_micros), format_usd(s.cap_micros)]
            for name, s in sorted(summary.models.items())
        ]
        print(table(rows, right=frozenset({1, 2, 3, 4})))
    for each in summary.replacements.values():
        say(f"replaced: {each.line()}")
    for text in summary.retired:
        say(f"note: {text.partition(': ')[2]}")
    for text in summary.warnings:
        say(f"warning: {text}")


def show_comparison(plan: Plan) -> None:
    """What as many new pictures would cost on each model that can make them."""
    new = sum(share.new for share in plan.summary.models.values())
    rows = [["model", f"{new:,} pictures", "from", "to", "life cycle"]]
    rows += [
        [r.model.id, format_usd(r.expected_micros), format_usd(r.low_micros), format_usd(r.high_micros),
         r.retirement or "current"]
        for r in compare(new, today=date.today())  # noqa: DTZ011 - a life cycle has days, not zones
    ]  # fmt: skip
    print(table(rows, right=frozenset({1, 2, 3})))
