"""Parquet catalogs: typed cells become the same rows that text cells do."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from catalogs.reader import CatalogRead
from catalogs.types import Row
from tests.catalogs.reading import read

M = "gpt-image-2"


def as_parquet(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def read_table(columns: dict[str, Any], **options: Any) -> tuple[list[Row], CatalogRead]:
    return read(as_parquet(columns), **options)


def test_typed_columns_become_the_values_that_text_gives() -> None:
    rows, catalog = read_table(
        {
            "Prompt": ["a cat", "a dog"],
            "model": pa.array(["flux-kontext-max", "flux-kontext-max"]).dictionary_encode(),
            "seed": [7.0, None],
            "n": pa.array([1, None], pa.int8()),
            "prompt_upsampling": [True, None],
            "ocr": [False, True],
        }
    )
    assert not catalog.problems
    assert [row.params for row in rows] == [{"prompt_upsampling": True, "seed": 7}, {}]
    assert [row.ocr for row in rows] == [False, True]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (7.5, "7.5"),
        (float("nan"), ""),
        (None, ""),
        (True, "true"),
        ("NA", "NA"),
        (b"bytes", "bytes"),
        (Decimal("1.80"), "1.80"),
        (date(2026, 11, 21), "2026-11-21"),
        (datetime(2026, 11, 21, 10, 0, 0, 250_000), "2026-11-21T10:00:00.25"),
        (datetime(2026, 11, 21, 10, tzinfo=UTC), "2026-11-21T10:00:00Z"),
        ([1, 2], "[1, 2]"),
        ({"k": "猫"}, '{"k": "猫"}'),
    ],
)
def test_a_typed_label_is_its_plain_text(value: Any, text: str) -> None:
    (row,), _ = read_table({"prompt": ["a cat"], "model": [M], "label": [value]})
    assert row.tags == {"label": text}


def test_a_list_of_pictures_is_a_list_of_pictures() -> None:
    urls = ["https://a.example/1.png", "https://a.example/2.png"]
    (row,), catalog = read_table({"prompt": ["x"], "model": [M], "operation": ["edit"], "images": [urls]})
    assert not catalog.problems
    assert [ref.target for ref in row.images] == urls


def test_a_struct_of_params_is_a_json_object() -> None:
    (row,), _ = read_table({"prompt": ["x"], "model": [M], "params": [{"quality": "low"}]})
    assert row.params == {"quality": "low"}


def test_parquet_is_known_by_its_bytes_not_by_its_name() -> None:
    rows, _ = read_table({"prompt": ["a cat"], "model": [M]}, name="c.csv")
    assert [row.prompt for row in rows] == ["a cat"]


def test_csv_and_parquet_name_the_same_rows() -> None:
    (typed,), _ = read_table({"prompt": ["a cat"], "model": [M], "n": [2]})
    (text,), _ = read(f"prompt,model,n\na cat,{M},2\n")
    assert typed == text


def test_many_batches_and_row_groups_keep_their_order_and_can_be_read_again() -> None:
    prompts = [f"cat {i}" for i in range(10_000)]
    _, catalog = read(as_parquet({"prompt": prompts, "model": [M] * len(prompts)}, row_group_size=3_000))
    assert [row.prompt for row in catalog] == prompts
    assert [row.row_number for row in catalog] == list(range(1, 10_001))


def test_text_that_is_not_utf_8_is_a_problem_of_its_row() -> None:
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"a cat", b"a \xff dog"], pa.binary()).buffers())
    rows, catalog = read_table({"prompt": bad, "model": [M, M]})
    assert [row.prompt for row in rows] == ["a cat"]
    assert [(p.row_number, p.column) for p in catalog.problems.errors] == [(2, "prompt")]


def test_a_nul_in_a_cell_is_a_problem_of_its_row() -> None:
    _, catalog = read_table({"prompt": ["a cat", "a\0dog"], "model": [M, M]})
    assert [(p.row_number, p.column, p.found) for p in catalog.problems.errors] == [(2, "prompt", r"'a\x00dog'")]


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_parquet_file_cut_short_is_one_problem(kept: float) -> None:
    data = as_parquet({"prompt": [f"cat {i}" for i in range(2_000)], "model": [M] * 2_000})
    rows, catalog = read(data[: int(len(data) * kept)])
    assert not rows
    assert len(catalog.problems.errors) == 1


def test_damage_inside_a_parquet_file_is_one_problem() -> None:
    data = bytearray(as_parquet({"prompt": [f"cat {i}" for i in range(2_000)], "model": [M] * 2_000}))
    data[200:1200] = bytes(1000)
    _, catalog = read(bytes(data))
    (problem,) = catalog.problems.errors
    assert "cannot be read" in problem.found


def test_a_column_name_that_is_not_utf_8_is_one_problem() -> None:
    data = as_parquet({"prompt": ["a cat"], "model": [M]}, store_schema=False)
    rows, catalog = read(data.replace(b"\x06prompt", b"\x06\xff\xffompt"))
    (problem,) = catalog.problems.errors
    assert rows == []
    assert "cannot be read" in problem.found
