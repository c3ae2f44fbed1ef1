"""The columns of the manifest and of the call log: name, type and one line of meaning each, in their public order.

Only additive changes: a new column is nullable and raises ``SCHEMA_VERSION``; none is removed, renamed or retyped.
``internal`` columns live in the immutable parts (the plan and the checks need them), never in what readers are given;
``manifest_commit`` is added on the way to the reader, since a part belongs to many commits.
"""

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 1

TEXT = pa.string()
TEXTS = pa.list_(pa.string())
TAGS = pa.map_(pa.string(), pa.string())
USD = pa.decimal128(18, 6)
UTC = pa.timestamp("us", tz="UTC")
DAY = pa.date32()
INT = pa.int32()
LONG = pa.int64()
REAL = pa.float64()
FLAG = pa.bool_()


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``description`` is the line that the documentation shows."""

    name: str
    type: pa.DataType
    description: str
    internal: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("row_id", TEXT, "the row's id in its catalog"),
    Column("catalog", TEXT, "name of the catalog that asked for the row"),
    Column("take", INT, "which picture of the same request: 1, 2, 3…"),
    Column("sample_index", INT, "position among the results of one call, from 0; ≥ the row's n for extra pictures"),
    Column("result_key", TEXT, "64 hex digits naming the result by its request; joins with calls.parquet"),
    Column("run_id", TEXT, "the run that made the deciding call, else the run that planned the row"),
    Column("catalog_sha256", TEXT, "sha256 of the catalog file when the row was planned"),
    Column("row_number", INT, "position in the catalog file when the row was planned, 1 = the first data row"),
    Column("tags", TAGS, "the catalog's own columns, unchanged, sorted by name"),
    Column("operation", TEXT, "generate | edit | vision"),
    Column("provider", TEXT, "family of the gateway, part of the key"),
    Column("model", TEXT, "canonical model id"),
    Column("endpoint", TEXT, "path below the gateway's base URL"),
    Column("prompt", TEXT, "the prompt as the catalog means it, templates applied"),
    Column("prompt_sent", TEXT, "the prompt as it goes on the wire, ratio tag included"),
    Column("revised_prompt", TEXT, "the prompt as the model rewrote it, where it says so"),
    Column("params", TEXT, "every other parameter of the request, as JSON with sorted keys"),
    Column("input_sha256s", TEXTS, "sha256 of each input picture, in order"),
    Column("mask_sha256", TEXT, "sha256 of the mask"),
    Column("requested_size", TEXT, "WxH or W:H as asked for; null = the model's own choice"),
    Column("outcome", TEXT, "succeeded | refused | failed | unknown | held | pending"),
    Column("outcome_reason", TEXT, "why, for every outcome but succeeded; a closed list"),
    Column("refusal_stage", TEXT, "what was refused: prompt | output | vision | unspecified"),
    Column("http_status", INT, "status of the deciding reply"),
    Column("attempts", INT, "calls made for this result so far, by any row, readings not counted"),
    Column("reused", FLAG, "true: another row bought the call this row shows, and this row cost nothing"),
    Column("image_uri", TEXT, "the stored picture, relative to the dataset's folder or prefix"),
    Column("source_url", TEXT, "where the gateway offered the picture, without its query string"),
    Column("url_expires_at", UTC, "when that URL dies, as far as known"),
    Column("seconds_to_spare", REAL, "how long before that the picture was stored"),
    Column("sha256", TEXT, "of the original bytes, which are stored unchanged"),
    Column("phash", TEXT, "64-bit perceptual hash, 16 hex digits"),
    Column("format", TEXT, "png | jpeg | webp, by the bytes"),
    Column("width_px", INT, "by decoding"),
    Column("height_px", INT, "by decoding"),
    Column("size_bytes", LONG, "of the original bytes"),
    Column("size_as_requested", FLAG, "delivered size or ratio is the requested one; null = none was requested"),
    Column("has_c2pa", FLAG, "the picture carries a C2PA provenance block"),
    Column("blank", FLAG, "the picture is one colour throughout; null = not stored"),
    Column(
        "ocr_text", TEXT, "text read from the picture (vision = ocr: from the inputs); locally no lines of signs alone"
    ),
    Column("ocr_model", TEXT, "who read it: the local engine or a model id"),
    Column(
        "ocr_status",
        TEXT,
        "text | no_text | refused | failed (a failed one with ocr_text was cut off); null = not read",
    ),
    Column("ocr_confidence", REAL, "0 to 1, where the reader tells"),
    Column("expected_text", TEXT, "what the catalog says the picture should read"),
    Column(
        "cer", REAL, "edits per character from ocr_text to expected_text, after NFKC and folded spaces; case counts"
    ),
    Column("answer_text", TEXT, "answer of a vision row that describes, compares or is asked"),
    Column("answer_json", TEXT, "the same answer where it is a JSON object or list, as JSON with sorted keys"),
    Column("cost_usd", USD, "known cost of this result, never changed by a rerun; null = unknown"),
    Column("ocr_cost_usd", USD, "known cost of paid readings of this result; null = unknown"),
    Column("cost_at_risk_usd", USD, "the most that attempts without a known cost may have cost besides"),
    Column("price_rule", TEXT, "name of the price the call was reserved at"),
    Column("price_as_of", DAY, "when that price was read"),
    Column("billed", TEXT, "yes | no | unknown, over all attempts this row paid for"),
    Column("input_tokens", LONG, "this result's share of the call's input tokens, where the reply tells"),
    Column("output_tokens", LONG, "this result's share of the call's output tokens, where the reply tells"),
    Column("started_at", UTC, "when the intent of the deciding call was recorded"),
    Column("finished_at", UTC, "when the outcome was recorded; null while pending"),
    Column("queue_ms", LONG, "from intent to sending"),
    Column("generate_ms", LONG, "from sending to the reply's last byte"),
    Column("download_ms", LONG, "fetching the picture"),
    Column("store_ms", LONG, "storing the picture"),
    Column("manifest_commit", LONG, "number of the commit these rows were read from; constant in one read"),
    Column("schema_version", INT, "version of these columns that the row was written with"),
    Column("current", FLAG, "false: the row was edited, retaken or removed when its catalog last ran"),
    Column("call_key", TEXT, "key of the call the result comes from; null while the row waits", internal=True),
    Column("request_digest", TEXT, "digest of the newest wanted event, compared by the plan", internal=True),
    Column("samples", INT, "results the row asked for; sample_index beyond that is an extra", internal=True),
    Column("ocr_wanted", FLAG, "the row asks for a reading of its picture", internal=True),
    Column("call_outcome", TEXT, "outcome of the call as a whole, which is what a plan goes by", internal=True),
)

CALL_COLUMNS: tuple[Column, ...] = (
    Column("call_id", TEXT, "<call key>.<attempt>, unique"),
    Column("run_id", TEXT, "the run that made the call"),
    Column("row_id", TEXT, "the row that pays"),
    Column("catalog", TEXT, "its catalog"),
    Column("result_key", TEXT, "first result of the call, or the result a reading is of; joins with the manifest"),
    Column("purpose", TEXT, "generate | edit | vision | ocr"),
    Column("provider", TEXT, "family of the gateway"),
    Column("model", TEXT, "canonical model id"),
    Column("endpoint", TEXT, "path below the gateway's base URL"),
    Column("started_at", UTC, "when the intent was recorded, just before the call"),
    Column("finished_at", UTC, "when its outcome was recorded; null = still open"),
    Column("attempt", INT, "1, 2, 3… among the calls for the same request"),
    Column("http_status", INT, "null = no reply"),
    Column("error_class", TEXT, "null = answered or still open; else the class of the failure"),
    Column("request_id", TEXT, "the gateway's id of the request"),
    Column("cost_usd", USD, "known cost; null = unknown"),
    Column("billed", TEXT, "yes | no | unknown"),
    Column("input_tokens", LONG, "where the reply tells"),
    Column("output_tokens", LONG, "where the reply tells"),
)


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(c.name, c.type) for c in columns])


#: What a part holds: every column but the commit it is read through.
PART_SCHEMA: pa.Schema = _schema(tuple(c for c in COLUMNS if c.name != "manifest_commit"))
#: What a reader is given, in the alias and from ``read_manifest``.
MANIFEST_SCHEMA: pa.Schema = _schema(tuple(c for c in COLUMNS if not c.internal))
CALL_SCHEMA: pa.Schema = _schema(CALL_COLUMNS)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """``table`` with exactly the columns of ``schema``: missing ones null, those of a newer writer left out."""
    return pa.table([_column(table, field) for field in schema], schema=schema)


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    column = table.column(field.name)
    return column if column.type == field.type else column.cast(field.type)


def with_commit(rows: pa.Table, schema: pa.Schema, commit: int) -> pa.Table:
    """Rows of a part with the columns of ``schema``, ``manifest_commit`` filled in where it is one of them."""
    if "manifest_commit" in schema.names:
        rows = rows.append_column("manifest_commit", pa.repeat(pa.scalar(commit, LONG), rows.num_rows))
    return conform(rows, schema)
