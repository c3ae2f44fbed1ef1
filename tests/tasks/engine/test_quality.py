"""Quality as data: duplicates, diversity, sizes, blank pictures, two readers; each with a negative control."""

import random
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.sandbox.process import SandboxProcess
from tasks.engine.analysis.quality import Agreement, agreement, cells, diversity, near_duplicates
from tasks.manifest.readers import read_manifest
from tests.support.runs import run, write_catalog

FIELDS = {
    "phash": pa.string(), "blank": pa.bool_(), "size_as_requested": pa.bool_(), "sha256": pa.string(),
    "outcome": pa.string(), "current": pa.bool_(), "model": pa.string(), "tags": pa.map_(pa.string(), pa.string()),
    "ocr_text": pa.string(), "ocr_status": pa.string(),
}  # fmt: skip


def table(rows: list[dict[str, Any]]) -> pa.Table:
    plain = {"outcome": "succeeded", "current": True, "blank": False, "tags": []}
    filled = [plain | {"sha256": f"{at:064x}", "phash": f"{at:016x}"} | row for at, row in enumerate(rows)]
    return pa.Table.from_pylist(filled, schema=pa.schema(FIELDS.items()))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=12), st.lists(st.integers(0, 63), max_size=12), st.integers(0, 10))
def test_near_duplicates_are_those_that_comparing_all_pairs_finds(
    values: list[int], flips: list[int], near_bits: int
) -> None:
    near = [value ^ (1 << flip) for value, flip in zip(values, flips, strict=False)]
    hashes = {str(at): f"{value:016x}" for at, value in enumerate([*values, *near])}
    linked = {name: {name} for name in hashes}
    for one, other in combinations(hashes, 2):
        if (int(hashes[one], 16) ^ int(hashes[other], 16)).bit_count() <= near_bits and linked[one] is not linked[
            other
        ]:
            merged = linked[one] | linked[other]
            linked |= dict.fromkeys(merged, merged)
    wanted = {frozenset(group) for group in linked.values() if len(group) > 1}
    assert {frozenset(group) for group in near_duplicates(hashes, near_bits)} == wanted


def test_ten_thousand_different_pictures_have_no_duplicates_and_a_thousand_equal_ones_are_one_group() -> None:
    draw = random.Random(5)
    hashes = {str(at): f"{draw.getrandbits(64):016x}" for at in range(10_000)}
    assert near_duplicates(hashes) == []
    equal = {str(at): "8000000000000000" for at in range(1_000)}
    assert [len(group) for group in near_duplicates(hashes | equal)] == [1_000]


@pytest.mark.parametrize(
    ("hashes", "wanted"),
    [
        ([], None),
        (["0" * 16], None),
        (["0" * 16, "f" * 16], 2.0),
        (["0" * 16] * 3, 0.0),
        (["0" * 16, "0" * 8 + "f" * 8], 1.0),
    ],
)
def test_diversity_is_the_mean_distance_over_that_of_unrelated_pictures(
    hashes: list[str], wanted: float | None
) -> None:
    assert diversity(hashes) == wanted


def test_cells_count_only_current_succeeded_pictures_by_the_value_of_a_tag_or_a_column() -> None:
    rows = [
        {"model": "a", "tags": [("scene", "dusk")], "phash": "0" * 16, "size_as_requested": True},
        {"model": "a", "tags": [("scene", "dusk")], "phash": "0" * 15 + "1", "size_as_requested": False},
        {"model": "b", "tags": [("scene", "noon")], "phash": "f" * 16, "blank": True},
        {"model": "b", "tags": [], "current": False},
        {"model": "b", "tags": [], "outcome": "refused", "sha256": None, "phash": None},
    ]
    dusk, noon = cells(table(rows), "tag:scene")
    assert (dusk.value, dusk.pictures, dusk.groups, dusk.size_asked, dusk.size_wrong) == ("dusk", 2, 1, 2, 1)
    assert (noon.value, noon.pictures, noon.groups, noon.blank, noon.diversity) == ("noon", 1, 1, 1, None)
    assert [(cell.value, cell.pictures) for cell in cells(table(rows), "model")] == [("a", 2), ("b", 1)]
    (both,) = cells(table(rows))
    assert (both.pictures, both.groups, both.blank) == (3, 2, 1)


def test_two_readers_agree_on_what_both_have_read() -> None:
    one = table([
        {"ocr_text": "Hello", "ocr_status": "text"}, {"ocr_text": "海 边", "ocr_status": "text"},
        {"ocr_text": None, "ocr_status": "no_text"}, {"ocr_text": None, "ocr_status": "failed"},
    ])  # fmt: skip
    other = table([
        {"ocr_text": "Hallo", "ocr_status": "text"}, {"ocr_text": "海边", "ocr_status": "text"},
        {"ocr_text": None, "ocr_status": "no_text"}, {"ocr_text": "x", "ocr_status": "text"},
    ])  # fmt: skip
    assert agreement(one, other) == Agreement(pairs=3, equal=2, median_difference=0.0)
    assert agreement(one, table([])) == Agreement(pairs=0, equal=0, median_difference=None)


async def test_blank_pictures_of_a_gateway_are_found_and_those_of_a_good_one_are_not(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"boat {i}{' [[scenario:blank_picture]]' * (i % 2)}", "model": "dall-e-2", "tag:odd": str(i % 2)}
        for i in range(8)
    ]
    with SandboxProcess(latency_scale=0) as sandbox:
        await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox)
    found = {cell.value: cell.blank for cell in cells(read_manifest(tmp_path / "ds"), "tag:odd")}
    assert found == {"0": 0, "1": 4}
