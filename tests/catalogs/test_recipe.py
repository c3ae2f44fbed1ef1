"""Recipes: what they expand to, that the same seed gives the same file, and that all their problems come at once."""

import csv
import io
import json
import tomllib
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalogs.expanding import Expanded, Kind, expand
from catalogs.reader import read_catalog
from catalogs.recipe import Recipe, read_recipe
from catalogs.types import Row

HEAD = '[columns]\nmodel = "dall-e-3"\n'


def made(text: str, kind: Kind = "csv") -> tuple[Expanded, bytes]:
    out = io.BytesIO()
    return expand(read(text), out, kind=kind, base=None), out.getvalue()


def read(text: str) -> Recipe:
    return read_recipe(io.BytesIO(text.encode()), "night.toml")


def rows_of(text: str, kind: Kind = "csv") -> list[Row]:
    """The rows as the catalog reader sees them; it may find nothing wrong."""
    expanded, body = made(text, kind)
    assert list(expanded.problems.errors) == []
    catalog = read_catalog(io.BytesIO(body), name=f"night.{kind}", catalog="night", base=None)
    rows = list(catalog)
    assert list(catalog.problems.errors) == []
    assert len(rows) == expanded.rows
    return rows


def lines_of(text: str) -> list[str]:
    expanded, _ = made(text)
    return list(expanded.problems.lines())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_axes_are_multiplied_the_last_one_changing_fastest(kind: Kind) -> None:
    rows = rows_of(HEAD + '[axes]\nprompt = ["a cat", "一只\\n\\"猫\\""]\nsize = ["1024x1024", "1792x1024"]\n', kind)
    assert [(row.prompt, row.size) for row in rows] == [
        ("a cat", "1024x1024"), ("a cat", "1792x1024"), ('一只\n"猫"', "1024x1024"), ('一只\n"猫"', "1792x1024"),
    ]  # fmt: skip


def test_axes_that_are_zipped_go_in_step_and_are_multiplied_with_the_others() -> None:
    rows = rows_of(
        HEAD + '[axes]\nprompt = ["a", "b"]\nquality = ["hd", "standard"]\n"tag:lang" = ["en", "de"]\n'
        '[matrix]\nzip = [["prompt", "tag:lang"]]\n'
    )
    assert [(row.prompt, row.tags["lang"], row.params["quality"]) for row in rows] == [
        ("a", "en", "hd"), ("a", "en", "standard"), ("b", "de", "hd"), ("b", "de", "standard"),
    ]  # fmt: skip


def test_an_item_that_is_a_table_sets_several_columns() -> None:
    rows = rows_of(
        HEAD + 'template = "scene"\n[axes]\nsubject = ["海边"]\n'
        'scene = [{ time = "清晨", weather = "雾" }, { time = "夜", weather = "雨" }]\n'
    )
    assert [("清晨" in row.prompt, "雨" in row.prompt) for row in rows] == [(True, False), (False, True)]


def test_variations_of_one_theme_and_the_five_part_prompt_come_from_their_templates() -> None:
    theme = rows_of(HEAD + 'template = "variation"\nsubject = "灯塔"\n[axes]\nvariation = ["日出", "暴风雨"]\n')
    assert [row.prompt for row in theme] == ["灯塔,日出", "灯塔,暴风雨"]
    five = rows_of(
        HEAD + 'template = "five-part"\nsubject = "a cat"\nenvironment = "on a roof"\nquality_words = "8k"\n'
        '[axes]\nart_style = ["watercolor"]\nlighting = ["at dawn"]\n'
    )
    assert five[0].prompt == "a cat, watercolor style, translucent, flowing colors, on a roof, at dawn, 8k"


def test_exclusions_take_out_rows_that_have_all_of_their_values() -> None:
    rows = rows_of(
        HEAD + '[axes]\nprompt = ["a", "b", "c"]\nquality = ["hd", "standard"]\n'
        '[[exclude]]\nprompt = ["a", "b"]\nquality = "hd"\n[[exclude]]\nprompt = "c"\n'
    )
    assert [(row.prompt, row.params["quality"]) for row in rows] == [("a", "standard"), ("b", "standard")]


def test_a_sample_has_different_rows_follows_the_weights_and_depends_on_the_seed_alone() -> None:
    def text(seed: int) -> str:
        names = ", ".join(f'"a cat in room {i}"' for i in range(1000))
        return (
            HEAD + f'[axes]\nprompt = [{names}]\nquality = ["hd", {{ value = "standard", weight = 9 }}]\n'
            f"[matrix]\nsample = 300\nseed = {seed}\n"
        )

    assert made(text(1))[1] == made(text(1))[1]
    assert made(text(1), "parquet")[1] == made(text(1), "parquet")[1]
    assert made(text(1))[1] != made(text(2))[1]
    rows = rows_of(text(1))
    assert len({(row.prompt, row.params["quality"]) for row in rows}) == 300
    counts = Counter(row.params["quality"] for row in rows)
    assert 240 <= counts["standard"] <= 290  # 9 of 10, a little fewer because no row comes twice


def test_a_sample_of_a_matrix_too_large_to_list_is_drawn_and_the_same_again() -> None:
    axes = "".join(f'"tag:t{i}" = [{", ".join(map(str, range(100)))}]\n' for i in range(5))
    text = HEAD + f'prompt = "a cat"\n[axes]\n{axes}[matrix]\nsample = 500\nseed = 3\n'
    assert made(text)[1] == made(text)[1]
    assert len({tuple(row.tags.items()) for row in rows_of(text)}) == 500


def test_a_sample_can_take_every_row_that_is_left_but_not_one_more() -> None:
    text = HEAD + '[axes]\nprompt = ["a", "b", "c"]\n[matrix]\nsample = {}\n[[exclude]]\nprompt = "b"\n'
    assert [row.prompt for row in rows_of(text.format(2))] == ["a", "c"]
    assert lines_of(text.format(3)) == [
        "night.toml, column matrix.sample: found 3; at most 2: exclusions and weights leave no more"
    ]


def test_every_problem_of_a_recipe_and_of_its_cells_is_listed_at_once() -> None:
    lines = lines_of(
        """
        [columns]
        template = "five-prt"
        promt = "x"
        [axes]
        subject = ["a", "a", { value = "c", weight = -1 }]
        art_style = []
        ratio = ["7:5", "1:1"]
        model = ["dall-e-9"]
        light = [{ lighting = "dawn" }, { mood = "calm" }]
        [matrix]
        zip = [["subject", "ratios"], ["ratio", "light", "model"]]
        sampel = 4
        sample = 0
        [[exclude]]
        art = "x"
        ratio = "9:9"
        [extra]
        """
    )
    for part in (
        "'extra'", "axes.subject: found item 2 is item 1", "weight '-1'", "axes.art_style: found '[]'", "'ratios'",
        "axes.light: found item 2 sets mood", "ratio has 2, model has 1", "'sampel'", "matrix.sample: found '0'",
        "column exclude 1: found 'art'", "exclude 1.ratio: found '9:9'", "column promt", "'dall-e-9'", "'five-prt'",
    ):  # fmt: skip
        assert any(part in line for line in lines), (part, lines)


def test_a_problem_that_many_rows_share_is_listed_once_with_its_first_row_and_their_number() -> None:
    lines = lines_of(HEAD + '[axes]\nprompt = ["a cat", "a dog"]\nsize = ["1024x1024", "512x512"]\n')
    assert len([line for line in lines if not line.startswith("warning")]) == 1
    assert "row 2, column size: found '512x512' in 2 rows" in lines[0]


@pytest.mark.parametrize(
    "text",
    [
        "a = ",
        "\x00",
        '[columns]\nmodel = "dall-e-3"\n',
        "[axes]\nx = 5\n",
        "columns = 1\n",
        "[matrix]\nzip = 3\n",
        "exclude = 7\n",
    ],
)
def test_a_file_that_is_no_recipe_is_a_problem_and_never_an_exception(text: str) -> None:
    assert lines_of(text)


def test_a_recipe_whose_exclusions_leave_nothing_is_a_problem() -> None:
    assert "exclusions that leave" in lines_of(HEAD + '[axes]\nprompt = ["a"]\n[[exclude]]\nprompt = "a"\n')[0]


@settings(max_examples=60, deadline=None)
@example(texts=["\r0"])
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=1, max_size=4, unique=True
    )
)
def test_whatever_text_an_axis_holds_reads_back_as_it_is(texts: list[str]) -> None:
    items = ", ".join(json.dumps(text).replace("\\ud", "\\uD").replace("\x7f", "\\u007F") for text in texts)
    text = HEAD + f'prompt = "a cat"\n[axes]\n"tag:note" = [{items}]\n'
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # JSON writes characters above U+FFFF in two halves, which TOML has no word for
    assert [row.tags["note"] for row in rows_of(text)] == texts


def cells(value: Any) -> str:
    expanded, body = made(HEAD + f'prompt = "a cat"\n[axes]\n"tag:x" = [{value}]\n')
    assert not expanded.problems
    return list(csv.reader(io.StringIO(body.decode())))[1][-1]


@pytest.mark.parametrize(
    ("toml", "cell"),
    [("true", "true"), ("7", "7"), ("0.5", "0.5"), ("2026-11-21", "2026-11-21"), ('["a.png", "b.png"]', "a.png;b.png")],
)
def test_toml_values_become_the_cells_a_person_would_write(toml: str, cell: str) -> None:
    assert cells(toml) == cell
