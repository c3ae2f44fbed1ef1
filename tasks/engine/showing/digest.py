"""What a run did, in markdown for people; prompts and messages in it are escaped."""

from collections.abc import Mapping
from urllib.parse import unquote

from catalogs.money import format_usd
from tasks.engine.analysis.at_work import decisions
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import Session
from tasks.engine.showing.showcase import Showcase, linker
from tasks.protocols.redact import printable
from tasks.report.wording import REASONS


def summary_markdown(
    session: Session, result: RunResult, shown: Showcase, again: Mapping[str, str] | None = None
) -> str:
    """Counts, money, what did not succeed and why, spend by model, and pictures of one run.

    ``again``: for an outcome, the address of a form that takes up the rows that have it.
    """
    lines = [
        f"# {result.succeeded:,} of {result.rows:,} results succeeded",
        "",
        f"Dataset {code(result.dataset)} · manifest {code(result.manifest)} · run {code(result.run_id)}",
        "",
        _gallery(session, result),
        "",
        "| reused | refused | failed | unknown | held | pending | cost | possibly more |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
        cells(
            *(f"{count:,}" for count in (result.reused, result.refused, result.failed)),
            *(f"{count:,}" for count in (result.unknown, result.held, result.pending)),
            format_usd(result.cost_micros),
            format_usd(result.at_risk_micros),
        ),
    ]
    if result.message:
        lines += ["", f"**Stopped ({result.stopped}):** {escape(session.services.redactor.text(result.message))}"]
    return (
        "\n".join(
            [
                *lines,
                *_missing(shown, again or {}),
                *_doubtful(session, shown),
                *_models(session, shown),
                *traffic_lines(session, ended=True),
                *_pictures(shown),
            ]
        )
        + "\n"
    )


def _gallery(session: Session, result: RunResult) -> str:
    """A link for a browser anywhere; a file's own path, since no browser follows a link from a page to a file."""
    link = linker(session.store)("report/index.html")
    if link.startswith("http"):
        return f"[gallery]({link}) {code(f'{result.dataset}/report/index.html')}"
    path = unquote(link.removeprefix("file://"))
    return f"Gallery, a file where the run was: {code(path)}. Links to pictures are such paths too: copy, do not click."


def _missing(shown: Showcase, again: Mapping[str, str]) -> list[str]:
    if not shown.counts:
        return []
    lines = ["", "## Not succeeded, by reason", "", "| outcome | why | rows | which |", "|---|---|---:|---|"]
    for (outcome, reason), count in shown.counts.most_common():
        which = shown.missing[outcome, reason]
        ids = ", ".join(code(row_id) for row_id in sorted(which))
        more = f" and {count - len(which):,} more" if count > len(which) else ""
        why = f"{code(reason)} {REASONS.get(reason, '')}" if reason else ""
        lines.append(cells(outcome, why, f"{count:,}", ids + more))
    there = {outcome for outcome, _ in shown.counts}
    forms = " · ".join(f"[{outcome}]({link})" for outcome, link in again.items() if outcome in there)
    here = f"the form, filled in for what is {forms}; or " if forms else ""
    how = f"To take them up again: {here}a run with `only` set to the outcome, or with their ids in `rows`."
    return [*lines, "", how]


def _doubtful(session: Session, shown: Showcase) -> list[str]:
    """What succeeded and deserves a look all the same."""
    spare_s = session.services.progress.least_spare_s
    said = [
        f"- {count:,} {what}"
        for count, what in (
            (shown.blank, "of one colour throughout (`blank`)"),
            (shown.other_size, "not of the size that was asked for (`size_as_requested`)"),
        )
        if count
    ]
    if spare_s is not None:
        said.append(f"- one stored only {spare_s:.1f} s before its URL died: fewer calls in flight would help")
    return ["", "## Pictures worth a look", "", *said] if said else []


def _models(session: Session, shown: Showcase) -> list[str]:
    lines = ["", "## Spend by model", "", "| model | rows | decided in this run | cost |", "|---|---:|---:|---:|"]
    return lines + [
        cells(escape(name), f"{share.rows:,}", f"{shown.bought[name]:,}", format_usd(shown.spend_micros[name]))
        for name, share in sorted(session.ready_plan.summary.models.items())
    ]


def _pictures(shown: Showcase) -> list[str]:
    if not shown.pictures:
        return []
    lines = ["", "## Pictures", "", "| picture | | row | model | prompt |", "|---|---|---|---|---|"]
    for picture in shown.pictures:
        seen = f"![]({picture.thumb})" if picture.thumb else ""
        prompt = picture.prompt if len(picture.prompt) <= 120 else f"{picture.prompt[:119]}…"
        told = (escape(text) for text in (picture.row_id, picture.model, prompt))
        lines.append(cells(seen, f"[open]({picture.link})", *told))
    return lines


def traffic_lines(session: Session, *, ended: bool = False) -> list[str]:
    """A section on what the limits decided; nothing before the first call, and at the end only if they did."""
    redactor = session.services.redactor
    traffic = session.services.traffic.snapshot()
    if ended:
        traffic["models"] = {name: lane for name, lane in traffic["models"].items() if lane["rate_limited"]}
    said = [escape(redactor.text(line)) for line in decisions(traffic)]
    return ["", "## Limits", "", *(f"- {line}" for line in said)] if said else []


def cells(*texts: str) -> str:
    """One line of a table."""
    return f"| {' | '.join(texts)} |"


def code(text: str) -> str:
    """``text`` in a code span: nothing in it is markdown, and it cannot leave its table cell."""
    return f"`{printable(text).replace('`', 'ˋ').replace('|', '¦')}`"


def escape(text: str) -> str:
    """Markdown that shows exactly ``text``: no links, no HTML, no table cells of its own."""
    plain = printable(text).replace("&", "&amp;").replace("<", "&lt;")
    for mark in "\\`*_{}[]()#+!|~":
        plain = plain.replace(mark, f"\\{mark}")
    return plain.replace("://", ":&#47;&#47;").replace("www.", "www&#46;").replace("@", "&#64;")
