"""The usage report as one page: figures, charts and tables, no data behind them and no network.

Charts stand in it as pictures of their own (an SVG each for light and dark): the page's policy allows no inline style.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import pandas as pd

from tasks.report.charts import HALF_PX
from tasks.report.drawing import Chart, data_uri, svg
from tasks.report.figures import count, money, percent, span
from tasks.report.page import asset, build_page
from tasks.report.usage import OUTCOMES, Usage, Window
from tasks.report.usage_charts import charts_of

ROWS_MOST = 400


def render_usage(
    usage: Usage,
    names: Sequence[str],
    window: Window,
    *,
    accept: str | None = None,
    quality: pd.DataFrame | None = None,
    gallery: bool = False,
) -> bytes:
    """The page. ``accept``: the rule that accepted pictures meet; ``gallery``: whether ``index.html`` is beside it.

    ``quality`` has a line per cell: ``cell, value, pictures, near_duplicates, diversity, blank, size_wrong``.
    """
    drawn = defaultdict(str, {name: _picture(chart) for name, chart in charts_of(usage).items()})
    parts = [
        _figures(usage, accept),
        _section("Spend by day", drawn["days"] and _DAYS_KEY + drawn["days"]),
        _pair(
            _section("Cost by model", drawn["cost"]),
            _section("Cost of an accepted picture", drawn["accepted"]),
            _section("How results ended", drawn["outcomes"] and _LEGEND + drawn["outcomes"]),
            _section("Time to a result", drawn["latency"] and _LATENCY_KEY + drawn["latency"]),
        ),
        _section("By model", _table(usage.by_model, _MODEL)),
        _section("By month", drawn["months"], _table(usage.by_month.iloc[::-1], _MONTH)),
        _section("By day", _table(usage.by_day.iloc[::-1], _DAY)),
        _section("Refusals by template value and tag", drawn["refusals"], _table(usage.by_tag, _TAG)),
        _section("Quality by model and template value", "" if quality is None else _NOTE + _table(quality, _QUALITY)),
        _section("Calls that went wrong", _table(usage.by_error, _ERROR)),
    ]
    if len(usage.by_dataset) > 1:
        parts.insert(1, _section("By dataset", _table(usage.by_dataset, {"dataset": ("dataset", str), **_RESULTS})))
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    body = asset("usage.html").format(
        datasets=escape(" · ".join(names)),
        made=f"{window} · made {made}",
        gallery='<a href="index.html">Gallery</a>' if gallery else "",
        content="\n".join(parts),
    )
    return build_page(title="Usage · Printroom", body=body, styles=("page.css", "usage.css"), scripts=("theme.js",))


def _rounded(value: Any) -> str:
    return money(round(value, 6))


Columns = dict[str, tuple[str, Callable[[Any], str]]]
_RESULTS: Columns = {
    "results": ("results", count), "succeeded": ("succeeded", count), "refused": ("refused", count),
    "failed": ("failed", count), "unknown": ("unknown", count), "held": ("held", count),
    "pending": ("pending", count), "success_rate": ("success", percent), "refusal_rate": ("refusal", percent),
    "cost_usd": ("cost", money), "at_risk_usd": ("possibly more", money),
    "accepted": ("accepted", count), "cost_per_accepted_usd": ("per accepted", _rounded),
}  # fmt: skip
_MODEL: Columns = {
    "model": ("model", str), **_RESULTS, "calls": ("calls", count), "retry_rate": ("repeated", percent),
    "p50_ms": ("p50", span), "p95_ms": ("p95", span),
}  # fmt: skip
_TAG: Columns = {
    "tag": ("tag", str), "value": ("value", str), "results": ("results", count), "refused": ("refused", count),
    "refusal_rate": ("refusal", percent), "success_rate": ("success", percent), "cost_usd": ("cost", money),
    "accepted": ("accepted", count), "cost_per_accepted_usd": ("per accepted", _rounded),
}  # fmt: skip
_TIME: Columns = {
    "calls": ("calls", count), "cost_usd": ("cost", money), "succeeded": ("succeeded", count),
    "refused": ("refused", count), "failed": ("failed", count), "unknown": ("unknown", count),
    "held": ("held", count),
}  # fmt: skip
_DAY: Columns = {"day": ("day", str), **_TIME, "cost_7_mean_usd": ("7-day mean", money)}
_MONTH: Columns = {"month": ("month", str), **_TIME, "cost_change": ("change", percent)}
_QUALITY: Columns = {
    "cell": ("kind", str), "value": ("value", str), "pictures": ("pictures", count),
    "near_duplicates": ("near-duplicates", count), "diversity": ("diversity", percent), "blank": ("blank", count),
    "size_wrong": ("wrong size", count),
}  # fmt: skip
_NOTE = (
    '<p class="muted note">Near-duplicates are pictures beyond the first of a group that look alike; '
    "diversity is 100 % where pictures differ as unrelated ones do.</p>"
)
_ERROR: Columns = {
    "error_class": ("what happened", str), "model": ("model", str), "calls": ("calls", count),
    "cost_usd": ("known cost", money),
}  # fmt: skip


def _key(**classes: str) -> str:
    return "".join(f'<span class="key"><i class="{name}"></i>{escape(words)}</span>' for name, words in classes.items())


_LEGEND = _key(**{name: name for name in OUTCOMES})
_DAYS_KEY = _key(bar="known cost of the day", line="mean of 7 days")
_LATENCY_KEY = _key(dot="median", ring="95th percentile")


def _section(title: str, *body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(body)}</section>" if any(body) else ""


def _pair(*sections: str) -> str:
    return f'<div class="halves">{"".join(sections)}</div>' if any(sections) else ""


def _picture(chart: Chart) -> str:
    """The chart in light and in dark; the style sheet shows one."""
    half = " half" if chart.width_px <= HALF_PX else ""
    images = (
        f'<img class="chart {theme}{half}" alt="{escape(chart.about)}" width="{chart.width_px}" '
        f'height="{chart.height_px}" src="{data_uri("image/svg+xml", body.encode())}">'
        for theme, body in zip(("in-light", "in-dark"), svg(chart), strict=True)
    )
    return f'<div class="scroll chart-box">{"".join(images)}</div>'


def _figures(usage: Usage, accept: str | None) -> str:
    totals = usage.by_dataset
    results, good, cost = totals["results"].sum(), totals["succeeded"].sum(), totals["cost_usd"].sum()
    ended = results - totals["pending"].sum()
    cells = [
        (money(cost), "known cost"),
        (money(totals["at_risk_usd"].sum()), "possibly more: calls whose end is not known"),
        (count(good), f"of {count(results)} results succeeded"),
        (percent(totals["refused"].sum() / ended if ended else float("nan")), "refused"),
        (money(_each(totals)), "per accepted picture" + (f": {accept}" if accept else " (every one that came)")),
        (count(totals["calls"].sum()), f"calls, {count(totals['repeated_calls'].sum())} of them repeated"),
    ]
    inner = "".join(f'<div class="figure"><b>{big}</b><span>{escape(small)}</span></div>' for big, small in cells)
    return f'<div class="figures">{inner}</div>'


def _each(totals: pd.DataFrame) -> float:
    """Dollars per accepted picture over everything, to the micro-dollar; NaN without one."""
    spent, good = (totals["cost_per_accepted_usd"] * totals["accepted"]).sum(), totals["accepted"].sum()
    return round(spent / good, 6) if good else float("nan")


def _table(table: pd.DataFrame, columns: Columns) -> str:
    if table.empty:
        return '<p class="muted">None.</p>'
    words = {name: ' class="words"' if show is str else "" for name, (_, show) in columns.items()}
    head = "".join(f"<th{words[name]}>{escape(title)}</th>" for name, (title, _) in columns.items())
    lines = "".join(
        "<tr>"
        + "".join(f'<td{words[name]} dir="auto">{escape(show(row[name]))}</td>' for name, (_, show) in columns.items())
        + "</tr>"
        for row in table.head(ROWS_MOST).to_dict("records")
    )
    more = len(table) - ROWS_MOST
    note = f'<p class="muted">{more:,} more rows are in the files of report/usage/.</p>' if more > 0 else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>{note}'
