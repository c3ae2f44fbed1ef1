"""A file that is replaced under a reader who opens it twice gives the older version whole."""

import io
import random
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.manifest.beside import MAGIC, beside, data_of, joined, shifted
from tasks.manifest.schema import MANIFEST_SCHEMA

Seen = tuple[int, set[int]]  # rows, commits


def by_pyarrow(path: Path) -> Seen:
    table = pq.read_table(path)
    return table.num_rows, set(table["manifest_commit"].to_pylist())


def by_pandas(path: Path) -> Seen:
    frame = pd.read_parquet(path)
    return len(frame), set(frame["manifest_commit"])


def by_polars(path: Path) -> Seen:
    frame = pl.read_parquet(path)
    return frame.height, set(frame["manifest_commit"])


def by_duckdb(path: Path) -> Seen:
    rows, commits = duckdb.sql(f"select count(*), list(distinct manifest_commit) from '{path}'").fetchall()[0]
    return rows, set(commits)


READERS: dict[str, Callable[[Path], Seen]] = {
    "pyarrow": by_pyarrow,
    "pandas": by_pandas,
    "polars": by_polars,
    "duckdb": by_duckdb,
}


def version(number: int, rows: int, *, seed: int = 0) -> bytes:
    """A manifest of so many rows, every one of that commit, of texts that do not compress to nothing."""
    rng = random.Random(seed + number)
    columns = {
        "manifest_commit": [number] * rows,
        "row_id": [f"{rng.getrandbits(64):x}" for _ in range(rows)],
        "outcome": [rng.choice(("succeeded", "failed")) for _ in range(rows)],
    }
    arrays = [pa.array(columns.get(f.name, [None] * rows), f.type) for f in MANIFEST_SCHEMA]
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays(arrays, schema=MANIFEST_SCHEMA)
    pq.write_table(table, sink, compression="zstd", use_dictionary=["outcome"], row_group_size=100)
    return sink.getvalue().to_pybytes()


def replaced(shown: bytes, plain: bytes) -> bytes:
    """The file that takes the place of ``shown``."""
    return joined(beside(data_of(shown), io.BytesIO(plain)))


def rows_of(body: bytes, footer_of: bytes | None = None) -> pa.Table:
    """The table in ``body``, by its own footer or by that of another file."""
    metadata = None if footer_of is None else pq.read_metadata(pa.BufferReader(footer_of))
    return pq.ParquetFile(pa.BufferReader(body), metadata=metadata).read()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=2, max_size=8))
def test_each_version_holds_itself_and_the_one_before_whatever_their_sizes(sizes: list[int]) -> None:
    shown = version(1, sizes[0])
    for number, rows in enumerate(sizes[1:], 2):
        plain = version(number, rows)
        new = replaced(shown, plain)
        assert rows_of(new).equals(rows_of(plain))
        assert rows_of(new, footer_of=shown).equals(rows_of(shown)), "the older footer no longer finds its rows"
        assert pq.read_metadata(pa.BufferReader(new)).metadata == pq.read_metadata(pa.BufferReader(plain)).metadata
        shown = new


def test_the_file_stays_below_four_times_its_data_however_often_it_is_replaced() -> None:
    shown, largest = version(1, 200), 0.0
    for number in range(2, 40):
        plain = version(number, 200 + 10 * number)
        shown = replaced(shown, plain)
        largest = max(largest, len(shown) / len(plain))
    assert largest < 4


def test_without_a_forerunner_or_beyond_the_limit_the_file_is_left_as_it_is() -> None:
    plain, next_one = version(1, 10), version(2, 10)
    assert joined(beside(None, io.BytesIO(plain))) == plain
    assert data_of(plain, most_bytes=1000) is None
    assert joined(beside(data_of(plain), io.BytesIO(next_one), most_bytes=1000)) == next_one
    assert replaced(plain, next_one) != next_one


@pytest.mark.parametrize("name", READERS)
def test_every_reader_reads_a_file_with_a_gap(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    shown = version(1, 300)
    for number in (2, 3, 4):
        shown = replaced(shown, version(number, 300 + number))
        path.write_bytes(shown)
        assert READERS[name](path) == (300 + number, {number})


def test_a_footer_is_shifted_everywhere_it_names_a_place() -> None:
    body = version(1, 250)
    size = int.from_bytes(body[-8:-4], "little")
    footer = shifted(body[-8 - size : -8], 1000)
    moved = MAGIC + bytes(1000) + body[4:]
    moved = moved[: -8 - size] + footer + len(footer).to_bytes(4, "little") + MAGIC
    old, new = pq.read_metadata(pa.BufferReader(body)), pq.read_metadata(pa.BufferReader(moved))
    for group in range(old.num_row_groups):
        for column in range(old.num_columns):
            before, after = old.row_group(group).column(column), new.row_group(group).column(column)
            assert after.data_page_offset == before.data_page_offset + 1000
            if before.has_dictionary_page:
                assert after.dictionary_page_offset == before.dictionary_page_offset + 1000
    assert rows_of(moved).equals(rows_of(body))


@pytest.mark.parametrize("name", READERS)
def test_no_reader_is_disturbed_by_a_file_that_is_replaced_while_it_reads(name: str, tmp_path: Path) -> None:
    hits, wrong = hammered(READERS[name], tmp_path, keep=True)
    assert hits, "the hammer does not hit"
    assert wrong == []


def test_the_control_without_the_gap_a_reader_is_disturbed(tmp_path: Path) -> None:
    assert hammered(by_polars, tmp_path, keep=False)[1]


def hammered(read: Callable[[Path], Seen], tmp_path: Path, *, keep: bool) -> tuple[int, list[str]]:
    """Reads during which the file was replaced once, and what went wrong in them. ``keep``: as our aliases are."""
    path, spare, over = tmp_path / "m.parquet", tmp_path / "spare", threading.Event()
    bodies: list[bytes] = []
    for number in range(1, 61):
        plain = version(number, 300 + 7 * number)
        bodies.append(replaced(bodies[-1], plain) if keep and bodies else plain)
    path.write_bytes(bodies[0])
    begun = done = 0  # replacements

    def replace() -> None:
        nonlocal begun, done
        for body in bodies[1:]:
            spare.write_bytes(body)
            begun += 1
            spare.replace(path)
            done += 1
            over.wait(0.02)
        over.set()

    writer, hits = threading.Thread(target=replace), 0
    wrong: list[str] = []
    writer.start()
    while not over.is_set():
        before, problem = done, ""
        try:
            rows, commits = read(path)
            if len(commits) != 1 or rows != 300 + 7 * max(commits):
                problem = f"{rows} rows of commits {commits}"
        except Exception as error:
            problem = str(error)[:80]
        if begun - before <= 1:  # who meets two replacements in one read may see it
            hits += begun - before
            wrong += [problem] if problem else []
    writer.join()
    return hits, wrong
