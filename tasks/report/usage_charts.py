"""Which charts the usage of datasets is shown with. One bar says nothing: a chart needs two."""

from typing import Any

import pandas as pd

from tasks.report.charts import ROWS_MOST, dollars, over_time, ranked, spans, stacked
from tasks.report.drawing import Chart
from tasks.report.figures import money, percent, span
from tasks.report.usage import OUTCOMES, Usage

DAYS_MOST = 400
LEAST_RESULTS = 5  # below that a rate is an anecdote


def charts_of(usage: Usage) -> dict[str, Chart]:
    """By name: days, months, cost, accepted, outcomes, latency, refusals; those that have something to compare."""
    drawn = {
        "days": _days(usage.by_day),
        "months": _months(usage.by_month),
        "cost": _cost(usage.by_model),
        "accepted": _accepted(usage.by_model),
        "outcomes": _outcomes(usage.by_model),
        "latency": _latency(usage.by_model),
        "refusals": _refusals(usage.by_tag),
    }
    return {name: chart for name, chart in drawn.items() if chart is not None}


def _days(table: pd.DataFrame) -> Chart | None:
    recent = table.tail(DAYS_MOST)
    if len(recent) < 2:
        return None
    about = (
        f"Spend by day, {recent['day'].iloc[0]} to {recent['day'].iloc[-1]}, at most {money(recent['cost_usd'].max())}"
    )
    return over_time(list(recent["day"]), list(recent["cost_usd"]), list(recent["cost_7_mean_usd"]), about)


def _months(table: pd.DataFrame) -> Chart | None:
    if len(table) < 2:
        return None
    about = f"Spend by month, at most {money(table['cost_usd'].max())}"
    return over_time(list(table["month"]), list(table["cost_usd"]), [], about)


def _cost(table: pd.DataFrame) -> Chart | None:
    rows = [(str(r["model"]), float(r["cost_usd"]), dollars(r["cost_usd"])) for r in _head(table)]
    return _compared(rows, "Cost by model")


def _accepted(table: pd.DataFrame) -> Chart | None:
    known = table[table["cost_per_accepted_usd"].notna()].sort_values("cost_per_accepted_usd")
    rows = [
        (str(r["model"]), float(r["cost_per_accepted_usd"]), dollars(r["cost_per_accepted_usd"])) for r in _head(known)
    ]
    return _compared(rows, "Cost of an accepted picture by model", tone="succeeded")


def _outcomes(table: pd.DataFrame) -> Chart | None:
    rows = [(str(row["model"]), [(name, int(row[name])) for name in OUTCOMES]) for row in _head(table)]
    return stacked(rows, "How results ended, by model: shares of each outcome") if len(rows) > 1 else None


def _latency(table: pd.DataFrame) -> Chart | None:
    known = table[table["p50_ms"].notna()].sort_values("p50_ms")
    rows = [
        (str(r["model"]), float(r["p50_ms"]), float(r["p95_ms"]), f"{span(r['p50_ms'])} – {span(r['p95_ms'])}")
        for r in _head(known)
    ]
    return spans(rows, "Time to a result by model: median and 95th percentile") if len(rows) > 1 else None


def _refusals(table: pd.DataFrame) -> Chart | None:
    known = table[(table["results"] >= LEAST_RESULTS) & (table["refused"] > 0)]
    rows = [
        (f"{r['tag']} = {r['value']}", float(r["refusal_rate"]), f"{percent(r['refusal_rate'])} of {r['results']:,}")
        for r in _head(known.sort_values(["refusal_rate", "results"], ascending=False))
    ]
    return _compared(rows, "Refusal rate by template value, highest first", tone="refused")


def _compared(rows: list[tuple[str, float, str]], about: str, tone: str = "accent") -> Chart | None:
    return ranked(rows, about, tone) if len(rows) > 1 else None


def _head(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.head(ROWS_MOST).to_dict("records")
