"""A plan on the terminal."""

from catalogs.money import format_usd
from deployments.cli.output import say, table
from tasks.work.plan import Plan


def show_plan(plan: Plan, *, compare: bool = False) -> None:
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
    for text in summary.warnings:
        say(text)
