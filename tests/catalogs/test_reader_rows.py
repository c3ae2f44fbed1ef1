"""What a good row becomes: every column, default ids, order among equals, references, tags."""

from pathlib import Path

import pytest

from catalogs.checks import recheck
from catalogs.models import MODELS
from catalogs.types import ImageRef
from tests.catalogs.reading import picture, read, rows_of

M = "gpt-image-2"


def test_every_column_arrives_in_its_field(tmp_path: Path) -> None:
    picture(tmp_path)
    (row,) = rows_of(
        "id;operation;model;prompt;size;n;quality;background;output_format;take;params;images;mask;ocr;expected_text;tag:x\n"
        'a;edit;GPT-Image-2;mend it;1024X1536;2;HIGH;opaque;webp;3;{"user": "u"};"a.png; https://a.example/b.png";'
        "row:b#0;yes;HELLO;y\n"
        f"b;;{M};draw it;;;;;;;;;;;;\n",
        base=str(tmp_path),
    )[:1]
    assert (row.row_id, row.row_number, row.ordinal, row.operation, row.model) == ("a", 1, 0, "edit", M)
    assert (row.prompt, row.size, row.ratio, row.n, row.take) == ("mend it", "1024x1536", None, 2, 3)
    assert row.params == {"quality": "high", "background": "opaque", "output_format": "webp", "user": "u"}
    assert row.images == (
        ImageRef(kind="file", target=f"{tmp_path}/a.png"),
        ImageRef(kind="https", target="https://a.example/b.png"),
    )
    assert row.mask == ImageRef(kind="row", target="b", sample=0)
    assert (row.ocr, row.expected_text, row.tags) == (True, "HELLO", {"x": "y"})


def test_flux_parameters_are_typed_and_the_ratio_may_stand_in_aspect_ratio() -> None:
    (row,) = rows_of(
        "prompt,model,aspect_ratio,seed,safety_tolerance,prompt_upsampling,output_format\n"
        "a cat,black-forest-labs/flux-kontext-max,16:9,42.0,2,False,png\n"
    )
    assert (row.model, row.ratio, row.size) == ("flux-kontext-max", "16:9", None)
    assert row.params == {"seed": 42, "safety_tolerance": 2, "prompt_upsampling": False, "output_format": "png"}


@pytest.mark.parametrize(
    ("model", "column", "text", "size", "ratio"),
    [
        ("sora_image", "ratio", "2:3", None, "2:3"),
        ("sora_image", "ratio", "4:6", None, "2:3"),
        ("sora_image", "ratio", "2\uff1a3", None, "2:3"),
        ("sora_image", "size", "2:3", None, "2:3"),
        ("dall-e-3", "size", "1024×1024", "1024x1024", None),
        ("dall-e-3", "ratio", "1:1", "1024x1024", None),
        ("dall-e-3", "ratio", "7:4", "1792x1024", None),
        ("dall-e-2", "ratio", "1:1", "1024x1024", None),
        ("gpt-image-2", "ratio", "16:9", "1280x720", None),
        ("gpt-image-2", "size", "auto", "auto", None),
        ("gpt-image-2", "size", "2048x1024", "2048x1024", None),
        ("flux-kontext-max", "ratio", "7:3", None, "21:9"),
    ],
)
def test_size_and_ratio_are_told_the_way_the_model_wants(
    model: str, column: str, text: str, size: str | None, ratio: str | None
) -> None:
    (row,) = rows_of(f"prompt,model,{column}\na cat,{model},{text}\n")
    assert (row.size, row.ratio) == (size, ratio)


def test_size_and_ratio_together_may_agree() -> None:
    first, second = rows_of("prompt,model,size,ratio\na cat,sora_image,1024x1536,2:3\na cat,dall-e-3,1024x1024,1:1\n")
    assert (first.size, first.ratio, second.size, second.ratio) == (None, "2:3", "1024x1024", None)


def test_the_seeds_ratio_tag_at_the_end_of_a_prompt_is_a_ratio_where_the_model_uses_tags() -> None:
    rows = rows_of(
        "prompt,model\n画一幅海景【3:2】,sora_image\n一只猫【宠物】,sora_image\n画一幅海景【3:2】,gpt-image-2\n"
    )
    assert [(row.prompt, row.ratio) for row in rows] == [
        ("画一幅海景", "3:2"),
        ("一只猫【宠物】", None),
        ("画一幅海景【3:2】", None),
    ]


def test_gpt_4o_draws_as_sora_image_and_reads_as_itself(tmp_path: Path) -> None:
    picture(tmp_path)
    rows, catalog = read(
        "prompt,model,operation,vision,images\na cat,gpt-4o,,,\n,gpt-4o,vision,ocr,a.png\n", base=str(tmp_path)
    )
    assert [row.model for row in rows] == ["sora_image", "gpt-4o"]
    assert any("sora_image" in warning.allowed for warning in catalog.problems.warnings)


def test_a_recommended_model_stays_a_word_for_the_dataset_to_fix() -> None:
    (row,) = rows_of("prompt,model\na cat, AUTO:Social \n")
    assert row.model == "auto:social"


def test_the_model_of_the_command_line_replaces_every_row_but_renames_none() -> None:
    data = f"prompt,model\na cat,{M}\na dog,\n"
    own, empty = rows_of(data, model_override="flux-2-pro")
    assert {own.model, empty.model} == {"flux-2-pro"}
    (named,) = rows_of(f"prompt,model\na cat,{M}\n")
    (other,) = rows_of("prompt\na dog\n", model_override="dall-e-3")
    assert (own.row_id, empty.row_id) == (named.row_id, other.row_id)


@pytest.mark.parametrize(("cell", "row_id"), [("2:3", "row-fa289fc079c6"), ("1:1", "row-c48893298cb4")])
def test_a_row_that_names_no_model_keeps_its_id_whatever_becomes_of_its_ratio(cell: str, row_id: str) -> None:
    made = [
        rows_of(f"prompt,ratio\na red door at dawn,{cell}\n", model_override=model)[0]
        for model in ("sora_image", "flux-kontext-pro", "gpt-image-2")
    ]
    assert len({(row.size, row.ratio) for row in made}) == 2
    assert {row.row_id for row in made} == {row_id}


def test_rows_that_an_override_makes_equal_still_give_two_pictures() -> None:
    first, second = rows_of(f"prompt,model\na cat,{M}\na cat,dall-e-2\n", model_override="flux-2-pro")
    assert (first.ordinal, second.ordinal) == (0, 1)
    assert first.row_id != second.row_id


def test_an_inserted_line_renames_nothing() -> None:
    lines = ["a cat", "a dog", "a cat", "a pig", "a cat"]
    before = rows_of("prompt\n" + "\n".join(lines), model_override=M)
    after = rows_of("prompt\n" + "\n".join(["a fox", *lines[:2], "a hen", *lines[2:]]), model_override=M)
    assert [row.row_id for row in after if row.prompt in lines] == [row.row_id for row in before]
    cats = [row for row in before if row.prompt == "a cat"]
    assert [row.ordinal for row in cats] == [0, 1, 2]
    assert [row.row_id.removeprefix(cats[0].row_id) for row in cats] == ["", "-2", "-3"]


def test_default_ids_are_fixed_for_good() -> None:
    rows = rows_of(f"prompt,model,n,seed,quality\na cat,{M},2,,high\na cat,flux-kontext-max,,7,\n")
    assert [row.row_id for row in rows] == ["row-28fedc7c4734", "row-c7b63c94e13c"]


def test_a_raised_take_keeps_the_row_and_a_second_take_is_no_repeat() -> None:
    (first,) = rows_of(f"prompt,model,take\na cat,{M},1\n")
    (raised,) = rows_of(f"prompt,model,take\na cat,{M},2\n")
    both = rows_of(f"prompt,model,take\na cat,{M},1\na cat,{M},2\n")
    assert first.row_id == raised.row_id
    assert [(row.ordinal, row.take) for row in both] == [(0, 1), (0, 2)]


@pytest.mark.parametrize("column", ["quality", "n", "size", "tag:x", "ocr", "expected_text"])
def test_only_what_decides_the_picture_names_the_row(column: str) -> None:
    values = {"quality": "low", "n": "2", "size": "1024x1024", "tag:x": "1", "ocr": "true", "expected_text": "hi"}
    (plain,) = rows_of(f"prompt,model\na cat,{M}\n")
    (row,) = rows_of(f"prompt,model,{column}\na cat,{M},{values[column]}\n")
    assert (row.row_id != plain.row_id) == (column in ("quality", "n", "size"))


def test_a_seed_in_its_column_and_in_params_is_the_same_request() -> None:
    first, second = rows_of(
        'prompt;model;seed;params\na cat;flux-kontext-max;7;\na cat;flux-kontext-max;;{"seed": 7}\n'
    )
    assert (first.params, first.ordinal) == (second.params, 0)
    assert second.ordinal == 1


def test_default_ids_do_not_depend_on_the_folder(tmp_path: Path) -> None:
    names = set()
    for folder in (tmp_path / "x", tmp_path / "y"):
        folder.mkdir()
        picture(folder)
        (row,) = rows_of(f"prompt,model,operation,images\nmend,{M},edit,a.png\n", base=str(folder))
        names.add(row.row_id)
    assert len(names) == 1


def test_an_id_copied_from_a_manifest_stands_beside_default_ids() -> None:
    (row,) = rows_of(f"prompt,model\na cat,{M}\n")
    rows = rows_of(f"id,prompt,model\n{row.row_id},a cat,{M}\n,a cat,{M}\n")
    assert [found.row_id for found in rows] == [row.row_id, f"{row.row_id}-2"]


def test_a_template_takes_its_variables_from_any_column_and_leaves_them_in_the_tags() -> None:
    (scene, own) = rows_of(
        "template,subject,time,art_style,Product,model\n"
        f"scene,海滩,清晨,,,{M}\n"
        f'"{{subject}} beside a {{product}}",a cat,,watercolor,lamp,{M}\n'
    )
    assert scene.prompt.splitlines()[:3] == ["海滩", "时间:清晨", "天气:晴朗"]
    assert scene.tags == {"template": "scene", "subject": "海滩", "time": "清晨", "Product": ""}
    assert own.prompt.startswith("a cat beside a lamp, watercolor style")
    assert own.tags["art_style"] == "watercolor"


def test_references_run_in_rounds_also_to_later_rows() -> None:
    rows, catalog = read(
        "id,prompt,model,operation,images,n\n"
        f"d,x,{M},edit,row:b;row:c#1,\n"
        f"c,x,{M},edit,row:a,2\n"
        f"b,x,{M},edit,row:a,\n"
        f"a,x,{M},,,\n"
        f"e,x,{M},edit,row:d,\n"
    )
    assert not catalog.problems
    assert [row.row_id for row in rows] == list("dcbae")
    assert {name: catalog.depth(name) for name in "abcde"} == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 3}
    assert catalog.waves == 4


def test_a_chain_of_many_thousand_rows_is_measured() -> None:
    lines = [f"{i},x,{M},edit,row:{i + 1}" for i in range(20_000)]
    _, catalog = read("\n".join(["id,prompt,model,operation,images", *lines, f"20000,x,{M},,"]))
    assert not catalog.problems
    assert (catalog.depth("0"), catalog.waves) == (20_000, 20_001)


def test_pictures_beside_an_s3_catalog_are_s3_pictures_and_asked_for_once_each() -> None:
    asked: list[str] = []

    def exists(ref: ImageRef) -> bool:
        asked.append(ref.target)
        return not ref.target.endswith("gone.png")

    rows, catalog = read(
        f"prompt,model,operation,images\nx,{M},edit,in/a.png\ny,{M},edit,in/a.png;s3://b/c.png\nz,{M},edit,gone.png\n",
        base="s3://bucket/cats",
        file_exists=exists,
    )
    assert rows[0].images == (ImageRef(kind="s3", target="s3://bucket/cats/in/a.png"),)
    assert asked == ["s3://bucket/cats/in/a.png", "s3://b/c.png", "s3://bucket/cats/gone.png"]
    assert [problem.row_number for problem in catalog.problems.errors] == [3]


def test_an_expected_text_that_nothing_reads_is_a_warning() -> None:
    rows, catalog = read(f"prompt,model,ocr,expected_text\na,{M},false,HI\nb,{M},true,HI\n")
    assert len(rows) == 2
    assert [(warning.row_number, warning.column) for warning in catalog.problems.warnings] == [(1, "expected_text")]


def test_a_long_prompt_is_a_warning_and_counts_its_ratio_tag() -> None:
    rows, catalog = read(f"prompt,model,ratio\n{'猫' * 496},sora_image,2:3\n{'猫' * 496},sora_image,\n")
    long = [warning for warning in catalog.problems.warnings if warning.column == "prompt"]
    assert len(rows) == 2
    assert [(warning.row_number, warning.found) for warning in long] == [(1, "a prompt of 501 characters")]


def test_a_checked_row_can_be_checked_against_another_model() -> None:
    (row,) = rows_of(f"prompt,model,size,quality,n\na cat,{M},1024x1024,high,3\n")
    assert recheck(row, MODELS[M]) == []
    assert [found.column for found in recheck(row, MODELS["dall-e-3"])] == ["params", "n"]
    assert [found.column for found in recheck(row, MODELS["gemini-2.5-pro"])] == ["operation"]
