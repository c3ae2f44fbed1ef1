"""Live progress: one line that is rewritten on a terminal, a plain line now and then elsewhere."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from catalogs.money import format_usd
from deployments.cli.output import say
from tasks.engine.running.session import Session

_TERMINAL_S, _PLAIN_S = 0.25, 10.0


@asynccontextmanager
async def show_progress(session: Session) -> AsyncIterator[None]:
    """Show the run's progress on stderr until the block ends."""
    task = asyncio.create_task(_watch(session))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if sys.stderr.isatty():
            print(file=sys.stderr)


async def _watch(session: Session) -> None:
    live = sys.stderr.isatty()
    while True:
        await asyncio.sleep(_TERMINAL_S if live else _PLAIN_S)
        line = progress_line(session)
        if line and live:
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
        elif line:
            say(line)


def progress_line(session: Session) -> str:
    """Done, rate, spend, time left and failures by reason; empty before the first paid call."""
    if not session.is_open:
        return ""
    progress = session.services.progress
    if progress.first_post is None:
        return ""
    elapsed = max(0.001, time.monotonic() - progress.first_post)
    eta = progress.eta_s()
    left = f" · {eta:.0f} s left" if eta is not None and progress.bought < progress.planned else ""
    reasons = "".join(f" · {count} {reason}" for reason, count in progress.reasons.most_common(4))
    risk = f" (+{format_usd(progress.at_risk_micros)}?)" if progress.at_risk_micros else ""
    rests = "".join(f" · {resting}" for resting in _resting(session))
    return (
        f"{progress.bought:,}/{progress.planned:,} done · {progress.in_flight} in flight · "
        f"{progress.bought / elapsed:.1f}/s · {format_usd(progress.cost_micros)}{risk}{left}{rests}{reasons}"
    )


def _resting(session: Session) -> Iterator[str]:
    """Models that make no call at all just now, or why none is made: else a run looks as if it hung."""
    traffic = session.services.traffic.snapshot()
    if traffic["waiting_for_connection"]:
        yield traffic["unreachable"]
    for model, lane in traffic["models"].items():
        if lane["paused_s"] >= 1:
            yield f"{model} rests {lane['paused_s']:.0f} s after rate limits"
