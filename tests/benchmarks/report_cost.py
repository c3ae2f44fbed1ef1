"""What the report costs: a thumbnail, a page of 10,000 results, the usage of three datasets over a year.

``python -m tests.benchmarks.report_cost [rows of the usage report]``
"""

import resource
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.manifest.schema import CALL_SCHEMA, MANIFEST_SCHEMA
from tasks.report.gallery import GalleryOptions, _meta, render
from tasks.report.thumbs import Thumbs, draw_small
from tasks.report.totals import totals_of
from tasks.report.usage import CALL_COLUMNS, ROW_COLUMNS, measure
from tests.tasks.report.made import manifest, picture, row, sha

YEAR_US = 365 * 86_400 * 1_000_000
START_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e6)
OUTCOMES = ("succeeded", "refused", "failed", "unknown", "held", "pending")


def spent(label: str, work: Any, times: int = 1) -> None:
    began = time.process_time()
    for _ in range(times):
        work()
    each = (time.process_time() - began) / times
    print(f"{label:<52}{each:10.4f} CPU-s {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:6d} MB at most")


def year(count: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """A manifest and a call log of ``count`` rows each, made column by column; only what usage is measured from."""
    rng = np.random.default_rng(seed)
    outcome = rng.choice(6, count, p=(0.82, 0.08, 0.05, 0.02, 0.01, 0.02))
    at = pa.array(START_US + (rng.random(count) * YEAR_US).astype("int64"), pa.timestamp("us", "UTC"))
    micros = pa.array(rng.integers(1, 90_000, count)).cast(pa.decimal128(19, 0))
    usd = pc.multiply(micros, pa.scalar(Decimal("0.000001"))).cast(pa.decimal128(18, 6))
    model = pa.array([f"model-{n}" for n in range(12)]).take(pa.array(rng.integers(0, 12, count)))
    values = pa.array([f"v{n}" for n in range(40)]).take(pa.array(rng.integers(0, 40, 2 * count)))
    names = pa.array(["place", "style"]).take(pa.array(np.arange(2 * count) % 2))
    rows = {
        "catalog": pa.repeat("night", count), "model": model, "operation": pa.repeat("generate", count),
        "outcome": pa.array(OUTCOMES).take(pa.array(outcome)), "finished_at": at, "cost_usd": usd,
        "ocr_cost_usd": usd, "cost_at_risk_usd": usd, "generate_ms": pa.array(rng.integers(200, 90_000, count)),
        "attempts": pa.array(np.ones(count, "int32")), "reused": pa.array(rng.random(count) < 0.05),
        "image_uri": pa.repeat("images/x", count), "current": pa.array(rng.random(count) < 0.9),
        "sample_index": pa.array(np.zeros(count, "int32")),
        "tags": pa.MapArray.from_arrays(np.arange(0, 2 * count + 1, 2, dtype="int32"), names, values),
    }  # fmt: skip
    errors = pa.array([None, "rate_limited"], pa.string()).take(pa.array((outcome != 0).astype("int64")))
    calls = {
        "model": model, "purpose": rows["operation"], "started_at": at, "error_class": errors, "cost_usd": usd,
        "attempt": pa.array(rng.integers(1, 3, count, dtype="int32")), "billed": pa.repeat("yes", count),
    }  # fmt: skip
    return _table(rows, ROW_COLUMNS, MANIFEST_SCHEMA), _table(calls, CALL_COLUMNS, CALL_SCHEMA)


def _table(columns: dict[str, Any], names: tuple[str, ...], schema: pa.Schema) -> pa.Table:
    return pa.table({name: columns[name] for name in names}, schema=pa.schema([schema.field(name) for name in names]))


def main(rows: int) -> None:
    """Print each figure."""
    flat = picture(1, (1024, 1024))
    spent("thumbnail of a 1024 x 1024 PNG", lambda: draw_small(flat), times=20)
    table = manifest([row(number) for number in range(10_000)])
    options = GalleryOptions(dataset="bench")
    meta = _meta(totals_of(table), options, 0, 1, left_out=0, late=0)
    thumbs = Thumbs(frozenset(sha(number) for number in range(10_000)))
    spent("gallery page of 10,000 pictures", lambda: render(table, meta, thumbs, None, options))
    tables = [year(rows // 3, seed) for seed in range(3)]
    spent(f"usage of 3 datasets, 12 months, {rows:,} rows", lambda: measure(tables, ["a", "b", "c"]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
