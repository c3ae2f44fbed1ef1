"""How a run stands at this moment, in markdown, and the moments that deserve an alarm."""

import time

from catalogs.money import format_usd
from tasks.engine.running.session import Session
from tasks.engine.shared.progress import Progress
from tasks.engine.showing.digest import cells, escape, traffic_lines

_BAR = 40
_LEAST_DONE, _LEAST_RATE, _TIMES_USUAL = 20, 0.2, 3.0


def progress_markdown(session: Session) -> str:
    """Done, rate, spend, time left and failures by reason."""
    progress = session.services.progress
    limit = session.options.max_spend_micros
    lines = [
        f"# {progress.bought:,} of {progress.planned:,} calls done",
        "",
        f"`{_bar(progress)}`",
        "",
        "| done | in flight | rate | left | spent | possibly more | budget |",
        "|---:|---:|---:|---:|---:|---:|---:|",
        cells(
            f"{progress.bought:,} of {progress.planned:,}",
            f"{progress.in_flight:,}",
            _rate(progress),
            _left(progress),
            format_usd(progress.cost_micros),
            format_usd(progress.at_risk_micros),
            "no limit" if limit is None else format_usd(limit),
        ),
    ]
    if session.stop.stopped:
        message = escape(session.services.redactor.text(session.stop.message))
        lines += ["", f"**Stopping ({session.stop.reason}):** {message}"]
    if progress.reasons:
        lines += ["", "| not succeeded | rows |", "|---|---:|"]
        lines += [f"| {escape(reason)} | {count:,} |" for reason, count in progress.reasons.most_common()]
    ended = progress.bought >= progress.planned and not progress.in_flight
    return "\n".join([*lines, *traffic_lines(session, ended=ended)]) + "\n"


def _bar(progress: Progress) -> str:
    part = min(1.0, progress.bought / progress.planned) if progress.planned else 1.0
    full = int(part * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)} {part:.0%}"


def _rate(progress: Progress) -> str:
    if progress.first_post is None:
        return "–"
    per_s = progress.bought / max(0.001, time.monotonic() - progress.first_post)
    return f"{per_s:.1f}/s" if per_s >= 1 else f"{60 * per_s:.1f}/min"


def _left(progress: Progress) -> str:
    eta_s = progress.eta_s()
    if eta_s is None or progress.bought >= progress.planned:
        return "–"
    return f"{eta_s:.0f} s" if eta_s < 90 else f"{eta_s / 60:.0f} min" if eta_s < 5400 else f"{eta_s / 3600:.1f} h"


def refusals_jumped(session: Session) -> bool:
    """Whether far more is refused than this dataset is used to: a fifth or more, and three times the usual."""
    progress, before = session.services.progress, session.ready_plan.summary.outcomes
    if progress.bought < _LEAST_DONE:
        return False
    known = before.get("refused", 0) + before.get("succeeded", 0)
    usual = before.get("refused", 0) / known if known else 0.0
    return progress.outcomes["refused"] / progress.bought >= max(_LEAST_RATE, _TIMES_USUAL * usual)
