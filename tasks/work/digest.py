"""What a run did, in markdown for people; prompts and messages in it are escaped."""

from catalogs.money import format_usd
from tasks.protocols.redact import printable
from tasks.work.result import RunResult
from tasks.work.session import Session


def summary_markdown(session: Session, result: RunResult) -> str:
    """Counts, money, spend by model and failures by reason of one run."""
    plan, progress = session.ready_plan, session.services.progress
    lines = [
        f"# {result.succeeded:,} of {result.rows:,} results succeeded",
        "",
        f"Dataset `{escape(result.dataset)}` · manifest `{escape(result.manifest)}` · run `{result.run_id}`",
        "",
        "| reused | refused | failed | unknown | held | pending | cost | possibly more |",
        "|---|---|---|---|---|---|---|---|",
        _cells(
            *(f"{count:,}" for count in (result.reused, result.refused, result.failed)),
            *(f"{count:,}" for count in (result.unknown, result.held, result.pending)),
            format_usd(result.cost_micros),
            format_usd(result.at_risk_micros),
        ),
    ]
    if result.message:
        lines += ["", f"**Stopped ({result.stopped}):** {escape(session.services.redactor.text(result.message))}"]
    lines += ["", "## Models", "", "| model | rows | new in this run | estimated |", "|---|---|---|---|"]
    lines += [
        f"| {escape(name)} | {share.rows:,} | {share.new:,} | {format_usd(share.estimate_micros)} |"
        for name, share in sorted(plan.summary.models.items())
    ]
    if progress.reasons:
        lines += ["", "## Not succeeded, by reason", "", "| reason | rows |", "|---|---|"]
        lines += [f"| {escape(reason)} | {count:,} |" for reason, count in progress.reasons.most_common()]
    return "\n".join(lines) + "\n"


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Markdown that shows exactly ``text``: no links, no HTML, no table cells of its own."""
    plain = printable(text).replace("&", "&amp;").replace("<", "&lt;")
    for mark in "\\`*_{}[]()#+!|~":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
