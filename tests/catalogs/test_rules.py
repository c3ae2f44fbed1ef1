"""The language of accept rules: what is true, what is not known, and where a mistake is."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.rules import BadRule, Kind, parse_rule

COLUMNS: Mapping[str, Kind] = {
    "cer": "number", "width_px": "number", "cost_usd": "number", "model": "text", "ocr_text": "text",
    "size_as_requested": "flag", "finished_at": "other", "tags": "other",
}  # fmt: skip
ROW = {
    "cer": 0.1, "width_px": 1024, "cost_usd": Decimal("0.010000"), "model": "dall-e-3", "ocr_text": None,
    "size_as_requested": True, "tags": {"lang": "zh", "shelf": "7"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("cer<=0.1 and width_px>=1024", True),
        ("cer < 0.1", False),
        ("CER = 0.1 AND Model == 'dall-e-3'", True),
        ("cost_usd <= 0.01", True),
        ("cost_usd < 1e-2", False),
        ("size_as_requested", True),
        ("not size_as_requested", False),
        ("size_as_requested = false", False),
        ("ocr_text = 'x'", None),
        ("not ocr_text = 'x'", None),
        ("ocr_text = 'x' or width_px > 1000", True),
        ("ocr_text = 'x' and width_px > 2000", False),
        ("ocr_text = 'x' and width_px > 1000", None),
        ("ocr_text = 'x' or width_px > 2000", None),
        ("ocr_text is null", True),
        ("ocr_text is not null", False),
        ("model in ('dall-e-2', \"dall-e-3\")", True),
        ("model not in ('dall-e-2')", True),
        ("width_px in (512, 1024)", True),
        ("cer in (0.1)", True),
        ("model contains 'DALL'", True),
        ("tag:lang = 'zh' and `tag:shelf` = '7'", True),
        ("tag:nothing = 'zh'", None),
        ("width_px <> 1024 or (cer > 1 or not (cer > 1))", True),
        ("cer > -1", True),
    ],
)
def test_a_rule_is_true_false_or_not_known(text: str, verdict: bool | None) -> None:
    assert parse_rule(text, COLUMNS).judge(ROW) is verdict


def test_a_rule_says_which_columns_it_looks_at() -> None:
    assert parse_rule("cer<1 and tag:lang='zh'", COLUMNS).columns == {"cer", "tags"}


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 1, "expected a column, found the end"),
        ("cer <= ", 8, "expected a number"),
        ("crr <= 0.1", 1, "did you mean cer?"),
        ("cer <= 'a'", 8, "expected a number"),
        ("model = 5", 9, "expected text in quotes"),
        ("width_px", 9, "expected a comparison after width_px"),
        ("cer<=0.1 width_px>5", 10, "expected 'and', 'or' or the end"),
        ("(cer<=0.1", 10, "expected ')'"),
        ("cer<=0.1 and", 13, "expected a column"),
        ("cer<=0.1; drop table x", 9, "cannot read"),
        ("size_as_requested > true", 1, "has no order"),
        ("finished_at > 5", 1, "no column"),
        ("__import__('os')", 1, "no column"),
        ("model = 'x", 9, "cannot read"),
        ("cer <= 0.1.2", 8, "cannot read"),
        ("cer is 5", 8, "expected 'null'"),
        ("(" * 200 + "cer<1", 52, "nested too deeply"),
        ("not " * 3000, 4000, "at most"),
        ("not " * 900 + "size_as_requested", 205, "nested too deeply"),
    ],
)
def test_a_mistake_is_one_clear_message_with_its_position(text: str, position: int, part: str) -> None:
    with pytest.raises(BadRule, match="at character") as raised:
        parse_rule(text, COLUMNS)
    assert part in str(raised.value)
    assert raised.value.position == position


@given(st.text("cerwidth_px<>=!()'\"` 019.and,not:or", max_size=40))
def test_any_text_is_a_rule_or_a_bad_rule(text: str) -> None:
    try:
        rule = parse_rule(text, COLUMNS)
    except BadRule:
        return
    row: dict[str, Any] = dict(ROW)
    assert rule.judge(row) in (True, False, None)
