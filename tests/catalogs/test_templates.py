from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.templates import TemplateError, apply_style, compose, cut, find_template, render, styles, templates

SEED_STYLES = {  # docs.apiyi.com, Sora Image, 风格化生成
    "油画": "油画风格,厚重的笔触,丰富的色彩层次",
    "水彩": "水彩画风格,透明感,色彩流动",
    "素描": "铅笔素描风格,黑白,细腻的线条",
    "动漫": "日本动漫风格,大眼睛,鲜艳的色彩",
    "写实": "超写实摄影,高清细节,专业摄影",
}
TWINS = {
    "油画": "oil painting",
    "水彩": "watercolor",
    "素描": "pencil sketch",
    "动漫": "anime",
    "写实": "photorealistic",
}


@pytest.mark.parametrize(("name", "text"), SEED_STYLES.items())
def test_the_seeds_styles_are_appended_as_the_seed_does(name: str, text: str):
    assert apply_style("美丽的玫瑰花", name) == f"美丽的玫瑰花,{text}"


@pytest.mark.parametrize("name", TWINS.values())
def test_every_seed_style_has_an_english_twin_in_english(name: str):
    styled = apply_style("a rose", name)
    assert styled.isascii()
    assert styled.startswith("a rose, ")


@pytest.mark.parametrize("name", ["Oil Painting", "oil-painting", "OIL_PAINTING", " oil  painting "])
def test_a_style_is_found_in_any_case_and_with_any_separator(name: str):
    assert apply_style("a rose", name) == apply_style("a rose", "oil painting")


def test_no_style_changes_nothing():
    assert apply_style("a rose", "") == apply_style("a rose", "  ") == "a rose"


@pytest.mark.parametrize(("name", "nearest"), [("watercolr", "watercolor"), ("油画风", "油画"), ("zzz", None)])
def test_an_unknown_style_is_refused_with_the_nearest(name: str, nearest: str | None):
    with pytest.raises(TemplateError, match="no style") as caught:
        apply_style("a rose", name)
    assert caught.value.nearest == nearest


def test_the_scene_is_the_seeds_text_without_its_ratio_tag():
    scene = render("scene", {"subject": "海滩", "time": "日落", "weather": "微风", "mood": "浪漫"})
    assert scene == "海滩\n时间:日落\n天气:微风\n氛围:浪漫\n摄影风格,专业构图"


def test_the_scene_takes_the_seeds_defaults_for_empty_cells():
    expected = "森林小径\n时间:日落\n天气:晴朗\n氛围:宁静\n摄影风格,专业构图"
    assert render("场景", {"subject": "森林小径", "time": "", "weather": " "}) == expected


def test_the_scene_has_an_english_twin():
    assert render("scene-en", {"subject": "beach", "weather": "breezy"}) == (
        "beach\nTime: sunset\nWeather: breezy\nMood: serene\nphotographic style, professional composition"
    )


def test_the_five_parts_stand_in_the_seeds_order():
    cells = {
        "subject": "A majestic eagle",
        "art_style": "photorealistic",
        "environment": "soaring above mountain peaks",
        "lighting": "during golden hour",
        "quality_words": "highly detailed, 8K resolution",
    }
    assert render("five-part", cells) == (
        "A majestic eagle, hyperrealistic photography, fine detail, professional photography, "
        "soaring above mountain peaks, during golden hour, highly detailed, 8K resolution"
    )


def test_of_the_five_parts_only_the_subject_is_needed():
    assert render("five_part", {"subject": "an eagle", "lighting": "at dawn"}) == "an eagle, at dawn"
    assert render("五段式", {"subject": "鹰", "art_style": "水彩"}) == "鹰,水彩画风格,透明感,色彩流动"
    with pytest.raises(TemplateError) as caught:
        render("five-part", {"lighting": "at dawn"})
    assert caught.value.missing == ("subject",)


def test_variations_of_one_theme_are_joined_as_the_seed_does():
    assert render("variation", {"subject": "一只可爱的猫咪", "variation": "橘色虎斑"}) == "一只可爱的猫咪,橘色虎斑"


def test_a_template_may_be_spelled_out_with_any_other_column():
    text = "A {color} {Product Name}, {{limited}} edition by {brand}"
    cells = {"color": "red", "product name": "kettle", "brand": "Ålesund", "unused": "x"}
    assert render(text, cells) == "A red kettle, {limited} edition by Ålesund"


def test_every_missing_variable_is_listed_once_and_at_once():
    with pytest.raises(TemplateError, match="color, size") as caught:
        render("A {color} {size} {color} {thing}", {"thing": "cup", "size": " "})
    assert caught.value.missing == ("color", "size")


@pytest.mark.parametrize(("name", "nearest"), [("sceen", "scene"), ("five-parts", "five-part"), ("zzzz", None)])
def test_an_unknown_template_is_refused_with_the_nearest(name: str, nearest: str | None):
    with pytest.raises(TemplateError, match="no template") as caught:
        render(name, {})
    assert caught.value.nearest == nearest


@pytest.mark.parametrize("text", ["{", "a } b", "{a", "{}", "{ }", "{a{b}}", "}{"])
def test_a_lone_or_empty_brace_is_an_error_that_says_where(text: str):
    with pytest.raises(TemplateError, match="at character"):
        render(text, {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    "text",
    ["{subject.__class__}", "{subject[0]}", "{subject!r}", "{subject:>99999999}", "{0}", "{__import__('os')}"],
)
def test_attributes_indexes_conversions_and_formats_are_only_names_that_no_column_has(text: str):
    with pytest.raises(TemplateError) as caught:
        render(text, {"subject": "a cup"})
    assert caught.value.missing == (text[1:-1],)


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_value_is_inserted_as_it_is_whatever_it_holds(value: str):
    if value.strip():
        assert render("<{cell}>", {"cell": value, "x": "never"}) == f"<{value}>"
    else:
        with pytest.raises(TemplateError, match="cell"):
            render("<{cell}>", {"cell": value, "x": "never"})


@given(st.text(alphabet="ab{}. !:[]猫", max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_either_renders_or_is_refused_with_a_reason(text: str):
    try:
        piece = cut(text)
    except TemplateError:
        assert "{" in text or "}" in text
    else:
        assert len(piece.literals) == len(piece.variables) + 1


def test_a_row_has_its_prompt_or_its_template_and_then_its_style():
    assert compose("a rose", "", {"art_style": "anime"}) == apply_style("a rose", "anime")
    assert compose("a rose", "", {}) == "a rose"
    styled = compose("", "{subject} at night", {"subject": "a rose", "art_style": "anime"})
    assert styled == apply_style("a rose at night", "anime")


def test_a_template_that_places_the_style_itself_gets_it_once():
    prompt = compose("", "five-part", {"subject": "a rose", "art_style": "watercolor"})
    assert prompt.count("watercolor style") == 1
    prompt = compose("", "in {Art_Style}: {subject}", {"subject": "a rose", "art_style": "watercolor"})
    assert prompt.count("watercolor style") == 1


def test_a_prompt_beside_a_template_is_an_error():
    with pytest.raises(TemplateError, match="both"):
        compose("a rose", "scene", {"subject": "x"})


def test_names_are_unique_and_no_row_of_the_file_carries_a_ratio():
    for rows in (styles(), templates()):
        names = Counter(name.casefold().replace("-", " ").replace("_", " ") for row in rows for name in row.names)
        assert max(names.values()) == 1
    assert {name for style in styles() for name in style.names} >= {*SEED_STYLES, *TWINS.values()}
    for template in templates():
        assert set(template.defaults) | template.optional <= set(template.variables)
        literals = "".join(literal for piece in template.pieces for literal in piece.literals)
        assert "【" not in literals
        assert find_template(template.names[0]) is template
