"""Comparing texts: the distance is Levenshtein's, the folding is what a person would call the same text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.manifest.reading import answer_json, character_error_rate, edit_distance, fold_text
from tasks.manifest.shape import as_requested


def by_the_book(a: str, b: str) -> int:
    line = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, line[0] = line[0], i
        for j, y in enumerate(b, 1):
            above, line[j] = line[j], min(line[j] + 1, line[j - 1] + 1, above + (x != y))
    return line[-1]


@given(st.text("abc猫", max_size=30), st.text("abc猫", max_size=30))
@settings(max_examples=300, deadline=None)
def test_the_edit_distance_is_levenshteins(a, b):
    assert edit_distance(a, b) == by_the_book(a, b)


def test_long_texts_are_compared_whole():
    assert edit_distance("ab" * 1000, "ba" * 1000) == 2
    assert edit_distance("x" * 2000, "y" * 2000) == 2000


@pytest.mark.parametrize(
    ("expected", "read", "rate"),
    [
        ("HELLO", "HELLO", 0.0),
        ("HELLO", "HALLO", 0.2),
        ("HELLO", "", 1.0),
        ("AB", "ABCDEF", 2.0),
        ("ＨＥＬＬＯ　world", "HELLO\n  world ", 0.0),  # full-width forms and a line break
        ("赛博朋克夜景", "赛博朋克\n夜景", 0.0),  # a line break inside Chinese is no error
        ("안녕 세계", "안녕세계", 0.2),  # a space inside Korean is text
        ("hello", "HELLO", 1.0),  # case is text too
        (None, "HELLO", None),
        ("HELLO", None, None),
        ("  ", "HELLO", None),
    ],
)
def test_the_error_rate_counts_what_a_person_would(expected, read, rate):
    assert character_error_rate(expected, read) == rate


def test_folding_twice_changes_nothing():
    text = "ｶﾞ  Ａ\u3000b\n赛 博 c"
    assert fold_text(fold_text(text)) == fold_text(text) == "ガA b赛博c"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"b":1,"a":2}', '{"a":2,"b":1}'),
        (" [1, 2.5] ", "[1,2.5]"),
        ('```json\n{"a":"猫"}\n```', '{"a":"猫"}'),
        ("a cat", None),
        ("{not json}", None),
        ('{"a": Infinity}', None),
        ("[" * 5000, None),
        ("3", None),
        (None, None),
    ],
)
def test_an_answer_is_json_only_if_it_is_a_whole_object_or_list(text, value):
    assert answer_json(text) == value


@pytest.mark.parametrize(
    ("asked", "width_px", "height_px", "met"),
    [
        ("1024x1024", 1024, 1024, True),
        ("1024x1024", 1024, 1023, False),
        ("2:3", 1024, 1536, True),
        ("2:3", 832, 1248, True),
        ("16:9", 1344, 768, True),  # 1.75: the nearest that sides of 64 allow
        ("2:3", 1024, 1024, False),
        ("1.91:1", 1216, 640, True),
        ("2:0", 1024, 1024, None),
        ("auto", 1024, 1024, None),
        (None, 1024, 1024, None),
    ],
)
def test_a_size_is_met_exactly_and_a_ratio_nearly(asked, width_px, height_px, met):
    assert as_requested(asked, width_px, height_px) is met
