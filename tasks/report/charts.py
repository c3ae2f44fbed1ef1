"""The kinds of charts: values in, a ``Chart`` out. What they say is also said by the table beside them."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tasks.report.drawing import Chart, colour, label, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE_PX, HALF_PX = 1280, 640
ROW_PX, NAMES_PX, VALUES_PX = 30, 210, 130
SCALE_PX, DATE_PX = 62, 100
ROWS_MOST = 12


def over_time(labels: Sequence[str], values: Sequence[float], trend: Sequence[float], about: str) -> Chart:
    """Dollars as bars, and the line of their trend where there is one; at most a few hundred bars."""
    width, height, foot, head = WIDE_PX, 260, 28, 22
    top = max([*values, *trend]) or 1.0

    def draw(axes: "Axes") -> None:
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_ylim(-foot / (height - foot - head) * top, top * (1 + head / (height - foot - head)))
        step = _step(top)
        for at in range(int(top / step) + 1):
            axes.axhline(at * step, color=colour("line"), linewidth=1, zorder=0)
            if at:
                _words(axes, -0.5, at * step, _scale(at * step, step), "muted", size=11, right=-10, side="right")
        bar = min(0.74, 46 * len(values) / width)
        axes.bar(range(len(values)), values, bar, color=colour("accent"), zorder=2)
        if len(trend) > 1:
            axes.plot(range(len(trend)), trend, color=colour("refused"), linewidth=2, zorder=3)
        every = max(1, -(-len(labels) * DATE_PX // (width - SCALE_PX)))
        last = len(labels) - 1 if every == 1 else len(labels) - every // 2  # a label further right would be cut
        for at in range(0, last + 1, every):
            _words(axes, at, 0, labels[at], "muted", size=11, up=-18, side="left" if every > 1 else "center")

    return Chart(about, width, height, SCALE_PX, draw)


def ranked(rows: Sequence[tuple[str, float, str]], about: str, tone: str = "accent") -> Chart:
    """Horizontal bars: name, length, the words at its end."""
    rows = rows[:ROWS_MOST]
    most = max((value for _, value, _ in rows), default=0.0) or 1.0

    def draw(axes: "Axes") -> None:
        _rows(axes, [name for name, *_ in rows], most)
        axes.barh(range(len(rows)), [value for _, value, _ in rows], 0.52, color=colour(tone))
        for at, (_, value, words) in enumerate(rows):
            _words(axes, value, at, words, "ink", right=8)

    return _of_rows(about, len(rows), draw)


def spans(rows: Sequence[tuple[str, float, float, str]], about: str) -> Chart:
    """From a median (full dot) to a 95th percentile (ring): name, both values, the words beside them."""
    rows = rows[:ROWS_MOST]
    most = max((high for _, _, high, _ in rows), default=0.0) or 1.0

    def draw(axes: "Axes") -> None:
        _rows(axes, [name for name, *_ in rows], most)
        places = range(len(rows))
        low, high = [row[1] for row in rows], [row[2] for row in rows]
        axes.hlines(places, low, high, color=colour("accent"), linewidth=3, alpha=0.4)
        axes.scatter(high, places, 46, color=colour("surface"), edgecolors=colour("accent"), linewidths=2, zorder=3)
        axes.scatter(low, places, 58, color=colour("accent"), zorder=3)
        for at, (*_, value, words) in enumerate(rows):
            _words(axes, value, at, words, "ink", right=13)

    return _of_rows(about, len(rows), draw)


def stacked(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]], about: str) -> Chart:
    """Shares of a whole: name, then (outcome, count) parts in order; each row fills the width."""
    rows = rows[:ROWS_MOST]

    def draw(axes: "Axes") -> None:
        _rows(axes, [name for name, _ in rows], 1.0)
        wholes = [sum(count for _, count in parts) or 1 for _, parts in rows]
        ends = [0.0] * len(rows)
        for place, (kind, _) in enumerate(rows[0][1] if rows else ()):
            shares = [parts[place][1] / whole for (_, parts), whole in zip(rows, wholes, strict=True)]
            axes.barh(range(len(rows)), shares, 0.52, left=ends, color=colour(kind), edgecolor=colour("surface"))
            ends = [end + share for end, share in zip(ends, shares, strict=True)]
        for at, ((_, parts), whole) in enumerate(zip(rows, wholes, strict=True)):
            good = dict(parts).get("succeeded", 0)
            _words(axes, 1.0, at, f"{good / whole:.1%} of {whole:,}", "ink", right=8)

    return _of_rows(about, len(rows), draw)


def _of_rows(about: str, rows: int, draw: "Callable[[Axes], None]") -> Chart:
    return Chart(about, HALF_PX, rows * ROW_PX + 6, NAMES_PX, draw)


def _rows(axes: "Axes", names: Sequence[str], most: float) -> None:
    """Room for the rows, first on top, their names to the left and words to the right of the longest."""
    axes.set_xlim(0, most * (HALF_PX - NAMES_PX) / (HALF_PX - NAMES_PX - VALUES_PX))
    axes.set_ylim(len(names) - 0.5, -0.5)
    for at, name in enumerate(names):
        _words(axes, 0, at, label(name), "ink", right=-12, side="right")


def _words(
    axes: "Axes", x: float, y: float, text: str, tone: str, *, right: int = 0, up: int = 0, side: str = "left",
    size: float = 12.5,
) -> None:  # fmt: skip
    """Words at a place of the data, so many px beside and above it."""
    axes.annotate(
        plain(text), (x, y), (right, up), textcoords="offset points", ha=side, va="center_baseline", color=colour(tone),
        fontsize=size, annotation_clip=False,
    )  # fmt: skip


def dollars(value: float) -> str:
    """Dollars as exact as a picture needs: the table beside it has the micro-dollars."""
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}" if value >= 0.001 else f"${value:.6f}"


def _step(top: float) -> float:
    """The distance of two to five round marks up to ``top``."""
    power = 10.0 ** math.floor(math.log10(top / 4))
    return next(times * power for times in (1, 2, 2.5, 5, 10) if times * power >= top / 4 * 0.999)


def _scale(value: float, step: float) -> str:
    places = 0 if step >= 1 and step % 1 == 0 else max(2, 1 - math.floor(math.log10(step)))
    return f"${value:,.{places}f}"
