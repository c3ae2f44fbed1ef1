"""The usage of datasets in markdown, its charts inside, for the page of a run in the UI."""

from tasks.engine.showing.digest import cells, code
from tasks.report.drawing import data_uri, png
from tasks.report.figures import count, money, percent
from tasks.report.usage import Usage, Window
from tasks.report.usage_charts import charts_of

_TITLES = {
    "days": "Spend by day",
    "cost": "Cost by model",
    "accepted": "Cost of an accepted picture",
    "outcomes": "How results ended",
    "latency": "Time to a result: median to 95th percentile",
    "refusals": "Refusal rate by template value",
}


def usage_markdown(usage: Usage, window: Window) -> str:
    """Totals, a line per dataset, and the charts as pictures of some 20 KB each."""
    totals = usage.by_dataset
    lines = [
        f"# {money(totals['cost_usd'].sum())} for {count(totals['succeeded'].sum())} results",
        "",
        f"{window}; possibly {money(totals['at_risk_usd'].sum())} more",
        "",
        cells("dataset", "results", "succeeded", "refused", "cost", "per accepted picture"),
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in totals.to_dict("records"):
        rates = (percent(row["success_rate"]), percent(row["refusal_rate"]))
        each = money(round(row["cost_per_accepted_usd"], 6))
        lines.append(cells(code(row["dataset"]), count(row["results"]), *rates, money(row["cost_usd"]), each))
    charts = charts_of(usage)
    for name in (name for name in _TITLES if name in charts):
        lines += ["", f"## {_TITLES[name]}", "", f"![{_TITLES[name]}]({data_uri('image/png', png(charts[name]))})"]
    return "\n".join(lines) + "\n"
