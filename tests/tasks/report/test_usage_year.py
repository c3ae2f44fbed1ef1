"""A year of three datasets, a million results: the report says what SQL says, within its bar of CPU and memory."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tests.benchmarks.report_cost import year

NAMES = ("spring", "summer", "autumn")
ROWS = 1_000_000
PROGRAM = """
import asyncio, sys, time
from tasks.report.usage_files import write_usage
from tasks.storage.local import LocalStore
from tests.benchmarks.measuring import peak_mb
from tests.benchmarks.report_cost import year
tables = [year(int(sys.argv[2]), seed) for seed in range(3)]
began = time.process_time()
asyncio.run(write_usage(LocalStore(sys.argv[1]), tables, names=sys.argv[3:]))
print(time.process_time() - began, peak_mb())
"""
MADE = "sum(cost_usd + ocr_cost_usd)::double"
GOOD = "count(*) filter (outcome = 'succeeded' and current)"
RATES = f"""count(*) results, count(*) filter (outcome = 'succeeded') succeeded,
count(*) filter (outcome = 'refused') refused,
count(*) filter (outcome = 'refused') / count(*) filter (outcome <> 'pending') refusal_rate,
{MADE} cost_usd, {GOOD} accepted, {MADE} / {GOOD} cost_per_accepted_usd"""
SPANS = """quantile_cont(generate_ms, 0.5) filter (outcome = 'succeeded' and not reused) p50_ms,
quantile_cont(generate_ms, 0.95) filter (outcome = 'succeeded' and not reused) p95_ms"""
CALLS = "count(*) calls, sum(cost_usd)::double cost_usd from calls"
TAGGED = "(select *, unnest(map_entries(tags)) t from rows)"
KEYS = ("model", "dataset", "tag", "value", "day", "month", "error_class")
QUERIES = {
    "by_model": f"select model, {RATES}, {SPANS} from rows group by model",
    "by_dataset": f"select dataset, {RATES}, {SPANS} from rows group by dataset",
    "by_tag": f"select t.key as tag, t.value as value, {RATES} from {TAGGED} group by all",
    "by_day": f"select strftime(started_at, '%Y-%m-%d') as day, {CALLS} group by all",
    "by_month": f"select strftime(started_at, '%Y-%m') as month, {CALLS} group by all",
    "by_error": f"select error_class, model, {CALLS} where error_class is not null group by all",
}


@pytest.fixture(scope="module", params=[30_000, pytest.param(ROWS, marks=pytest.mark.slow)])
def reported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The tables of the report, and how many rows each dataset has. Prints the cost."""
    folder, each = tmp_path_factory.mktemp("year"), request.param // 3
    words = [sys.executable, "-c", PROGRAM, str(folder), str(each), *NAMES]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    cpu_s, peak_mb = map(float, done.stdout.split())
    print(f"usage of {request.param:,} rows: {cpu_s:.1f} CPU-s, {peak_mb:.0f} MB at most, tables of the test included")
    assert cpu_s <= 20
    assert peak_mb <= 1_500
    return folder / "report/usage", each


def test_a_year_of_three_datasets_equals_an_independent_query(reported: tuple[Path, int]) -> None:
    folder, each = reported
    base = duckdb.connect()
    base.execute("set timezone = 'UTC'")
    for kind, tables in zip(("rows", "calls"), zip(*(year(each, seed) for seed in range(3)), strict=True), strict=True):
        for at, table in enumerate(tables):
            base.register(f"{kind}_{at}", table)
        union = " union all ".join(f"select *, '{name}' as dataset from {kind}_{at}" for at, name in enumerate(NAMES))
        base.execute(f"create table {kind} as {union}")
    for name, query in QUERIES.items():
        frame = base.execute(query).df()
        keys = [column for column in frame.columns if column in KEYS]
        expected = frame.sort_values(keys).reset_index(drop=True)
        found = pd.read_parquet(folder / f"{name}.parquet").sort_values(keys).reset_index(drop=True)
        pd.testing.assert_frame_equal(found[list(expected.columns)], expected, check_dtype=False, rtol=1e-9, obj=name)
