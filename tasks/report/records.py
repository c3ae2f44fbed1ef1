"""From the manifest to what a page carries: columns of plain values, repeated ones named once.

A column is ``{"v": [...]}``, or ``{"d": [distinct values], "i": [positions, -1 = null]}`` where that is shorter. Money
is decimal text, times are ISO 8601 UTC; a null stays null, since "unknown" must not turn into 0.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: What filters, cards and the search need at once.
INDEX_COLUMNS = (
    "row_id", "catalog", "take", "sample_index", "row_number", "tags", "operation", "model", "prompt", "outcome",
    "outcome_reason", "refusal_stage", "image_uri", "width_px", "height_px", "size_bytes", "ocr_text", "expected_text",
    "cer", "answer_text", "cost_usd", "ocr_cost_usd", "cost_at_risk_usd", "generate_ms", "attempts", "finished_at",
    "current", "sha256", "size_as_requested", "revised_prompt", "reused",
)  # fmt: skip
#: What only the detail view shows; parsed when the first one is opened.
DETAIL_COLUMNS = (
    "result_key", "run_id", "catalog_sha256", "provider", "endpoint", "prompt_sent", "params", "input_sha256s",
    "mask_sha256", "requested_size", "http_status", "source_url", "url_expires_at", "seconds_to_spare", "phash",
    "format", "has_c2pa", "blank", "ocr_model", "ocr_status", "ocr_confidence", "answer_json", "price_rule",
    "price_as_of", "billed", "input_tokens", "output_tokens", "started_at", "queue_ms", "download_ms", "store_ms",
    "schema_version",
)  # fmt: skip

Column = dict[str, Sequence[Any]]


def in_reading_order(table: pa.Table) -> pa.Table:
    """Current rows first, then by catalog, place in its file, take and sample."""
    if not table.num_rows:
        return table
    keys = [("current", "descending"), *((name, "ascending") for name in _ORDER)]
    return table.take(pc.sort_indices(table, sort_keys=keys))


_ORDER = ("catalog", "row_number", "row_id", "take", "sample_index")


def columns_of(table: pa.Table, names: Sequence[str]) -> dict[str, Column]:
    """The named columns as values that JSON can hold."""
    return {name: _column(table.column(name)) for name in names}


def request_groups(table: pa.Table) -> Column:
    """One number for the same words on the same input pictures: what a comparison of models puts side by side."""
    asked = pc.if_else(pc.equal(pc.fill_null(table["prompt"], ""), ""), table["prompt_sent"], table["prompt"])
    inputs = pc.binary_join(table["input_sha256s"].combine_chunks(), " ")
    key = pc.binary_join_element_wise(
        table["operation"], asked, inputs, pc.fill_null(table["mask_sha256"], ""), "\x1f", null_handling="replace"
    )
    codes = key.combine_chunks().dictionary_encode() if isinstance(key, pa.ChunkedArray) else key.dictionary_encode()
    return {"v": codes.indices.to_pylist()}


def _column(values: pa.ChunkedArray) -> Column:
    kind = values.type
    if pa.types.is_map(kind):
        return {"v": [list(map(list, pairs or ())) for pairs in values.to_pylist()]}
    if pa.types.is_list(kind):
        return {"v": values.to_pylist()}
    if pa.types.is_timestamp(kind):
        whole = pc.cast(values, pa.timestamp("s", "UTC"), safe=False)
        return {"v": pc.strftime(whole, "%Y-%m-%dT%H:%M:%SZ").to_pylist()}
    if pa.types.is_floating(kind):
        return {"v": pc.if_else(pc.is_finite(values), values, None).to_pylist()}  # JSON knows no NaN
    if pa.types.is_decimal(kind) or pa.types.is_date(kind):
        values = values.cast(pa.string())
    return _named_once(values) if pa.types.is_string(values.type) else {"v": values.to_pylist()}


def _named_once(values: pa.ChunkedArray) -> Column:
    coded = values.combine_chunks().dictionary_encode()
    if 2 * len(coded.dictionary) > len(values):
        return {"v": values.to_pylist()}
    return {"d": coded.dictionary.to_pylist(), "i": pc.fill_null(coded.indices, -1).to_pylist()}
