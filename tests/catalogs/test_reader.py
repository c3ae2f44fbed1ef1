"""Good catalogs: every encoding and layout, what each column becomes, and how rows are named."""

import io
from pathlib import Path

import pytest

from catalogs.types import ImageRef
from tests.catalogs.reading import as_csv, opened, picture, read, rows_of

ROWS = [
    ["id", "prompt", "model", "扩展"],
    ["a", "一只橘猫, 坐在窗台", "gpt-image-2", "备注一"],
    ["b", "两只; 狗", "flux-2-pro", ""],
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_every_encoding_and_layout_gives_the_same_rows(encoding: str, delimiter: str, line_end: str) -> None:
    text = as_csv(ROWS, delimiter).replace("\r\n", line_end)
    first, second = rows_of(text.encode(encoding))
    assert (first.row_id, first.prompt, first.model) == ("a", "一只橘猫, 坐在窗台", "gpt-image-2")
    assert (second.prompt, second.tags) == ("两只; 狗", {"扩展": ""})
    assert first.tags == {"扩展": "备注一"}


def test_chinese_in_gbk_is_announced_and_utf_8_is_not() -> None:
    text = as_csv(ROWS)
    assert "GBK/GB18030" in str(read(text.encode("gbk"))[1].problems.warnings[0])
    assert not read(text.encode())[1].problems.warnings


def test_numbers_that_are_labels_stay_text() -> None:
    (row,) = rows_of("prompt,model,code,sci,na\na cat,gpt-image-2,007,1e5,NA\n")
    assert row.tags == {"code": "007", "sci": "1e5", "na": "NA"}


def test_a_prompt_keeps_line_ends_quotes_and_spaces() -> None:
    prompt = ' "two"\r\nlines,\t and\na tail '
    (row,) = rows_of(as_csv([["prompt", "model"], [prompt, "gpt-image-2"]]))
    assert row.prompt == prompt


def test_a_cell_of_six_million_characters_is_read() -> None:
    (row,) = rows_of(as_csv([["prompt", "model", "blob"], ["a cat", "gpt-image-2", "x" * 6_000_000]]))
    assert len(row.tags["blob"]) == 6_000_000
