"""Wrong catalogs, as a table: each gives its one clear message with file, row and column, and nothing else."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.catalogs.reading import picture, read

M = "gpt-image-2"


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A catalog (text, or bytes as they are) and its one problem; ``found`` and ``allowed`` are parts of the texts."""

    name: str
    data: str | bytes
    row: int | None
    column: str | None
    found: str
    allowed: str = ""
    nearest: str | None = None
    good_rows: int = 0
    options: dict[str, Any] = field(default_factory=dict)


def table(header: str, *lines: str) -> str:
    return "\n".join((header, *lines)) + "\n"


CASES = [
    # the file
    Wrong(name="empty file", data=b"", row=None, column=None, found="an empty file", allowed="a header row"),
    Wrong(name="only blank lines", data=b"\n\n\r\n", row=None, column=None, found="no header"),
    Wrong(
        name="UTF-16 with mark",
        data="prompt,model\na cat,gpt-image-2\n".encode("utf-16"),
        row=None,
        column=None,
        found="a UTF-16 file",
        allowed="CSV in UTF-8",
    ),
    Wrong(
        name="UTF-16 without mark",
        data="prompt,model\na cat,gpt-image-2\n".encode("utf-16-le"),
        row=None,
        column=None,
        found="UTF-16 or binary",
        allowed="CSV in UTF-8",
    ),
    Wrong(
        name="Latin-1",
        data="prompt,model\ncafés,gpt-image-2\n".encode("latin-1"),
        row=None,
        column=None,
        found="byte 0xE9 in line 2",
        allowed="UTF-8 or GBK/GB18030",
    ),
    Wrong(
        name="UTF-8 with one damaged byte",
        data="prompt,model\n一只橘猫坐在窗台上,gpt-image-2\n一只\n".encode().replace("坐".encode(), b"\xe5\x9d"),
        row=None,
        column=None,
        found="in line 2",
        allowed="UTF-8",
    ),
    Wrong(
        name="UTF-8 cut inside a letter",
        data="prompt\n一只橘猫坐在窗台上".encode()[:-1],
        row=None,
        column=None,
        found="in line 2",
    ),
    Wrong(
        name="lone surrogate in the bytes",
        data=b"prompt,model\na \xed\xa0\x80 cat,gpt-image-2\n",
        row=None,
        column=None,
        found="byte 0xED in line 2",
    ),
    Wrong(name="Excel workbook", data=b"PK\x03\x04rest", row=None, column=None, found="Excel", allowed="save"),
    Wrong(name="gzip", data=b"\x1f\x8b\x08\x00rest", row=None, column=None, found="gzip", allowed="unpack"),
    Wrong(name="binary", data=bytes(range(256)) * 20, row=None, column=None, found="binary"),
    Wrong(name="broken Parquet", data=b"PAR1 but nothing else", row=None, column=None, found="cannot be read"),
    Wrong(
        name="NUL in a cell",
        data=table("id,prompt,model", f"a,a c\0at,{M}", f"b,a dog,{M}"),
        row=1,
        column="prompt",
        found=r"\x00",
        allowed="without NUL",
        good_rows=1,
    ),
    # rows and quoting
    Wrong(
        name="too few cells",
        data=table("id,prompt,model", f"a,a cat,{M}", "b,a dog"),
        row=2,
        column=None,
        found="2 cells",
        allowed="3, as the header has",
        good_rows=1,
    ),
    Wrong(
        name="too many cells",
        data=table("prompt,model", f"a cat, on a mat,{M}", f"a dog,{M}"),
        row=1,
        column=None,
        found="3 cells",
        allowed="2, as the header has",
        good_rows=1,
    ),
    Wrong(
        name="quote mark not doubled",
        data=table("prompt,model", f'"BE" EXCELLENT,{M}', f"a dog,{M}"),
        row=1,
        column=None,
        found="more text after its closing quote",
        allowed="doubled",
        good_rows=1,
    ),
    Wrong(
        name="quote never closed",
        data=table("prompt,model", f"a cat,{M}", f'"a dog,{M}', f"a pig,{M}"),
        row=2,
        column=None,
        found="never ends",
        good_rows=1,
    ),
    # the header
    Wrong(
        name="no header", data=table(f"a cat,{M}", f"a dog,{M}"), row=None, column=None, found="'a cat, gpt-image-2'"
    ),
    Wrong(
        name="misspelt column",
        data=table("promt,model", f"a cat,{M}"),
        row=None,
        column="promt",
        found="'promt'",
        allowed="tag:promt",
        nearest="prompt",
        good_rows=1,
    ),
    Wrong(
        name="request parameter as column",
        data=table("prompt,model,negative_prompt", f"a cat,{M},blur"),
        row=None,
        column="negative_prompt",
        found="'negative_prompt'",
        allowed="tag:negative_prompt",
        nearest="params",
        good_rows=1,
    ),
    Wrong(
        name="parameter of another model as column",
        data=table("prompt,model,Moderation", f"a cat,{M},low"),
        row=None,
        column="Moderation",
        found="'Moderation'",
        nearest="params",
        good_rows=1,
    ),
    Wrong(
        name="the same column twice in another case",
        data=table("prompt,model,Prompt", f"a cat,{M},a dog"),
        row=None,
        column="Prompt",
        found="'Prompt' twice",
        good_rows=1,
    ),
    Wrong(
        name="cells below an unnamed column",
        data=table(",prompt,model", f"0,a cat,{M}", f"1,a dog,{M}"),
        row=1,
        column=None,
        found="'0'",
        allowed="column 1",
        good_rows=2,
    ),
    # identity
    Wrong(
        name="repeated id",
        data=table("id,prompt,model", f"a,a cat,{M}", f"b,a dog,{M}", f"a,a pig,{M}"),
        row=3,
        column="id",
        found="'a'",
        allowed="row 1 has this one",
        good_rows=2,
    ),
    Wrong(
        name="id with a control character",
        data=table("id,prompt,model", f"a\x1b[31m,a cat,{M}"),
        row=1,
        column="id",
        found=r"'a\x1b[31m'",
    ),
    Wrong(name="id too long", data=table("id,prompt,model", f"{'i' * 600},a cat,{M}"), row=1, column="id", found="600"),
    # operation and model
    Wrong(
        name="unknown operation",
        data=table("prompt,model,operation", f"a cat,{M},generat"),
        row=1,
        column="operation",
        found="'generat'",
        allowed="generate, edit or vision",
        nearest="generate",
    ),
    Wrong(
        name="no model",
        data=table("prompt,model", "a cat,"),
        row=1,
        column="model",
        found="nothing",
        allowed="--model",
    ),
    Wrong(
        name="unknown model",
        data=table("prompt,model", "a cat,gpt-imge-2"),
        row=1,
        column="model",
        found="'gpt-imge-2'",
        nearest="gpt-image-2",
    ),
    Wrong(
        name="unknown model by option",
        data=table("prompt", "a cat", "a dog"),
        row=1,
        column="model",
        found="'dall-e-9' in 2 rows",
        nearest="dall-e-3",
        options={"model_override": "dall-e-9"},
    ),
    Wrong(
        name="unknown purpose",
        data=table("prompt,model", "a cat,auto:bluk"),
        row=1,
        column="model",
        found="'auto:bluk'",
        allowed="selection guide",
        nearest="auto:bulk",
    ),
    Wrong(
        name="operation the model lacks",
        data=table("prompt,model,operation", "a cat,flux-pro-v1.1,edit"),
        row=1,
        column="operation",
        found="'edit'",
        allowed="flux-pro-v1.1 does only generate",
    ),
    Wrong(
        name="vision model asked to generate",
        data=table("prompt,model", "a cat,gemini-2.5-pro"),
        row=1,
        column="model",
        found="'gemini-2.5-pro'",
        allowed="does only vision",
    ),
    # prompt
    Wrong(name="no prompt", data=table("prompt,model", f" ,{M}"), row=1, column="prompt", found="nothing"),
    Wrong(
        name="prompt too long by characters",
        data=table("prompt,model", f"{'猫' * 32_001},{M}"),
        row=1,
        column="prompt",
        found="32,001 characters",
        allowed="32,000 characters",
    ),
    Wrong(
        name="Chinese prompt too long by bytes",
        data=table("prompt,model", f"{'猫' * 334},dall-e-2"),
        row=1,
        column="prompt",
        found="1,002 bytes",
        allowed="1,000 bytes",
    ),
    Wrong(
        name="prompt and template",
        data=table("prompt,template,subject,model", f"a cat,scene,a cat,{M}"),
        row=1,
        column="template",
        found="'scene'",
        allowed="not both",
    ),
    Wrong(
        name="unknown template",
        data=table("prompt,template,subject,model", f",scenne,a cat,{M}"),
        row=1,
        column="template",
        found="'scenne'",
        allowed="no template",
        nearest="scene",
    ),
    Wrong(
        name="template without its subject",
        data=table("template,subject,model", f"scene,,{M}"),
        row=1,
        column="template",
        found="'scene'",
        allowed="subject",
    ),
    Wrong(
        name="unknown art style",
        data=table("prompt,art_style,model", f"a cat,watercolr,{M}"),
        row=1,
        column="art_style",
        found="'watercolr'",
        nearest="watercolor",
    ),
    # size and ratio
    Wrong(
        name="not a size",
        data=table("prompt,model,size", f"a cat,{M},large"),
        row=1,
        column="size",
        found="'large'",
        allowed="1024x1024",
    ),
    Wrong(
        name="size the model lacks",
        data=table("prompt,model,size", "a cat,dall-e-3,512x512"),
        row=1,
        column="size",
        found="'512x512'",
        allowed="dall-e-3 takes 1024x1024, 1792x1024 or 1024x1792",
        nearest="1024x1024",
    ),
    Wrong(
        name="free size off the grid",
        data=table("prompt,model,size", f"a cat,{M},1000x1000"),
        row=1,
        column="size",
        found="'1000x1000'",
        allowed="steps of 16",
        nearest="1024x1024",
    ),
    Wrong(
        name="size for a model of ratios",
        data=table("prompt,model,size", "a cat,flux-kontext-max,1024x1536"),
        row=1,
        column="size",
        found="'1024x1536'",
        allowed="a ratio",
        nearest="2:3",
    ),
    Wrong(
        name="not a ratio",
        data=table("prompt,model,ratio", "a cat,flux-kontext-max,wide"),
        row=1,
        column="ratio",
        found="'wide'",
        allowed="2:3",
    ),
    Wrong(
        name="ratio the model lacks",
        data=table("prompt,model,ratio", "a cat,sora_image,16:9"),
        row=1,
        column="ratio",
        found="'16:9'",
        allowed="sora_image takes 2:3, 3:2 or 1:1",
        nearest="3:2",
    ),
    Wrong(
        name="ratio tag the model lacks",
        data=table("prompt,model", "一只猫【16:9】,sora_image"),
        row=1,
        column="prompt",
        found="'【16:9】'",
        allowed="2:3, 3:2 or 1:1",
        nearest="3:2",
    ),
    Wrong(
        name="ratio tag against the column",
        data=table("prompt,model,ratio", "一只猫【3:2】,sora_image,2:3"),
        row=1,
        column="prompt",
        found="'【3:2】'",
        allowed="2:3",
        nearest="2:3",
    ),
    Wrong(
        name="size and ratio disagree",
        data=table("prompt,model,size,ratio", f"a cat,{M},1024x1024,2:3"),
        row=1,
        column="ratio",
        found="'2:3'",
        allowed="the same as size, which is 1024x1024",
    ),
    # numbers and parameters
    Wrong(
        name="n the model lacks",
        data=table("prompt,model,n", "a cat,flux-kontext-max,4"),
        row=1,
        column="n",
        found="'4'",
        allowed="only 1",
    ),
    Wrong(
        name="n out of range",
        data=table("prompt,model,n", f"a cat,{M},11"),
        row=1,
        column="n",
        found="'11'",
        allowed="from 1 to 10",
    ),
    Wrong(name="n in words", data=table("prompt,model,n", f"a cat,{M},two"), row=1, column="n", found="'two'"),
    Wrong(name="n as 1e5", data=table("prompt,model,n", f"a cat,{M},1e5"), row=1, column="n", found="'1e5'"),
    Wrong(name="take of zero", data=table("prompt,model,take", f"a cat,{M},0"), row=1, column="take", found="'0'"),
    Wrong(
        name="seed for a model without",
        data=table("prompt,model,seed", f"a cat,{M},42"),
        row=1,
        column="seed",
        found="'42'",
        allowed="gpt-image-2 takes background",
    ),
    Wrong(
        name="seed out of range",
        data=table("prompt,model,seed", "a cat,flux-kontext-max,-1"),
        row=1,
        column="seed",
        found="'-1'",
        allowed="from 0 to 4294967295",
    ),
    Wrong(
        name="quality the model lacks",
        data=table("prompt,model,quality", "a cat,dall-e-3,hdd"),
        row=1,
        column="quality",
        found="'hdd'",
        allowed="standard or hd",
        nearest="hd",
    ),
    Wrong(
        name="style for a model without",
        data=table("prompt,model,style", f"a cat,{M},vivid"),
        row=1,
        column="style",
        found="'vivid'",
        allowed="takes background",
    ),
    Wrong(
        name="wrong truth value of a parameter",
        data=table("prompt,model,prompt_upsampling", "a cat,flux-kontext-max,maybe"),
        row=1,
        column="prompt_upsampling",
        found="'maybe'",
        allowed="true or false",
    ),
    Wrong(
        name="broken JSON",
        data=table("prompt,model,params", f'a cat,{M},"{{""quality"": high}}"'),
        row=1,
        column="params",
        found="'{\"quality\": high}'",
        allowed="line 1, character 13",
    ),
    Wrong(
        name="JSON that is a list",
        data=table("prompt,model,params", f"a cat,{M},[1]"),
        row=1,
        column="params",
        found="'[1]'",
        allowed="a JSON object",
    ),
    Wrong(
        name="JSON key twice",
        data=table("prompt;model;params", f'a cat;{M};{{"user": "a", "user": "b"}}'),
        row=1,
        column="params",
        found="'user' twice",
    ),
    Wrong(
        name="JSON NaN",
        data=table("prompt;model;params", 'a cat;flux-kontext-max;{"seed": NaN}'),
        row=1,
        column="params",
        found="NaN",
    ),
    Wrong(
        name="JSON half a surrogate pair",
        data=table("prompt;model;params", f'a cat;{M};{{"user": "\\ud800"}}'),
        row=1,
        column="params",
        found="ud800",
        allowed="surrogate",
    ),
    Wrong(
        name="JSON number without end",
        data=table("prompt;model;params", f'a cat;flux-kontext-max;{{"seed": {"9" * 5000}}}'),
        row=1,
        column="params",
        found="characters)",
    ),
    Wrong(
        name="unknown parameter",
        data=table("prompt;model;params", f'a cat;{M};{{"qualty": "high"}}'),
        row=1,
        column="params",
        found="'qualty'",
        allowed="gpt-image-2 takes",
        nearest="quality",
    ),
    Wrong(
        name="parameter that has a column",
        data=table("prompt;model;params", f'a cat;{M};{{"n": 2}}'),
        row=1,
        column="params",
        found="'n'",
        nearest="n",
    ),
    Wrong(
        name="parameter of the wrong type",
        data=table("prompt;model;params", 'a cat;flux-kontext-max;{"seed": "42"}'),
        row=1,
        column="params",
        found='"42"',
        allowed="a whole number",
    ),
    Wrong(
        name="parameter twice and different",
        data=table("prompt;model;quality;params", f'a cat;{M};low;{{"quality": "high"}}'),
        row=1,
        column="params",
        found="quality",
        allowed="quality once",
    ),
    Wrong(
        name="ocr neither true nor false",
        data=table("prompt,model,ocr", f"a cat,{M},perhaps"),
        row=1,
        column="ocr",
        found="'perhaps'",
        allowed="true or false",
    ),
    # pictures
    Wrong(
        name="edit without pictures",
        data=table("prompt,model,operation", f"a cat,{M},edit"),
        row=1,
        column="images",
        found="nothing",
        allowed="edit needs at least one picture",
    ),
    Wrong(
        name="pictures without edit",
        data=table("prompt,model,images", f"a cat,{M},https://a.example/a.png"),
        row=1,
        column="images",
        found="1 picture",
        allowed="operation edit",
    ),
    Wrong(
        name="missing file",
        data=table("prompt,model,operation,images", f"a cat,{M},edit,a.pn"),
        row=1,
        column="images",
        found="'a.pn'",
        allowed="a file that is there",
        nearest="a.png",
    ),
    Wrong(
        name="relative file without a folder",
        data=table("prompt,model,operation,images", f"a cat,{M},edit,a.png"),
        row=1,
        column="images",
        found="'a.png'",
        allowed="no folder",
        options={"base": None},
    ),
    Wrong(
        name="URL of another kind",
        data=table("prompt,model,operation,images", f"a cat,{M},edit,ftp://a.example/a.png"),
        row=1,
        column="images",
        found="'ftp://a.example/a.png'",
        allowed="https://",
    ),
    Wrong(
        name="URL with a password",
        data=table("prompt,model,operation,images", f"a cat,{M},edit,https://u:p@a.example/a.png"),
        row=1,
        column="images",
        found="a.example",
        allowed="without user name",
    ),
    Wrong(
        name="too many pictures",
        data=table("prompt,model,operation,images", "a cat,flux-kontext-max,edit,a.png;a.png;a.png;a.png;a.png"),
        row=1,
        column="images",
        found="5 pictures",
        allowed="at most 4",
    ),
    Wrong(
        name="mask for a model without",
        data=table("prompt,model,operation,images,mask", "a cat,flux-kontext-max,edit,a.png,a.png"),
        row=1,
        column="mask",
        found="a mask",
        allowed="takes no mask",
    ),
    Wrong(
        name="two masks",
        data=table("prompt,model,operation,images,mask", f"a cat,{M},edit,a.png,a.png;a.png"),
        row=1,
        column="mask",
        found="2 pictures",
        allowed="one picture",
    ),
    # references
    Wrong(
        name="reference to no row",
        data=table("id,prompt,model,operation,images", f"logo,x,{M},,", f"b,x,{M},edit,row:lgo"),
        row=2,
        column="images",
        found="'row:lgo'",
        allowed="id of a row",
        nearest="row:logo",
        good_rows=2,
    ),
    Wrong(
        name="reference to a later row that never comes",
        data=table("id,prompt,model,operation,images", f"b,x,{M},edit,row:zzz"),
        row=1,
        column="images",
        found="'row:zzz'",
        good_rows=1,
    ),
    Wrong(
        name="picture beyond n",
        data=table("id,prompt,model,n,operation,images", f"a,x,{M},2,,", f"b,x,{M},,edit,row:a#2"),
        row=2,
        column="images",
        found="'row:a#2'",
        allowed="#0 to #1",
        good_rows=1,
    ),
    Wrong(
        name="circle of three",
        data=table(
            "id,prompt,model,operation,images",
            f"a,x,{M},edit,row:c",
            f"b,x,{M},edit,row:a",
            f"c,x,{M},edit,row:b",
            f"d,x,{M},edit,row:c",
        ),
        row=1,
        column="images",
        found="'a' → 'c' → 'b' → 'a'",
        allowed="wait for each other",
        good_rows=4,
    ),
    Wrong(
        name="a row that waits for itself",
        data=table("id,prompt,model,operation,images", f"a,x,{M},edit,row:a"),
        row=1,
        column="images",
        found="'a' → 'a'",
        good_rows=1,
    ),
    Wrong(
        name="reference to a row that makes no picture",
        data=table(
            "id,prompt,model,operation,vision,images",
            "a,,gemini-2.5-pro,vision,ocr,a.png",
            f"b,x,{M},edit,,row:a",
        ),
        row=2,
        column="images",
        found="'row:a'",
        allowed="makes pictures",
        good_rows=1,
    ),
    Wrong(
        name="too many pictures from one row",
        data=table("id,prompt,model,n,operation,images", f"a,x,{M},5,,", "b,x,flux-kontext-max,,edit,row:a"),
        row=2,
        column="images",
        found="5 pictures",
        allowed="at most 4",
        good_rows=1,
    ),
    Wrong(
        name="mask of several pictures",
        data=table("id,prompt,model,n,operation,images,mask", f"a,x,{M},2,,,", f"b,x,{M},,edit,row:a#0,row:a"),
        row=2,
        column="mask",
        found="2 pictures",
        allowed="row:a#0",
        good_rows=1,
    ),
    # vision
    Wrong(
        name="vision without a task",
        data=table("prompt,model,operation,images", "what?,gemini-2.5-pro,vision,a.png"),
        row=1,
        column="vision",
        found="nothing",
        allowed="ocr, describe, compare or ask",
    ),
    Wrong(
        name="unknown vision task",
        data=table("prompt,model,operation,vision,images", ",gemini-2.5-pro,vision,descibe,a.png"),
        row=1,
        column="vision",
        found="'descibe'",
        nearest="describe",
    ),
    Wrong(
        name="vision task without vision",
        data=table("prompt,model,vision", f"a cat,{M},ocr"),
        row=1,
        column="vision",
        found="'ocr'",
        allowed="operation vision",
    ),
    Wrong(
        name="vision without pictures",
        data=table("prompt,model,operation,vision", ",gemini-2.5-pro,vision,ocr"),
        row=1,
        column="images",
        found="nothing",
        allowed="vision needs at least one picture",
    ),
    Wrong(
        name="compare with one picture",
        data=table("prompt,model,operation,vision,images", ",gemini-2.5-pro,vision,compare,a.png"),
        row=1,
        column="images",
        found="1 picture",
        allowed="at least two",
    ),
    Wrong(
        name="compare with a row of one picture",
        data=table(
            "id,prompt,model,operation,vision,images",
            f"a,x,{M},,,",
            "b,,gemini-2.5-pro,vision,compare,row:a",
        ),
        row=2,
        column="images",
        found="1 picture",
        allowed="at least two",
        good_rows=1,
    ),
    Wrong(
        name="ask without a question",
        data=table("prompt,model,operation,vision,images", ",gemini-2.5-pro,vision,ask,a.png"),
        row=1,
        column="prompt",
        found="nothing",
        allowed="the question",
    ),
    Wrong(
        name="size for vision",
        data=table("prompt,model,operation,vision,images,size", ",gemini-2.5-pro,vision,ocr,a.png,1024x1024"),
        row=1,
        column="size",
        found="'1024x1024'",
        allowed="vision makes no picture",
    ),
    Wrong(
        name="reading back what vision does not make",
        data=table("prompt,model,operation,vision,images,ocr", ",gemini-2.5-pro,vision,ocr,a.png,true"),
        row=1,
        column="ocr",
        found="'true'",
        allowed="vision=ocr",
    ),
]


@pytest.mark.parametrize("wrong", CASES, ids=lambda wrong: wrong.name)
def test_each_wrong_catalog_gives_its_one_message(wrong: Wrong, tmp_path: Path) -> None:
    picture(tmp_path)
    rows, catalog = read(wrong.data, **{"base": str(tmp_path)} | wrong.options)
    (problem,) = catalog.problems.errors
    assert (problem.file, problem.row_number, problem.column) == ("c.csv", wrong.row, wrong.column)
    assert wrong.found in problem.found
    assert wrong.allowed in problem.allowed
    assert problem.nearest == wrong.nearest
    assert all(warning.column == "model" for warning in catalog.problems.warnings)  # retired models
    assert len(rows) == wrong.good_rows
    assert str(problem).isprintable()


def test_the_table_has_at_least_forty_cases() -> None:
    assert len({wrong.name for wrong in CASES}) == len(CASES) >= 40


def test_all_problems_of_a_file_come_at_once_in_row_order() -> None:
    data = table(
        "id,prompt,model,size,n,prompts",
        f"a,,{M},7x7,0,t",
        f"b,a cat,{M},,,t",
        "c,a cat,nope,,,t",
        f"a,a cat,{M},,,t",
        "d,x,y",
    )
    rows, catalog = read(data)
    places = [(problem.row_number, problem.column) for problem in catalog.problems.errors]
    assert places == [(None, "prompts"), (1, "size"), (1, "n"), (1, "prompt"), (3, "model"), (4, "id"), (5, None)]
    assert [row.row_id for row in rows] == ["b"]


def test_a_wrong_row_is_looked_at_to_its_end() -> None:
    data = table("id,prompt,model,operation,n,size,params,images,take", "a,,nope,edit,x,wide,{,ftp://x,0")
    columns = [problem.column for problem in read(data)[1].problems.errors]
    assert columns == ["model", "n", "params", "size", "prompt", "images", "take"]


def test_a_wrong_row_has_its_references_checked() -> None:
    data = table("id,prompt,model,operation,n,images", f"a,x,{M},edit,0,row:gone", f"a,x,{M},edit,,row:lost")
    problems = read(data)[1].problems
    places = [(problem.row_number, problem.column, problem.found) for problem in problems.errors]
    assert places == [
        (1, "n", "'0'"),
        (1, "images", "'row:gone'"),
        (2, "id", "'a'"),
        (2, "images", "'row:lost'"),
    ]


def test_past_a_thousand_problems_come_counts() -> None:
    data = table("prompt,model,n", *(["a cat,nope,"] * 700), *([f"a cat,{M},99"] * 800))
    problems = read(data)[1].problems
    assert (problems.error_count, len(problems.errors)) == (1500, 1000)
    lines = list(problems.lines())
    assert len(lines) == 1003
    assert "1,500 errors in all, of which 1,000 are listed" in lines[1000]
    assert sorted(lines[1001:]) == ["  700 × unknown model in column model", "  800 × wrong value in column n"]


def test_repeated_ids_past_a_thousand_are_counted_too() -> None:
    data = table("id,prompt,model", *([f"a,a cat,{M}"] * 2500))
    problems = read(data)[1].problems
    assert (problems.error_count, len(problems.errors)) == (2499, 1000)


def test_a_broken_row_does_not_make_its_children_wrong() -> None:
    data = table("id,prompt,model,operation,images", "a,x,nope,,", f"b,x,{M},edit,row:a")
    assert [problem.row_number for problem in read(data)[1].problems.errors] == [1]


def test_one_cause_in_many_rows_is_one_warning() -> None:
    _, catalog = read(table("prompt,model", *(["a cat,dall-e-2"] * 50)))
    (warning,) = catalog.problems.warnings
    assert warning.row_number == 1
    assert "50 rows" in warning.found
    assert not catalog.problems


def test_hostile_text_cannot_move_the_terminal() -> None:
    data = table("prompt,model,\x1b]0;x\x07", "a cat,\u202egpt\x1b[2J\u2066,t", f"b\x07,{M},t")
    problems = read(data, name="c\x1b[1m.csv")[1].problems
    assert all(line.isprintable() for line in problems.lines())
    assert r"\u202egpt\x1b[2J\u2066" in str(problems.errors[0])


def test_typed_cells_that_are_wrong_are_named_in_parquet_too() -> None:
    sink = io.BytesIO()
    parquet.write_table(pa.table({"prompt": ["a", None], "model": [M, M], "n": [1.5, None]}), sink)
    _, catalog = read(sink.getvalue(), name="c.parquet")
    assert [(p.row_number, p.column) for p in catalog.problems.errors] == [(1, "n"), (2, "prompt")]


def test_a_million_wrong_cells_do_not_each_look_for_their_nearest(tmp_path: Path) -> None:
    lines = [f"{i},x,{M},edit,gone{i}.png;row:nowhere{i}" for i in range(1500)]
    _, catalog = read(table("id,prompt,model,operation,images", *lines), base=str(picture(tmp_path).parent))
    assert sum(problem.nearest is not None for problem in catalog.problems.errors) <= 40
    _, catalog = read(table("prompt,model", *(f"x,gpt-imag-{i}" for i in range(1500))))
    assert (catalog.problems.error_count, len(catalog.problems.errors)) == (1500, 1000)


def test_a_header_of_thousands_of_columns_is_refused() -> None:
    _, catalog = read("prompt," + ",".join(f"c{i}" for i in range(3000)) + "\n")
    assert [problem.found for problem in catalog.problems.errors] == ["3,001 columns"]
