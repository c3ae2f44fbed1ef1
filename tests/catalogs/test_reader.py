"""Good catalogs: every encoding and layout, what each column becomes, and how rows are named."""

import gc
import hashlib
import io
from pathlib import Path

import pytest

from catalogs.columns import near_column
from catalogs.reader import read_catalog
from tests.catalogs.reading import as_csv, opened, read, rows_of

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "PartiPrompts.tsv"

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


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_the_line_that_tells_excel_the_separator_is_none_of_the_tables(delimiter: str, line_end: str) -> None:
    text = (f"sep={delimiter}\n" + as_csv(ROWS, delimiter).replace("\r\n", "\n")).replace("\n", line_end)
    for encoding in ("utf-8-sig", "gbk"):
        assert [(row.row_number, row.row_id) for row in rows_of(text.encode(encoding))] == [(1, "a"), (2, "b")]


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


def test_a_header_is_read_in_any_case_and_with_spaces_around() -> None:
    (row,) = rows_of(" PROMPT , Model,My Label\na cat,gpt-image-2,x\n")
    assert (row.prompt, row.tags) == ("a cat", {"My Label": "x"})


@pytest.mark.parametrize(
    "label", ["note", "category", "task", "site", "food", "speed", "version", "name", "language", "tag:promt", "tag:n"]
)
def test_a_label_that_is_only_somewhat_like_a_column_is_a_label(label: str) -> None:
    (row,) = rows_of(f"prompt,model,{label}\na cat,gpt-image-2,x\n")
    assert row.tags == {label.removeprefix("tag:"): "x"}


@pytest.mark.parametrize(
    ("slip", "column"),
    [
        ("promt", "prompt"),
        ("Prompts", "prompt"),
        ("rpompt", "prompt"),
        ("modell", "model"),
        ("image", "images"),
        ("sizes", "size"),
        ("seeed", "seed"),
        ("Art Style", "art_style"),
        ("aspectratio", "aspect_ratio"),
        ("expected text", "expected_text"),
        ("enviroment", "environment"),
        ("prompt_upsampelng", "prompt_upsampling"),
    ],
)
def test_a_header_that_is_a_slip_away_is_taken_for_the_column(slip: str, column: str) -> None:
    assert near_column(slip.lower()) == column


def test_empty_lines_are_nothing_and_rows_of_commas_are_left_out_with_a_warning() -> None:
    rows, catalog = read("prompt,model\n\na cat,gpt-image-2\n,\n\na dog,gpt-image-2\n,\n")
    assert [(row.row_number, row.prompt) for row in rows] == [(1, "a cat"), (3, "a dog")]
    (warning,) = catalog.problems.warnings
    assert "2 rows" in warning.found


def test_commas_too_many_at_a_rows_end_are_forgiven_as_spreadsheets_write_them() -> None:
    (row,) = rows_of("prompt,model,,\na cat,gpt-image-2,,,,\n")
    assert row.tags == {}


def test_one_prompt_a_line_needs_no_quotes_around_commas() -> None:
    rows = rows_of("prompt\na cat, on a mat\na dog; in a box\n", model_override="gpt-image-2")
    assert [row.prompt for row in rows] == ["a cat, on a mat", "a dog; in a box"]


def test_one_quoted_column_is_csv() -> None:
    rows = rows_of('prompt\n"a cat, on a mat"\n"two\nlines"\n', model_override="gpt-image-2")
    assert [row.prompt for row in rows] == ["a cat, on a mat", "two\nlines"]


PARTI = (
    "Prompt\tCategory\tChallenge\tNote\n"
    'The words "Fly an airplane" on a wall\tOutdoor Scenes\tComplex\t\n'
    '"G I G G L E" painted as graffiti\tIllustrations\tWriting & Symbols\t\n'
    'Dogs playing poker\tAnimals\tImagination\tDescription of "Dogs Playing Poker"\n'
    '"OOPS"\tArtifacts\tBasic\t\n'
    "a corgi’s head, DALL-E's style; Dalí\tAnimals\tPerspective\tDALL-E 2\n"
)


def test_a_tab_separated_file_that_does_not_quote_loses_no_character() -> None:
    rows = rows_of(PARTI, model_override="dall-e-3")
    assert [row.prompt for row in rows] == [line.split("\t")[0] for line in PARTI.splitlines()[1:]]
    assert rows[2].tags == {
        "Category": "Animals",
        "Challenge": "Imagination",
        "Note": 'Description of "Dogs Playing Poker"',
    }
    assert {row.model for row in rows} == {"dall-e-3"}


def test_a_tab_separated_file_that_quotes_is_read_as_it_was_written() -> None:
    table = [["prompt", "note"], ['say "hi"', "x"], ["two\nlines", "a\ttab"], ["plain", "y"]]
    rows = rows_of(as_csv(table, "\t"), model_override="gpt-image-2")
    assert [[row.prompt, row.tags["note"]] for row in rows] == table[1:]


def test_quotes_around_whole_cells_of_a_tab_separated_file_are_text_unless_the_header_has_them_too() -> None:
    (plain,) = rows_of('prompt\tnote\n"OOPS, again"\tx\n', model_override="gpt-image-2")
    (quoted,) = rows_of('"prompt"\t"note"\n"OOPS, again"\t"x"\n', model_override="gpt-image-2")
    assert (plain.prompt, quoted.prompt) == ('"OOPS, again"', "OOPS, again")


def test_a_quote_that_opens_in_one_row_and_closes_in_another_joins_no_rows() -> None:
    rows = rows_of('prompt\tnote\n"Hello\tx\nbye"\ty\n', model_override="gpt-image-2")
    assert [row.prompt for row in rows] == ['"Hello', 'bye"']


# The real file lies beside the repository where there is one; the small one has its shape.
@pytest.mark.parametrize("path", [None, *([REAL] if REAL.exists() else [])])
def test_parti_prompts_are_read_as_they_are_with_no_row_or_character_lost(path: Path | None) -> None:
    data = path.read_bytes() if path else PARTI.encode()
    rows = rows_of(data, model_override="dall-e-3")
    header, *lines = data.decode().removesuffix("\n").split("\n")
    assert ["\t".join((row.prompt, *row.tags.values())) for row in rows] == lines
    assert [*rows[0].tags] == header.split("\t")[1:]
    assert len({row.row_id for row in rows}) == len(rows)


def test_a_file_is_known_by_its_hash_and_can_be_read_again() -> None:
    data = b"prompt,model\na cat,gpt-image-2\na cat,gpt-image-2\n"
    catalog = opened(data)
    assert catalog.sha256 == hashlib.sha256(data).hexdigest()
    assert list(catalog) == list(catalog)
    assert catalog.rows_read == 2


def test_a_source_that_cannot_be_read_twice_is_read_all_the_same() -> None:
    data = as_csv(ROWS).encode("gbk")
    catalog = read_catalog(OneWay(data), name="c.csv", catalog="c", base=None)
    assert [row.row_id for row in catalog] == ["a", "b"]
    assert catalog.sha256 == hashlib.sha256(data).hexdigest()


def test_the_source_stays_open_for_its_owner() -> None:
    source = io.BytesIO(as_csv(ROWS).encode())
    catalog = read_catalog(source, name="c.csv", catalog="c", base=None)
    assert len(list(catalog)) == 2
    del catalog
    gc.collect()
    assert not source.closed


class OneWay(io.RawIOBase):
    """Bytes that come once, like a download."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        return self._data.read(size)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "El niño soñó con ñandúes y pingüinos"),
        ("cp1252", "“quoted” text — with dashes… and ‘more’"),
        ("cp1251", "красный кот сидит на окне ночью"),
        ("big5", "一隻橘貓坐在窗台上"),
        ("shift_jis", "赤い猫が窓辺に座っている"),
        ("euc-jp", "赤い猫が窓辺に座っている"),
    ],
)
def test_other_encodings_are_refused_not_garbled(encoding: str, text: str) -> None:
    rows, catalog = read(f"prompt,model\n{text},gpt-image-2\n".encode(encoding))
    assert not rows
    assert ["not UTF-8" in problem.found for problem in catalog.problems.errors] == [True]


@pytest.mark.parametrize(
    "text", ["霓虹燈光下的城市夜景，細節豐富", "麒麟与凤凰", "一只猫😀", "café 一只橘猫坐在窗台上"]
)
def test_less_common_chinese_is_read_too(text: str) -> None:
    rows, catalog = read(f"prompt,model\n{text},gpt-image-2\n".encode("gb18030"))
    assert [row.prompt for row in rows] == [text]
    assert not catalog.problems
