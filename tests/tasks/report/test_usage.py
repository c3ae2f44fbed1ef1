"""The usage report says what SQL says."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from catalogs.rules import Rule, parse_rule
from tasks.manifest.schema import CALL_SCHEMA, MANIFEST_SCHEMA
from tasks.report.usage import Usage, Window, measure
from tasks.report.usage_files import PAGE, table_files, write_usage
from tasks.storage.memory import MemoryStore
from tests.tasks.report.made import HOSTILE, call, manifest, many, row, without_picture

NAMES = ["spring", "summer", "autumn"]
SPAN = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def tables() -> list[Any]:
    return [many(400, seed) for seed in range(3)]


@pytest.fixture(scope="module")
def sql(tables: list[Any]) -> duckdb.DuckDBPyConnection:
    base = duckdb.connect()
    base.execute("set timezone = 'UTC'")
    for at, (rows, calls) in enumerate(tables):
        base.register(f"rows_{at}", rows)
        base.register(f"calls_{at}", calls)
    for name in ("rows", "calls"):
        union = " union all ".join(f"select *, '{NAMES[at]}' as dataset from {name}_{at}" for at in range(3))
        base.execute(f"create table {name} as {union}")
    return base


MODEL_SQL = """
with r as (select * from rows where {rows}), c as (select * from calls where {calls}),
bought as (select model, quantile_cont(generate_ms, 0.5) p50_ms, quantile_cont(generate_ms, 0.95) p95_ms
           from r where outcome = 'succeeded' and not reused group by model),
called as (select model, count(*) calls, count(*) filter (attempt > 1) repeated_calls from c group by model)
select model, count(*) results, count(*) filter (outcome = 'succeeded') succeeded,
  count(*) filter (outcome = 'refused') refused, count(*) filter (outcome = 'pending') pending,
  count(*) filter (outcome = 'refused') / count(*) filter (outcome <> 'pending') refusal_rate,
  (coalesce(sum(cost_usd), 0) + coalesce(sum(ocr_cost_usd), 0))::double cost_usd,
  sum(cost_at_risk_usd)::double at_risk_usd, count(*) filter (cost_usd is null) cost_unknown,
  (coalesce(sum(cost_usd), 0) + coalesce(sum(ocr_cost_usd), 0))::double
    / count(*) filter (outcome = 'succeeded') cost_per_success_usd,
  any_value(p50_ms) p50_ms, any_value(p95_ms) p95_ms, any_value(calls) calls, any_value(repeated_calls) repeated_calls
from r left join bought using (model) left join called using (model) group by model order by model
"""
INSIDE = "({0} >= '2026-03-01' and {0} < '2026-09-01')"


@pytest.mark.parametrize("window", [Window(), SPAN], ids=["all", "window"])
def test_figures_by_model_equal_an_independent_query(
    tables: list[Any], sql: duckdb.DuckDBPyConnection, window: Window
) -> None:
    inside = window == SPAN
    query = MODEL_SQL.format(
        rows=f"finished_at is null or {INSIDE.format('finished_at')}" if inside else "true",
        calls=INSIDE.format("started_at") if inside else "true",
    )
    expected = sql.execute(query).df()
    found = measure(tables, NAMES, window).by_model.sort_values("model").reset_index(drop=True)
    pd.testing.assert_frame_equal(found[list(expected.columns)], expected, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize(("table", "key", "form"), [("by_day", "day", "%Y-%m-%d"), ("by_month", "month", "%Y-%m")])
def test_figures_over_time_equal_an_independent_query(
    tables: list[Any], sql: duckdb.DuckDBPyConnection, table: str, key: str, form: str
) -> None:
    found = getattr(measure(tables, NAMES), table).set_index(key)
    spent = sql.execute(
        f"select strftime(started_at, '{form}') k, count(*), coalesce(sum(cost_usd), 0)::double from calls group by k"
    ).fetchall()
    ended = sql.execute(
        f"select strftime(finished_at, '{form}'), outcome, count(*) from rows where finished_at notnull group by all"
    ).fetchall()
    for day, calls, usd in spent:
        assert (found.loc[day, "calls"], found.loc[day, "cost_usd"]) == (calls, pytest.approx(usd))
    for day, outcome, rows in ended:
        assert found.loc[day, outcome] == rows
    assert found["calls"].sum() == sum(calls for _, calls, _ in spent)
    assert sum(found[name].sum() for name in ("succeeded", "refused", "failed", "unknown", "held")) == sum(
        rows for *_, rows in ended
    )


def test_refusals_by_tag_equal_an_independent_query(tables: list[Any], sql: duckdb.DuckDBPyConnection) -> None:
    found = measure(tables, NAMES).by_tag
    assert set(found["tag"]) == {"place"}, "a tag that tells single rows apart has no rates"
    expected = sql.execute(
        "select tags['place'] v, count(*), count(*) filter (outcome = 'refused') from rows group by v order by v"
    ).fetchall()
    ordered = found.sort_values("value")
    assert list(ordered[["value", "results", "refused"]].itertuples(index=False, name=None)) == expected


def test_errors_and_datasets_are_counted(tables: list[Any], sql: duckdb.DuckDBPyConnection) -> None:
    usage = measure(tables, NAMES)
    wrong = sql.execute("select count(*) from calls where error_class is not null").fetchall()
    assert [(int(usage.by_error["calls"].sum()),)] == wrong
    assert dict(zip(usage.by_dataset["dataset"], usage.by_dataset["results"], strict=True)) == dict.fromkeys(NAMES, 400)


def test_days_without_calls_are_days_of_zero() -> None:
    first, last = row(0), row(3 * 24 * 60)
    calls = [call(made, made["finished_at"], 1) for made in (first, last)]
    table = _usage([first, last], calls).by_day
    assert list(table["day"]) == ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
    assert list(table["calls"]) == [1, 0, 0, 1]


def _usage(rows: list[dict[str, Any]], calls: list[dict[str, Any]]) -> Usage:
    return measure([(manifest(rows), pa.Table.from_pylist(calls, schema=CALL_SCHEMA))], ["night"])


@pytest.mark.parametrize(
    "rows",
    [[], [without_picture(0, "pending", finished_at=None)], [row(0, tags=[])]],
    ids=["empty", "pending", "no tags"],
)
async def test_a_dataset_with_nothing_to_measure_has_a_report_without_made_up_numbers(rows: list[Any]) -> None:
    store = MemoryStore("usage")
    tables = manifest(rows) if rows else MANIFEST_SCHEMA.empty_table()
    await write_usage(store, [(tables, CALL_SCHEMA.empty_table())], names=["night"])
    page = (await store.get(PAGE)).decode()
    assert "nan" not in page.lower().replace("finance", "")
    assert "Usage" in page


RULE = parse_rule("cer <= 0.1 and tag:place = 'desert'", {"cer": "number"})


@pytest.mark.parametrize("rule", [None, RULE], ids=["every picture", "a rule"])
def test_cost_per_accepted_picture_equals_an_independent_query(
    tables: list[Any], sql: duckdb.DuckDBPyConnection, rule: Rule | None
) -> None:
    good = "current and outcome = 'succeeded' and operation <> 'vision'" + (
        " and coalesce(cer <= 0.1 and tags['place'] = 'desert', false)" if rule else ""
    )
    expected = sql.execute(
        f"select model, count(*) filter ({good}) n, (sum(coalesce(cost_usd, 0) + coalesce(ocr_cost_usd, 0)) "
        "filter (operation <> 'vision'))::double from rows group by model order by model"
    ).fetchall()
    found = measure(tables, NAMES, accept=rule).by_model.sort_values("model")
    assert 0 < found["accepted"].sum() < 1200
    assert list(found["accepted"]) == [accepted for _, accepted, _ in expected]
    each = [spent / accepted if accepted else None for _, accepted, spent in expected]
    assert [None if pd.isna(value) else pytest.approx(value) for value in found["cost_per_accepted_usd"]] == each


def test_pictures_beyond_what_was_asked_for_are_not_accepted_ones() -> None:
    rows = [row(0), row(1, sample_index=1), row(2, sample_index=2, cost_usd=Decimal(0))]
    part = manifest(rows).append_column("samples", pa.array([2, 2, 2], pa.int32()))
    usage = measure([(part, CALL_SCHEMA.empty_table())], ["night"])
    assert list(usage.by_dataset["accepted"]) == [2]


async def test_hostile_texts_stay_text_on_the_page_and_in_a_spreadsheet() -> None:
    rows = [row(n, model=text, tags=[(text, text), ("f", "=cmd|'/C calc'!A0")]) for n, text in enumerate(HOSTILE)]
    usage = _usage(rows, [call(made, made["finished_at"], 2) for made in rows])
    store = MemoryStore("usage")
    await write_usage(store, [(manifest(rows), CALL_SCHEMA.empty_table())], names=["<b>night</b>"])
    page = (await store.get(PAGE)).decode()
    for markup in ("<img src=x", "<svg onload", "</script><script>window", "<b>night"):
        assert markup not in page
    assert page.count("<script>") == 1
    files = {name: body for name, body, _ in table_files(usage.tables())}
    cells = [cell for line in csv.reader(io.StringIO(files["by_tag.csv"].decode("utf-8-sig"))) for cell in line]
    assert "'=cmd|'/C calc'!A0" in cells
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    kept = pd.read_parquet(io.BytesIO(files["by_tag.parquet"]))
    assert "=cmd|'/C calc'!A0" in set(kept["value"])
