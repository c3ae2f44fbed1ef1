"""What a run did, in markdown for people; prompts and messages in it are escaped."""

from catalogs.money import format_usd
from tasks.protocols.redact import printable
from tasks.work.analysis.at_work import decisions
from tasks.work.running.result import RunResult
from tasks.work.running.session import Session
from tasks.work.showing.showcase import Showcase, link_to


def summary_markdown(session: Session, result: RunResult, shown: Showcase) -> str:
    """Counts, money, what did not succeed and why, spend by model, and pictures of one run."""
    gallery = link_to(session.store, "report/index.html")
    lines = [
        f"# {result.succeeded:,} of {result.rows:,} results succeeded",
        "",
        f"Dataset {code(result.dataset)} · manifest {code(result.manifest)} · run {code(result.run_id)}",
        "",
        f"[gallery]({gallery}) {code(f'{result.dataset}/report/index.html')}",
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
                *_missing(shown),
                *_doubtful(session, shown),
                *_models(session, shown),
                *traffic_lines(session),
                *_pictures(shown),
            ]
        )
        + "\n"
    )


def _missing(shown: Showcase) -> list[str]:
    if not shown.counts:
        return []
    lines = ["", "## Not succeeded, by reason", "", "| outcome | reason | rows | which |", "|---|---|---:|---|"]
    for why, count in shown.counts.most_common():
        ids = ", ".join(code(row_id) for row_id in sorted(shown.missing[why]))
        more = f" and {count - len(shown.missing[why]):,} more" if count > len(shown.missing[why]) else ""
        lines.append(cells(why[0], escape(why[1]), f"{count:,}", ids + more))
    return [*lines, "", "To take them up again: run with `only` set to the outcome, or with their ids in `rows`."]


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


def traffic_lines(session: Session) -> list[str]:
    """A section on what the limits decided; nothing before the first call."""
    redactor = session.services.redactor
    said = [escape(redactor.text(line)) for line in decisions(session.services.traffic.snapshot())]
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
