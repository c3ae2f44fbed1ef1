"""What was asked, what came, what it cost: the usage of one or many datasets as small pandas tables.

Money is counted in whole micro-dollars and only turned into dollars at the end, so that sums are exact. Costs by time
come from the call log (when the call was made), costs by model, catalog and tag from the manifest (what the result
cost); over everything both say the same. Quantiles are interpolated (``quantile_cont`` of SQL).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from catalogs.rules import Rule
from tasks.report.accepted import COLUMNS as ACCEPTED_COLUMNS
from tasks.report.accepted import SAMPLES, accepted

ROW_COLUMNS = (
    *ACCEPTED_COLUMNS, "model", "finished_at", "generate_ms", "reused", "cost_usd", "ocr_cost_usd", "cost_at_risk_usd",
    "image_uri", "tags",
)  # fmt: skip
CALL_COLUMNS = ("model", "started_at", "attempt", "error_class", "cost_usd")
OUTCOMES = ("succeeded", "refused", "failed", "unknown", "held", "pending")
TAG_VALUES_MOST = 200
_MONEY = ("cost_usd", "ocr_cost_usd", "cost_at_risk_usd")
_OF_TAGS = ("outcome", "accepted", "cost_micros", "ocr_cost_micros", "cost_at_risk_micros", "making_micros")


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of UTC time; None = no bound. Rows without an end (pending) belong to every window."""

    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        if self.since is None and self.until is None:
            return "all time"
        return " to ".join(f"{bound:%Y-%m-%d}" if bound else "…" for bound in (self.since, self.until))


@dataclass(frozen=True, slots=True)
class Usage:
    """One table per question; ``*_usd`` are dollars as exact as a float of micro-dollars, rates are 0 to 1 or NaN."""

    by_dataset: pd.DataFrame
    by_model: pd.DataFrame
    by_day: pd.DataFrame
    by_month: pd.DataFrame
    by_error: pd.DataFrame
    by_tag: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def measure(
    datasets: Sequence[tuple[pa.Table, pa.Table]],
    names: Sequence[str],
    window: Window | None = None,
    accept: Rule | None = None,
) -> Usage:
    """The usage of datasets, each a manifest table and a call log (``CALL_COLUMNS``).

    Manifests need ``row_columns(accept)``, of which ``samples`` may lack. ``accept`` says what an accepted picture is;
    without it every picture that came is one.
    """
    span = window or Window()
    rows_in = [_rows_within(rows, span, accept) for rows, _ in datasets]
    rows = pd.concat([_frame(t, name) for t, name in zip(rows_in, names, strict=True)], ignore_index=True)
    calls = pd.concat(
        [_frame(_calls_within(table, span), name) for (_, table), name in zip(datasets, names, strict=True)],
        ignore_index=True,
    )
    return Usage(
        by_dataset=_by(rows, calls, "dataset"),
        by_model=_by(rows, calls, "model"),
        by_day=_over_time(rows, calls, "D"),
        by_month=_over_time(rows, calls, "MS"),
        by_error=_errors(calls),
        by_tag=_tags(rows_in, names),
    )


def row_columns(accept: Rule | None) -> list[str]:
    """What of a manifest's parts is measured."""
    return list(dict.fromkeys((*ROW_COLUMNS, SAMPLES, *(accept.columns if accept else ()))))


def _rows_within(table: pa.Table, span: Window, accept: Rule | None) -> pa.Table:
    """What is measured of the rows of a window: money in micro-dollars, ``making`` that of rows that make pictures."""
    names = [name for name in row_columns(accept) if name in table.column_names]
    inside = _within(table.select(names), "finished_at", span, keep_null=True)
    money = {name: _micros(inside[name]) for name in _MONEY}
    spent = pc.add(pc.fill_null(money["cost_usd"], 0), pc.fill_null(money["ocr_cost_usd"], 0))
    kept = inside.select(["model", "outcome", "finished_at", "generate_ms", "reused", "tags"])
    more = {
        **{f"{name.removesuffix('_usd')}_micros": values for name, values in money.items()},
        "making_micros": pc.if_else(pc.not_equal(inside["operation"], "vision"), spent, 0),
        "picture": pc.is_valid(inside["image_uri"]),
        "accepted": accepted(inside, accept),
    }
    for name, values in more.items():
        kept = kept.append_column(name, values)
    return kept


def _calls_within(table: pa.Table, span: Window) -> pa.Table:
    inside = _within(table.select(CALL_COLUMNS), "started_at", span, keep_null=False)
    return inside.drop_columns(["cost_usd"]).append_column("cost_micros", _micros(inside["cost_usd"]))


def _within(table: pa.Table, column: str, span: Window, *, keep_null: bool) -> pa.Table:
    mask: pa.ChunkedArray | None = None
    for bound, compare in ((span.since, pc.greater_equal), (span.until, pc.less)):
        if bound is None:
            continue
        inside = compare(table[column], pa.scalar(bound, table[column].type))
        inside = pc.fill_null(inside, keep_null)
        mask = inside if mask is None else pc.and_(mask, inside)
    return table if mask is None else table.filter(mask)


def _frame(table: pa.Table, name: str) -> pd.DataFrame:
    """A pandas frame without the tags."""
    kept = [field.name for field in table.schema if not pa.types.is_map(field.type)]
    frame: pd.DataFrame = table.select(kept).to_pandas(strings_to_categorical=True)
    for column in frame.columns:
        if frame[column].dtype == "category":
            frame[column] = frame[column].astype(str).where(frame[column].notna(), None)
    frame["dataset"] = name
    return frame


def _micros(values: pa.ChunkedArray) -> pa.ChunkedArray:
    scaled = pc.multiply(values.cast(pa.decimal128(28, 6)), pa.scalar(1_000_000, pa.decimal128(8, 0)))
    return scaled.cast(pa.decimal128(38, 0)).cast(pa.int64())


def _by(rows: pd.DataFrame, calls: pd.DataFrame, key: str) -> pd.DataFrame:
    """Results, money and latency per value of ``key``, dearest first."""
    grouped = rows.groupby(key, observed=True)
    table = _outcome_counts(rows, key)
    table["pictures"] = grouped["picture"].sum()
    table["reused"] = grouped["reused"].sum()
    table = _with_money(table, grouped)
    table = table.join(_latency(rows, key))
    table["calls"] = calls.groupby(key, observed=True).size()
    table["repeated_calls"] = calls[calls["attempt"] > 1].groupby(key, observed=True).size()
    table[["calls", "repeated_calls"]] = table[["calls", "repeated_calls"]].fillna(0).astype("int64")
    table["retry_rate"] = table["repeated_calls"] / table["calls"].where(table["calls"] > 0)
    return table.sort_values(["cost_usd", "results"], ascending=False).reset_index()


def _outcome_counts(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    counts = rows.groupby([key, "outcome"], observed=True).size().unstack(fill_value=0)
    table = counts.reindex(columns=list(OUTCOMES), fill_value=0).astype("int64")
    table.columns.name = None
    table.insert(0, "results", table.sum(axis=1))
    ended = (table["results"] - table["pending"]).where(table["results"] > table["pending"])
    table["success_rate"] = table["succeeded"] / ended
    table["refusal_rate"] = table["refused"] / ended
    return table


def _with_money(table: pd.DataFrame, grouped: "pd.api.typing.DataFrameGroupBy[Any, Any]") -> pd.DataFrame:
    known = grouped["cost_micros"].sum() + grouped["ocr_cost_micros"].sum()
    table["cost_usd"] = known.astype("int64") / 1e6
    table["at_risk_usd"] = grouped["cost_at_risk_micros"].sum().astype("int64") / 1e6
    table["cost_unknown"] = grouped.size() - grouped["cost_micros"].count()
    table["cost_per_success_usd"] = table["cost_usd"] / table["succeeded"].where(table["succeeded"] > 0)
    table["accepted"] = grouped["accepted"].sum().astype("int64")
    making = grouped["making_micros"].sum().astype("int64") / 1e6
    table["cost_per_accepted_usd"] = making / table["accepted"].where(table["accepted"] > 0)
    return table


def _latency(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """Of results that were generated by their own call and came."""
    own = rows[(rows["outcome"] == "succeeded") & ~rows["reused"].fillna(value=False).astype(bool)]
    spans = own.groupby(key, observed=True)["generate_ms"]
    return pd.DataFrame({"p50_ms": spans.quantile(0.5), "p95_ms": spans.quantile(0.95)})


def _over_time(rows: pd.DataFrame, calls: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Calls and what they cost by when they were made, outcomes by when they were known; no gap between."""
    table = pd.DataFrame(
        {"calls": calls["started_at"], "cost_micros": calls["cost_micros"].fillna(0).astype("int64")}
    ).set_index("calls")["cost_micros"].resample(unit).agg(["size", "sum"])  # fmt: skip
    table.columns = pd.Index(["calls", "cost_micros"])
    ended = rows[rows["finished_at"].notna() & (rows["outcome"] != "pending")]
    sizes = ended.groupby([pd.Grouper(key="finished_at", freq=unit), "outcome"], observed=True).size()
    counts = sizes.unstack(fill_value=0).reindex(columns=list(OUTCOMES[:-1]), fill_value=0)
    table = table.join(counts, how="outer").fillna(0).astype("int64")
    if len(table):
        table = table.asfreq(unit, fill_value=0)
    table.insert(1, "cost_usd", table.pop("cost_micros") / 1e6)
    table["cost_7_mean_usd" if unit == "D" else "cost_change"] = (
        table["cost_usd"].rolling(7, min_periods=1).mean() if unit == "D" else _change(table["cost_usd"])
    )
    table.index.name = "day" if unit == "D" else "month"
    table = table.reset_index()
    table[table.columns[0]] = table[table.columns[0]].dt.strftime("%Y-%m-%d" if unit == "D" else "%Y-%m")
    return table


def _change(cost: "pd.Series[float]") -> "pd.Series[float]":
    before = cost.shift(1)
    return (cost - before) / before.where(before > 0)


def _errors(calls: pd.DataFrame) -> pd.DataFrame:
    """Calls that ended otherwise than with an answer, by class and model."""
    wrong = calls[calls["error_class"].notna()]
    table = wrong.groupby(["error_class", "model"], observed=True).agg(
        calls=("attempt", "size"), cost_micros=("cost_micros", "sum")
    )
    table["cost_usd"] = table.pop("cost_micros").astype("int64") / 1e6
    return table.sort_values("calls", ascending=False).reset_index()


def _tags(tables: Sequence[pa.Table], names: Sequence[str]) -> pd.DataFrame:
    """Outcomes and money by tag value; a tag with more values than ``TAG_VALUES_MOST`` tells rows apart, not kinds."""
    frame = pd.concat([_exploded(table) for table, _ in zip(tables, names, strict=True)], ignore_index=True)
    distinct = frame.groupby("tag", observed=True)["value"].nunique()
    frame = frame[frame["tag"].isin(distinct[distinct <= TAG_VALUES_MOST].index)]
    key = ["tag", "value"]
    table = _outcome_counts(frame.assign(key=pd.MultiIndex.from_frame(frame[key]).to_flat_index()), "key")
    grouped = frame.groupby(key, observed=True)
    if len(table):
        table.index = pd.MultiIndex.from_tuples(table.index, names=key)
    else:
        table.index = pd.MultiIndex.from_arrays([[], []], names=key)
    table = _with_money(table, grouped)
    order = ["refusal_rate", "results"]
    return table.reset_index().sort_values(["tag", *order], ascending=[True, False, False]).reset_index(drop=True)


def _exploded(table: pa.Table) -> pd.DataFrame:
    """One line per tag of a row."""
    pieces = [_tags_of(batch) for batch in table.to_batches()]
    whole = pa.concat_tables(pieces) if pieces else _tags_of(pa.RecordBatch.from_pylist([], schema=table.schema))
    frame: pd.DataFrame = whole.to_pandas()
    return frame


def _tags_of(batch: pa.RecordBatch) -> pa.Table:
    pairs = batch.column("tags").cast(pa.list_(pa.struct([("key", pa.string()), ("value", pa.string())])))
    at, entries = pc.list_parent_indices(pairs), pc.list_flatten(pairs)
    return pa.table(
        {
            "tag": pc.struct_field(entries, "key"),
            "value": pc.fill_null(pc.struct_field(entries, "value"), ""),
            **{name: batch.column(name).take(at) for name in _OF_TAGS},
        }
    )
