"""A plan on the terminal."""

import sys
from datetime import date

from catalogs.models import MODELS
from catalogs.money import format_usd
from deployments.cli.output import say, table
from tasks.engine.planning.comparing import OnModel, on_other_models
from tasks.engine.planning.planned import Plan
from tasks.engine.planning.summary import PlanSummary

NOTES = 3  # more retired models than that are named in one line


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
    sys.stdout.flush()  # before what is said on stderr, also in a pipe
    say_notes(summary)


def say_notes(summary: PlanSummary) -> None:
    """What deserves a second look before anything is bought."""
    for each in summary.replacements.values():
        say(f"replaced: {each.line()}")
    if leaving := summary.leaving():
        say(f"note: {leaving}")
    if summary.new or summary.waiting:
        _show_notes(summary)
    for text in summary.warnings:
        say(f"warning: {text}")


def _show_notes(summary: PlanSummary) -> None:
    """What a buyer may want to change first; a run that buys nothing has no use for it."""
    if len(summary.retired) > NOTES:
        names = ", ".join(text.partition(" ")[0] for text in summary.retired)
        say(f"note: retired, or soon to be: {names}; `printroom models` names their successors")
    else:
        for text in summary.retired:
            say(f"note: {text}")
    for text in summary.hints:
        say(f"hint: {text}")


def compared(plan: Plan) -> list[OnModel]:
    """The plan's new calls on every model that can make them, at the provider's prices and the user's own."""
    models = [plan.table.get(name) for name in MODELS]
    return on_other_models(plan.summary.shapes, models, today=date.today())  # noqa: DTZ011 - a life cycle has days


def show_comparison(plan: Plan) -> None:
    """What the plan's new calls would cost on each model that can make them."""
    rows = [["model", "calls", "estimated", "at most", "life cycle"]]
    rows += [
        [each.model.id, f"{each.calls:,} of {each.of:,}", format_usd(each.estimate_micros),
         format_usd(each.cap_micros), _life(each)]
        for each in compared(plan)
    ]  # fmt: skip
    print(table(rows, right=frozenset({1, 2, 3})))


def _life(each: OnModel) -> str:
    return (each.retirement or "current").partition(";")[0].removeprefix(f"{each.model.id} ")
