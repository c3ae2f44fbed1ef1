"""Any text survives the way from a cell to a row, and no file makes the reader raise."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from catalogs.columns import COLUMNS
from catalogs.problems import shown
from catalogs.shapes import Shape
from tests.catalogs.reading import read
from tests.support.damage import damaged

M = "gpt-image-2"
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
prompts = text.filter(lambda prompt: prompt.strip())
TELLING = (
    *("edit", "vision", "ocr", "1", "0", "2:3", "1024x1024", "true", "row:a", "row:a#1", "a", "{}", '{"n":1}', "scene"),
    *("gpt-image-2", "sora_image", "gemini-2.5-pro", "auto:bulk", "https://h.example/a.png", "一只猫【2:3】"),
)
quiet = settings(max_examples=60, deadline=None)


def samples() -> list[bytes]:
    """Small catalogs as people write them, and the same as Parquet."""
    found = sorted(path.read_bytes() for path in CATALOGS.glob("*.csv"))
    assert found
    sink = io.BytesIO()
    columns = {"prompt": ["a hill", None], "model": [M, "sora_image"], "n": [1, 2], "ocr": [True, False]}
    parquet.write_table(pa.table(columns), sink)
    return [*(body[:3000] for body in found), sink.getvalue()]


CATALOGS = Path(__file__).parents[2] / "catalogs"
SAMPLES = samples()


@quiet
@given(st.lists(st.tuples(prompts, text), min_size=1, max_size=5), st.sampled_from(",;\t"), st.booleans())
def test_any_text_survives_csv(cells: list[tuple[str, str]], delimiter: str, quote_all: bool) -> None:
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=delimiter, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    writer.writerows([["prompt", "model", "label"], *((prompt, M, label) for prompt, label in cells)])
    rows, catalog = read(sink.getvalue())
    assert not catalog.problems
    assert [(row.prompt, row.tags["label"]) for row in rows] == cells


@quiet
@given(st.lists(st.tuples(prompts, text), min_size=1, max_size=5))
def test_any_text_without_tabs_and_line_ends_survives_a_plain_tab_separated_file(cells: list[tuple[str, str]]) -> None:
    plain = [["".join(c for c in cell if c not in "\t\r\n") or "x" for cell in row] for row in cells]
    plain = [[prompt if prompt.strip() else "x", label] for prompt, label in plain]
    # a file in which every quote mark could be CSV's is taken as CSV; one that cannot be makes it plain
    plain.append(['"plain" text', "x"])
    rows, catalog = read("\n".join(["prompt\tlabel", *("\t".join(row) for row in plain)]), model_override=M)
    assert not catalog.problems
    assert [[row.prompt, row.tags["label"]] for row in rows] == plain


@quiet
@given(st.lists(st.tuples(prompts, text), min_size=1, max_size=5))
def test_any_text_survives_parquet(cells: list[tuple[str, str]]) -> None:
    sink = io.BytesIO()
    columns = {"prompt": [prompt for prompt, _ in cells], "label": [label for _, label in cells]}
    parquet.write_table(pa.table(columns), sink)
    rows, catalog = read(sink.getvalue(), model_override=M)
    assert not catalog.problems
    assert [(row.prompt, row.tags["label"]) for row in rows] == cells


def files(data: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Anything, what begins like a catalog, and catalogs that suffered on their way."""
    return data | data.map(lambda tail: b"prompt,model\n" + tail) | damaged(SAMPLES, most=6)


tables = st.lists(
    st.dictionaries(st.sampled_from([*COLUMNS, "tag:x", "promt", "user"]), text | st.sampled_from(TELLING), max_size=8),
    min_size=1,
    max_size=6,
)


@quiet
@given(files(st.binary(max_size=400)))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    check_bytes(data)


@pytest.mark.slow
@settings(max_examples=50_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(files(st.binary(max_size=400)))
def test_fifty_thousand_files_make_the_reader_raise_not_once(data: bytes) -> None:
    check_bytes(data)


def check_bytes(data: bytes) -> None:
    rows, catalog = read(data)
    assert all(line.isprintable() for line in catalog.problems.lines())
    assert len(rows) <= catalog.rows_read


@settings(max_examples=150, deadline=None)
@given(tables)
def test_no_cells_make_the_reader_raise_and_every_row_is_either_good_or_a_problem(table: list[dict[str, str]]) -> None:
    check_cells(table)


@pytest.mark.slow
@settings(max_examples=50_000, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(tables)
def test_fifty_thousand_tables_lose_no_row_and_make_the_reader_raise_not_once(table: list[dict[str, str]]) -> None:
    check_cells(table)


def check_cells(table: list[dict[str, str]]) -> None:
    header = list(dict.fromkeys(["prompt", *(name for row in table for name in row)]))
    sink = io.StringIO()
    csv.writer(sink).writerows([header, *([row.get(name, "") for name in header] for row in table)])
    rows, catalog = read(sink.getvalue())
    good = {row.row_number for row in rows}
    named = {problem.row_number for problem in (*catalog.problems.errors, *catalog.problems.warnings)}
    # rows of nothing visible are left out with one warning for all of them
    empty = {number for number, row in enumerate(table, 1) if not any(value.strip() for value in row.values())}
    assert set(range(1, catalog.rows_read + 1)) <= good | named | empty
    assert len({row.row_id for row in rows}) == len(rows)
    assert all(line.isprintable() for line in catalog.problems.lines())


@quiet
@given(st.text())
def test_what_a_message_shows_is_short_and_printable(value: str) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) < 700


def test_a_shape_that_was_never_checked_has_no_request() -> None:
    assert Shape().settle().request is None
