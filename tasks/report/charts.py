"""Charts as inline SVG: they follow the page's light or dark theme, print sharply, and need no script."""

from collections.abc import Sequence
from html import escape

WIDTH, ROW_PX, LABEL_PX, VALUE_PX = 960, 30, 220, 120


def over_time(labels: Sequence[str], values: Sequence[float], trend: Sequence[float], show: str = "${:,.2f}") -> str:
    """Bars with a line through them; at most a few hundred labels. Values in the unit of ``show``."""
    height, base, top = 240, 205, 26
    most = max([*values, *trend, 0.0]) or 1.0
    step = WIDTH / max(1, len(values))
    wide = min(64.0, max(0.6, step * 0.76))
    bars = "".join(
        f'<rect class="bar" x="{(i + 0.5) * step - wide / 2:.1f}" y="{base - (base - top) * v / most:.1f}" '
        f'width="{wide:.1f}" height="{(base - top) * v / most:.1f}" rx="1.5">'
        f"<title>{escape(labels[i])}: {escape(show.format(v))}</title></rect>"
        for i, v in enumerate(values)
    )
    points = " ".join(f"{(i + 0.5) * step:.1f},{base - (base - top) * v / most:.1f}" for i, v in enumerate(trend))
    line = f'<polyline class="trend" points="{points}"/>' if len(trend) > 1 else ""
    every = max(1, -(-len(labels) // 8))
    ticks = "".join(
        f'<text class="tick" x="{(i + 0.5) * step:.1f}" y="{base + 20}" text-anchor="{_anchor(i, len(labels))}">'
        f"{escape(labels[i])}</text>"
        for i in range(0, len(labels), every)
    )
    scale = (
        f'<line class="rule" x1="0" x2="{WIDTH}" y1="{top}" y2="{top}"/><text class="tick" x="0" y="{top - 7}">'
        f'{escape(show.format(most))}</text><line class="rule" x1="0" x2="{WIDTH}" y1="{base}" y2="{base}"/>'
    )
    return _svg(height, scale + bars + line + ticks, "over time")


def ranked(rows: Sequence[tuple[str, float, str]], title: str) -> str:
    """Horizontal bars: name, length, the words at its end."""
    most = max((value for _, value, _ in rows), default=0.0) or 1.0
    room = WIDTH - LABEL_PX - VALUE_PX
    body = "".join(
        f'{_label(name, i)}<rect class="bar" x="{LABEL_PX}" y="{i * ROW_PX + 7}" height="16" rx="3" '
        f'width="{max(1.0, room * value / most):.1f}"><title>{escape(name)}: {escape(words)}</title></rect>'
        f'<text x="{LABEL_PX + max(1.0, room * value / most) + 8:.1f}" y="{i * ROW_PX + 20}">{escape(words)}</text>'
        for i, (name, value, words) in enumerate(rows)
    )
    return _svg(len(rows) * ROW_PX + 4, body, title)


def spans(rows: Sequence[tuple[str, float, float, str]], title: str) -> str:
    """From a median to a 95th percentile: name, both values, the words beside them."""
    most = max((high for _, _, high, _ in rows), default=0.0) or 1.0
    room = WIDTH - LABEL_PX - VALUE_PX - 40
    body = "".join(
        f'{_label(name, i)}<line class="span" x1="{LABEL_PX + room * low / most:.1f}" '
        f'x2="{LABEL_PX + room * high / most:.1f}" y1="{i * ROW_PX + 15}" y2="{i * ROW_PX + 15}"/>'
        f'<circle class="dot" cx="{LABEL_PX + room * low / most:.1f}" cy="{i * ROW_PX + 15}" r="5.5">'
        f"<title>{escape(name)}: {escape(words)}</title></circle>"
        f'<text x="{LABEL_PX + room * high / most + 12:.1f}" y="{i * ROW_PX + 20}">{escape(words)}</text>'
        for i, (name, low, high, words) in enumerate(rows)
    )
    return _svg(len(rows) * ROW_PX + 4, body, title)


def stacked(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]], title: str) -> str:
    """Shares of a whole: name, then (class, count) parts in order; each row fills the width."""
    room = WIDTH - LABEL_PX - VALUE_PX
    body = ""
    for i, (name, parts) in enumerate(rows):
        whole, at = sum(count for _, count in parts) or 1, float(LABEL_PX)
        body += _label(name, i)
        for kind, count in parts:
            width = room * count / whole
            body += (
                f'<rect class="{escape(kind)}" x="{at:.1f}" y="{i * ROW_PX + 7}" width="{width:.1f}" height="16">'
                f"<title>{escape(name)}: {count:,} {escape(kind)}</title></rect>"
            )
            at += width
        good = next((count for kind, count in parts if kind == "succeeded"), 0)
        body += f'<text x="{at + 8:.1f}" y="{i * ROW_PX + 20}">{good:,} of {whole:,}</text>'
    return _svg(len(rows) * ROW_PX + 4, body, title)


def _anchor(at: int, count: int) -> str:
    """Where a tick's text hangs: the outermost ones inwards, or the edge would cut them."""
    if count > 8 and at == 0:
        return "start"
    return "end" if count > 8 and at == count - 1 else "middle"


def _label(name: str, row: int) -> str:
    short = name if len(name) <= 30 else f"{name[:29]}…"
    return f'<text class="name" x="{LABEL_PX - 12}" y="{row * ROW_PX + 20}" text-anchor="end">{escape(short)}</text>'


def _svg(height: float, body: str, title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{body}</svg>'
