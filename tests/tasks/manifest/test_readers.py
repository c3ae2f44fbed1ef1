"""Readers: four libraries see the same rows, from a folder and from S3, and none of them ever sees half a manifest."""

import io
import threading
from collections import Counter
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tasks.manifest
from tasks.journal import events as ev
from tasks.manifest.alias import MANIFEST, AliasWriter, write_alias
from tasks.manifest.commits import newest_commit
from tasks.manifest.parts import to_parquet
from tasks.manifest.publish import commit_partitions
from tasks.manifest.readers import read_calls, read_manifest
from tasks.manifest.schema import MANIFEST_SCHEMA, PART_SCHEMA, conform
from tasks.storage.local import LocalStore
from tasks.storage.open import open_store
from tests.support.moto import s3_server
from tests.tasks.manifest.story import Story, finished_fold, key_of


def varied() -> Story:
    story = Story().bought("a", row_number=1, tags={"猫": "1e5", "b": ""}, expected_text="HI").read("a")
    story.want("b", row_number=2, samples=3).intend("b", samples=3).lose("b")
    story.want("c", row_number=3, key=None).want("d", row_number=4).intend("d").reject("d")
    return story.want("e", row_number=5, key=key_of("a"), prompt="a \x1f\n\"quoted\", 'prompt' 赛博朋克")


async def dataset(folder: Path) -> LocalStore:
    store = LocalStore(folder)
    commit = await commit_partitions(store, {0: varied().fold, 1: finished_fold(2, 1)}, run_id="r", final=True)
    await AliasWriter(store).flush(commit)
    return store


def by_pandas(path: Path) -> list[dict]:
    frame = pd.read_parquet(path)
    return [{k: _plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def by_polars(path: Path) -> list[dict]:
    return [{k: _plain(v) for k, v in row.items()} for row in pl.read_parquet(path).to_dicts()]


def by_duckdb(path: Path) -> list[dict]:
    found = duckdb.connect().execute("select * from read_parquet(?)", [str(path)])
    names = [column[0] for column in found.description]
    return [{k: _plain(v) for k, v in zip(names, row, strict=True)} for row in found.fetchall()]


def by_pyarrow(path: Path) -> list[dict]:
    return [{k: _plain(v) for k, v in row.items()} for row in pq.read_table(path).to_pylist()]


def _plain(value: object) -> object:
    """One spelling for what the libraries spell differently: maps, missing values, times."""
    if isinstance(value, dict) or hasattr(value, "tolist"):
        value = list(value.items()) if isinstance(value, dict) else value.tolist()
    if isinstance(value, list):
        return [tuple(v.values()) if isinstance(v, dict) else v for v in value]
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, (pd.Timestamp,)):
        return value.to_pydatetime().timestamp()
    if hasattr(value, "timestamp"):
        return value.timestamp()
    return value.item() if hasattr(value, "item") else value


async def test_four_libraries_read_the_same_rows(tmp_path):
    await dataset(tmp_path)
    path = tmp_path / MANIFEST
    expected = by_pyarrow(path)
    assert len(expected) == 9
    assert list(expected[0]) == MANIFEST_SCHEMA.names
    for read in (by_pandas, by_polars, by_duckdb):
        assert read(path) == expected, read.__name__


async def test_read_manifest_gives_what_the_alias_gives(tmp_path):
    await dataset(tmp_path)
    table = tasks.manifest.read_manifest(tmp_path)
    assert table.equals(pq.read_table(tmp_path / MANIFEST))
    for uri in (str(tmp_path), tmp_path.as_uri(), f"{tmp_path}/"):
        assert read_manifest(uri).equals(table)
    assert read_calls(tmp_path).equals(pq.read_table(tmp_path / "calls.parquet"))


async def test_money_is_added_up_exactly_by_sql(tmp_path):
    await dataset(tmp_path)
    query = "select sum(cost_usd), sum(cost_at_risk_usd), count(*) filter (cost_usd is null) from read_parquet(?)"
    spent, at_risk, unknown = duckdb.connect().execute(query, [str(tmp_path / MANIFEST)]).fetchone()
    assert (str(spent), str(at_risk), unknown) == ("0.120000", "0.040000", 3)


async def test_an_earlier_commit_can_be_read_again(tmp_path):
    store = await dataset(tmp_path)
    await commit_partitions(store, {1: finished_fold(5, 1)}, run_id="r2", final=True)
    assert [read_manifest(tmp_path, n).num_rows for n in (1, 2)] == [9, 12]
    assert read_manifest(tmp_path)["manifest_commit"].unique().to_pylist() == [2]
    with pytest.raises(FileNotFoundError):
        read_manifest(tmp_path, 3)


def test_a_folder_without_a_manifest_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing has been committed"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("uri", ["https://example.com/x", "gs://bucket/x", "memory://x"])
def test_a_place_that_cannot_be_read_is_refused_by_name(uri):
    with pytest.raises(ValueError, match="neither a folder"):
        read_manifest(uri)


async def test_a_part_that_does_not_hold_its_rows_is_refused(tmp_path):
    store = await dataset(tmp_path)
    commit = await newest_commit(store)
    await store.put(commit.files[0].key, to_parquet([], PART_SCHEMA))
    with pytest.raises(ValueError, match="0 rows"):
        read_manifest(tmp_path)


async def test_a_manifest_on_s3_is_read_through_the_standard_variables():
    with s3_server() as server, server.as_environment():
        server.make_bucket("bucket")
        store = open_store("s3://bucket/some/prefix")
        commit = await commit_partitions(store, {0: varied().fold}, run_id="r", final=True)
        await AliasWriter(store).flush(commit)
        table = read_manifest("s3://bucket/some/prefix/")
        assert table.num_rows == 7
        assert table.equals(pq.read_table(pa.BufferReader(await store.get(MANIFEST))))
        with pytest.raises(FileNotFoundError):
            read_manifest("s3://bucket/elsewhere")


class Poller(threading.Thread):
    """Reads in a loop and notes the commits that each read showed."""

    def __init__(self, read) -> None:
        super().__init__(daemon=True)
        self.read, self.seen, self.rows, self.stop = read, [], [], threading.Event()
        self.errors: list[Exception] = []

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                table = self.read()
            except Exception as error:
                self.errors.append(error)
                return
            self.seen.append(Counter(table["manifest_commit"].to_pylist()))
            self.rows.append(table.num_rows)
            self.stop.wait(0.005)


async def test_a_reader_polling_during_a_hundred_commits_sees_whole_ones_only(tmp_path):
    store, story = LocalStore(tmp_path), Story()
    writer = AliasWriter(store)
    await writer.flush(await commit_partitions(store, {0: story.bought("first").fold}, run_id="r", final=False))
    pollers = [
        Poller(lambda: read_manifest(tmp_path)),
        Poller(lambda: pq.read_table(io.BytesIO((tmp_path / MANIFEST).read_bytes()))),
    ]
    for poller in pollers:
        poller.start()
    for number in range(100):
        commit = await commit_partitions(store, {0: story.bought(f"r{number}").fold}, run_id="r", final=False)
        if number % 5 == 0:
            await writer.flush(commit)
    for poller in pollers:
        poller.stop.set()
        poller.join()
        assert poller.errors == []
        assert all(len(commits) == 1 for commits in poller.seen)
        assert poller.rows == sorted(poller.rows)
    assert len(set(pollers[0].rows)) > 3, "the reader did not see the manifest grow"


async def test_negative_control_a_key_overwritten_in_place_mixes_two_commits_under_a_reader(tmp_path):
    """What parts and aliases are protected from: the same object rewritten while a reader ranges over it."""
    path = tmp_path / "stable.parquet"
    schema = pa.schema([("row_id", pa.string()), ("manifest_commit", pa.int64())])

    def body(commit: int) -> bytes:
        sink = io.BytesIO()
        with pq.ParquetWriter(sink, schema, compression="none", use_dictionary=False, write_statistics=False) as writer:
            for _ in range(2):
                writer.write_table(pa.table([["x"] * 50, [commit] * 50], schema=schema))
        return sink.getvalue()

    assert len(body(1)) == len(body(2))
    path.write_bytes(body(1))
    with pa.OSFile(str(path)) as held:
        reader = pq.ParquetFile(held)
        first = reader.read_row_group(0)
        with path.open("r+b") as overwritten:  # as an object store does: the key stays, the bytes change
            overwritten.write(body(2))
        second = reader.read_row_group(1)
    mixed = pa.concat_tables([first, second])
    assert set(mixed["manifest_commit"].to_pylist()) == {1, 2}, "the column must show what the reader did not notice"


async def test_an_alias_replaced_by_rename_does_not_mix_under_the_same_reader(tmp_path):
    store, story = LocalStore(tmp_path), Story().bought("a")
    await write_alias(store, MANIFEST, await commit_partitions(store, {0: story.fold}, run_id="r", final=False))
    with pa.OSFile(str(tmp_path / MANIFEST)) as held:
        reader = pq.ParquetFile(held)
        newer = await commit_partitions(store, {0: story.bought("b").fold}, run_id="r", final=False)
        await write_alias(store, MANIFEST, newer)
        assert set(reader.read()["manifest_commit"].to_pylist()) == {1}
    assert set(pq.read_table(tmp_path / MANIFEST)["manifest_commit"].to_pylist()) == {2}


async def test_a_new_reader_reads_a_part_written_before_a_column_was_added(tmp_path):
    store = LocalStore(tmp_path)
    commit = await commit_partitions(store, {0: varied().fold}, run_id="r", final=True)
    key = commit.files[0].key
    old = pq.read_table(pa.BufferReader(await store.get(key))).drop_columns(["has_c2pa", "answer_json", "ocr_wanted"])
    await store.put(key, to_parquet(old.to_batches(), old.schema))
    table = read_manifest(tmp_path)
    assert table.schema.equals(MANIFEST_SCHEMA)
    assert table["has_c2pa"].null_count == table.num_rows
    assert await write_alias(store, MANIFEST, commit)
    assert pq.read_table(tmp_path / MANIFEST).equals(table)


async def test_an_old_reader_reads_a_part_written_after_a_column_was_added(tmp_path):
    store = LocalStore(tmp_path)
    commit = await commit_partitions(store, {0: varied().fold}, run_id="r", final=True)
    before = read_manifest(tmp_path)
    key = commit.files[0].key
    new = pq.read_table(pa.BufferReader(await store.get(key))).append_column("mood", pa.array(["good"] * 7))
    await store.put(key, to_parquet(new.to_batches(), new.schema))
    assert read_manifest(tmp_path).equals(before)
    old_columns = ["row_id", "outcome", "cost_usd", "manifest_commit"]
    await write_alias(store, MANIFEST, commit)
    assert pq.read_table(tmp_path / MANIFEST, columns=old_columns).equals(before.select(old_columns))


def test_parts_of_two_versions_make_one_table():
    now = pa.table({"row_id": ["a"], "take": pa.array([1], pa.int32())})
    older = pa.table({"row_id": ["b"], "take": pa.array([2], pa.int16())})
    schema = pa.schema([("row_id", pa.string()), ("take", pa.int32()), ("added", pa.decimal128(18, 6))])
    both = pa.concat_tables([conform(now, schema), conform(older, schema)])
    assert both.to_pylist() == [{"row_id": "a", "take": 1, "added": None}, {"row_id": "b", "take": 2, "added": None}]


async def test_signatures_of_urls_are_in_no_file_of_the_manifest(tmp_path):
    store = LocalStore(tmp_path)
    story = Story().want("a").intend("a").answer("a")
    story.tell(ev.Paused(at="", reason="interrupted", keys=(key_of("a"),)))
    await AliasWriter(store).flush(await commit_partitions(store, {0: story.fold}, run_id="r", final=True))
    table = read_manifest(tmp_path)
    assert table["source_url"].to_pylist() == ["https://cdn.example/a-0.png"]
    assert "SECRET" not in str(table.to_pylist()) + str(read_calls(tmp_path).to_pylist())
