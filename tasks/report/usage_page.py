"""The usage report as one page: figures, charts and tables, no data behind them and no network."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import pandas as pd

from tasks.report import charts
from tasks.report.page import asset, build_page
from tasks.report.usage import OUTCOMES, Usage, Window

ROWS_MOST = 400
DAYS_MOST = 400


def render_usage(usage: Usage, names: Sequence[str], window: Window, *, gallery: bool) -> bytes:
    """The page. ``gallery``: whether ``index.html`` stands beside it."""
    parts = [
        _figures(usage),
        _section("Spend by day", _days(usage.by_day)),
        _section("Cost by model", _ranked_cost(usage.by_model), _table(usage.by_model, _MODEL)),
        _section("How results ended", _LEGEND + _outcomes(usage.by_model)),
        _section("Time to a result: median to 95th percentile", _latency(usage.by_model)),
        _section("By month", _table(usage.by_month.iloc[::-1], _MONTH)),
        _section("By day", _table(usage.by_day.iloc[::-1], _DAY)),
        _section("Refusals by tag", _table(usage.by_tag, _TAG)),
        _section("Calls that went wrong", _table(usage.by_error, _ERROR)),
    ]
    if len(usage.by_dataset) > 1:
        parts.insert(1, _section("By dataset", _table(usage.by_dataset, {"dataset": ("dataset", str), **_RESULTS})))
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    body = asset("usage.html").format(
        datasets=escape(" · ".join(names)),
        made=f"{_span(window)} · made {made}",
        gallery='<a href="index.html">Gallery</a>' if gallery else "",
        content="\n".join(parts),
    )
    return build_page(title="Usage · Printroom", body=body, styles=("page.css", "usage.css"), scripts=("theme.js",))


def money(value: Any) -> str:
    """Dollars to the micro-dollar, at least two places; an unknown is a dash."""
    if pd.isna(value):
        return "–"
    whole, _, places = f"{value:,.6f}".partition(".")
    return f"${whole}.{places.rstrip('0').ljust(2, '0')}"


def _count(value: Any) -> str:
    return "–" if pd.isna(value) else f"{int(value):,}"


def _percent(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:.1%}"


def _seconds(value: Any) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.1f} s"


Columns = dict[str, tuple[str, Callable[[Any], str]]]
_RESULTS: Columns = {
    "results": ("results", _count), "succeeded": ("succeeded", _count), "refused": ("refused", _count),
    "failed": ("failed", _count), "unknown": ("unknown", _count), "held": ("held", _count),
    "pending": ("pending", _count), "success_rate": ("success", _percent), "refusal_rate": ("refusal", _percent),
    "cost_usd": ("cost", money), "at_risk_usd": ("possibly more", money),
    "cost_per_success_usd": ("per success", money),
}  # fmt: skip
_MODEL: Columns = {
    "model": ("model", str), **_RESULTS, "calls": ("calls", _count), "retry_rate": ("repeated", _percent),
    "p50_ms": ("p50", _seconds), "p95_ms": ("p95", _seconds),
}  # fmt: skip
_TAG: Columns = {
    "tag": ("tag", str), "value": ("value", str), "results": ("results", _count), "refused": ("refused", _count),
    "refusal_rate": ("refusal", _percent), "success_rate": ("success", _percent), "cost_usd": ("cost", money),
    "cost_per_success_usd": ("per success", money),
}  # fmt: skip
_TIME: Columns = {
    "calls": ("calls", _count), "cost_usd": ("cost", money), "succeeded": ("succeeded", _count),
    "refused": ("refused", _count), "failed": ("failed", _count), "unknown": ("unknown", _count),
    "held": ("held", _count),
}  # fmt: skip
_DAY: Columns = {"day": ("day", str), **_TIME, "cost_7_mean_usd": ("7-day mean", money)}
_MONTH: Columns = {"month": ("month", str), **_TIME, "cost_change": ("change", _percent)}
_ERROR: Columns = {
    "error_class": ("what happened", str), "model": ("model", str), "calls": ("calls", _count),
    "cost_usd": ("known cost", money),
}  # fmt: skip
_LEGEND = "".join(f'<span class="key"><i class="{name}"></i>{name}</span>' for name in OUTCOMES)


def _section(title: str, *body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(body)}</section>" if any(body) else ""


def _figures(usage: Usage) -> str:
    totals = usage.by_dataset
    results, good, cost = totals["results"].sum(), totals["succeeded"].sum(), totals["cost_usd"].sum()
    ended = results - totals["pending"].sum()
    cells = [
        (money(cost), "known cost"),
        (money(totals["at_risk_usd"].sum()), "possibly more: calls whose end is not known"),
        (_count(good), f"of {_count(results)} results succeeded"),
        (_percent(totals["refused"].sum() / ended if ended else float("nan")), "refused"),
        (money(cost / good if good else float("nan")), "per result that succeeded"),
        (_count(totals["calls"].sum()), f"calls, {_count(totals['repeated_calls'].sum())} of them repeated"),
    ]
    inner = "".join(f'<div class="figure"><b>{big}</b><span>{escape(small)}</span></div>' for big, small in cells)
    return f'<div class="figures">{inner}</div>'


def _days(table: pd.DataFrame) -> str:
    recent = table.tail(DAYS_MOST)
    if recent.empty:
        return ""
    return charts.over_time(list(recent["day"]), list(recent["cost_usd"]), list(recent["cost_7_mean_usd"]))


def _ranked_cost(table: pd.DataFrame) -> str:
    rows = [(str(r["model"]), float(r["cost_usd"]), money(r["cost_usd"])) for r in table.head(20).to_dict("records")]
    return charts.ranked(rows, "cost by model") if rows else ""


def _outcomes(table: pd.DataFrame) -> str:
    rows = [
        (str(row["model"]), [(name, int(row[name])) for name in OUTCOMES]) for row in table.head(20).to_dict("records")
    ]
    return charts.stacked(rows, "outcomes by model") if rows else ""


def _latency(table: pd.DataFrame) -> str:
    known = table[table["p50_ms"].notna()].head(20)
    rows = [
        (str(r["model"]), float(r["p50_ms"]), float(r["p95_ms"]), f"{_seconds(r['p50_ms'])} – {_seconds(r['p95_ms'])}")
        for r in known.to_dict("records")
    ]
    return charts.spans(rows, "latency by model") if rows else ""


def _table(table: pd.DataFrame, columns: Columns) -> str:
    if table.empty:
        return '<p class="muted">None.</p>'
    head = "".join(f"<th>{escape(words)}</th>" for words, _ in columns.values())
    lines = "".join(
        "<tr>"
        + "".join(f'<td dir="auto">{escape(show(row[name]))}</td>' for name, (_, show) in columns.items())
        + "</tr>"
        for row in table.head(ROWS_MOST).to_dict("records")
    )
    more = len(table) - ROWS_MOST
    note = f'<p class="muted">{more:,} more rows are in the files of report/usage/.</p>' if more > 0 else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>{note}'


def _span(window: Window) -> str:
    if window.since is None and window.until is None:
        return "all time"
    ends = (bound.strftime("%Y-%m-%d") if bound else "…" for bound in (window.since, window.until))
    return " to ".join(ends)
