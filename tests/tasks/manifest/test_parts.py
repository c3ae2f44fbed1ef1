"""Parts: the columns are the contract's, the bytes are the fold's."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.journal import events as ev
from tasks.journal.fold import Fold
from tasks.manifest.parts import encode, snapshot, to_batch, to_parquet
from tasks.manifest.schema import CALL_COLUMNS, CALL_SCHEMA, COLUMNS, MANIFEST_SCHEMA, PART_SCHEMA, USD
from tests.tasks.manifest.story import Story, finished_fold

CONTRACT = """
row_id, catalog, take, sample_index, result_key, run_id, catalog_sha256, row_number, tags
operation, provider, model, endpoint, prompt, prompt_sent, revised_prompt, params, input_sha256s, mask_sha256
requested_size
outcome outcome_reason refusal_stage http_status, attempts, reused
image_uri, source_url url_expires_at, seconds_to_spare, sha256, phash, format, width_px, height_px, size_bytes,
size_as_requested, has_c2pa
ocr_text, ocr_model, ocr_status ocr_confidence, expected_text, cer, answer_text, answer_json
cost_usd, ocr_cost_usd, cost_at_risk_usd price_rule, price_as_of, billed input_tokens, output_tokens
started_at, finished_at queue_ms, generate_ms, download_ms, store_ms manifest_commit schema_version, current
"""
ADDED = {"blank"}  # issue 6: blank pictures as data
CALL_CONTRACT = """
call_id, run_id, row_id, catalog, result_key, purpose, provider, model, endpoint, started_at, finished_at, attempt,
http_status, error_class, request_id, cost_usd, billed, input_tokens, output_tokens
"""


def table_of(body: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(body))


def test_the_columns_are_those_of_the_contract_in_its_order():
    assert [name for name in MANIFEST_SCHEMA.names if name not in ADDED] == CONTRACT.replace(",", " ").split()
    assert CALL_SCHEMA.names == CALL_CONTRACT.replace(",", " ").split()
    assert {MANIFEST_SCHEMA.field(n).type for n in ("cost_usd", "ocr_cost_usd", "cost_at_risk_usd")} == {
        pa.decimal128(18, 6)
    }
    assert MANIFEST_SCHEMA.field("started_at").type == pa.timestamp("us", tz="UTC")


def test_every_column_is_described_and_may_be_null():
    assert all(len(column.description) > 5 for column in (*COLUMNS, *CALL_COLUMNS))
    assert all(field.nullable for field in (*PART_SCHEMA, *CALL_SCHEMA))


def test_a_part_does_not_know_its_commit():
    assert "manifest_commit" not in PART_SCHEMA.names


def test_values_keep_their_types_on_the_way_to_the_file():
    story = Story().bought("a", tags={"猫": "1e5", "b": ""}, input_sha256s=("f" * 64, "e" * 64))
    part = encode(snapshot(story.fold, 3))
    (row,) = table_of(part.rows).to_pylist()
    assert row["cost_usd"] == Decimal("0.040000")
    assert row["started_at"] == datetime(2026, 11, 21, 8, 0, 1, tzinfo=UTC)
    assert row["price_as_of"] == date(2026, 11, 1)
    assert row["tags"] == [("b", ""), ("猫", "1e5")]
    assert row["input_sha256s"] == ["f" * 64, "e" * 64]
    assert table_of(part.rows).schema.equals(PART_SCHEMA)
    assert table_of(part.calls).schema.equals(CALL_SCHEMA)


def test_money_is_exact_whatever_its_size_and_sign():
    micros = [0, 1, None, -1, 40_000, 10**15, -(10**15)]
    columns = pa.schema([("cost", USD), ("again", USD)])
    column = to_batch([{"cost": value, "again": value} for value in micros], columns).column(0)
    assert column.to_pylist() == [None if m is None else Decimal(m).scaleb(-6) for m in micros]
    column.validate(full=True)


def test_the_same_fold_gives_the_same_bytes():
    one, two = (encode(snapshot(finished_fold(1500), 0)) for _ in range(2))
    assert (one.rows, one.calls, one.entry) == (two.rows, two.calls, two.entry)


def test_a_fold_restored_from_its_checkpoint_gives_the_same_bytes():
    story = (
        Story().bought("a", tags={"b": "1", "a": "2"}).want("w", key=None).want("n", samples=3).intend("n").lose("n")
    )
    story.read("a", reader="gpt-4o").read("a").want("again", key="=", ocr=True)
    decoded = orjson.loads(orjson.dumps(story.fold.snapshot()))
    restored = Fold()
    restored.apply(ev.Checkpoint(at="", fold=decoded))
    restored.through = story.fold.through
    assert encode(snapshot(restored, 0)) == encode(snapshot(story.fold, 0))


def test_a_part_is_named_by_partition_journal_position_and_content():
    part = encode(snapshot(finished_fold(2), 7))
    assert part.entry.rows.key == f"manifest/parts/07-0000000010-{part.entry.rows.sha256[:16]}.parquet"
    assert part.entry.calls.key.startswith("manifest/calls/07-0000000010-")
    assert (part.entry.rows.rows, part.entry.calls.rows, part.entry.rows.size_bytes) == (2, 2, len(part.rows))


def test_another_outcome_is_another_part():
    one = encode(snapshot(Story().bought("a").fold, 0))
    two = encode(snapshot(Story().bought("a", expected_text="x").fold, 0))
    assert one.entry.rows.key != two.entry.rows.key


def test_a_snapshot_does_not_follow_the_fold():
    fold = finished_fold(2)
    taken = snapshot(fold, 0)
    before = encode(taken)
    Story.want(_story_of(fold), "later")
    assert encode(taken) == before
    assert encode(snapshot(fold, 0)).entry.rows.rows == 3


def _story_of(fold: Fold) -> Story:
    story = Story()
    story.fold = fold
    return story


def test_the_tally_counts_what_was_asked_for_and_all_the_money():
    story = Story().bought("a").want("b").intend("b").lose("b").want("c").intend("c").answer("c", pictures=2)
    story.store("c", 0).store("c", 1).finish("c")
    story.tell(ev.Unwanted(at="", run_id="r", catalog="cat", row_id="a", take=1, key=next(iter(story.fold.keys))))
    tally = snapshot(story.fold, 0).tally
    assert (tally.rows, tally.extra, dict(tally.outcomes)) == (4, 1, {"succeeded": 1, "unknown": 1})
    assert (tally.cost_micros, tally.cost_at_risk_micros) == (80_000, 40_000)


def test_a_part_without_rows_still_has_its_columns():
    assert table_of(to_parquet([], PART_SCHEMA)).schema.equals(PART_SCHEMA)
    assert encode(snapshot(Fold(), 0)).entry.rows.rows == 0


def test_the_sign_of_the_room_imports_nothing_until_it_is_asked():
    code = "import sys, tasks.manifest; assert 'pyarrow' not in sys.modules; tasks.manifest.read_manifest"
    subprocess.run([sys.executable, "-c", code + "; assert 'pyarrow' in sys.modules"], check=True)
