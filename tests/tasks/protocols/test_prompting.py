"""The ratio tag comes last; questions follow the user's language; answers are read defensively."""

from dataclasses import replace
from typing import get_args

import orjson
import pytest

from catalogs.types import VisionTask
from tasks.protocols.errors import no_reply
from tasks.protocols.formats import parse
from tasks.protocols.prompting import (
    NO_TEXT,
    answer_json,
    language_of,
    read_ocr,
    repair_prompt,
    vision_prompt,
    with_ratio_tag,
)
from tasks.protocols.schema import is_strict, problems
from tasks.protocols.wire import Answer, Failure, Reply
from tests.tasks.protocols.replies import VISION, recorded

TAGS = [
    ("一只橘猫", "2:3", "一只橘猫【2:3】"),
    ("a cat \n", "3:2", "a cat【3:2】"),
    ("a cat【2:3】", "2:3", "a cat【2:3】"),
    ("a cat【1:1】", "3:2", "a cat【3:2】"),
    ("a cat 【 1：1 】【2:3】 ", "3:2", "a cat【3:2】"),
    ("a【2:3】cat, watercolor", "2:3", "a【2:3】cat, watercolor【2:3】"),
    ("a【重要】", "1:1", "a【重要】【1:1】"),
    ("a cat【2:3】", None, "a cat【2:3】"),
    ("a cat ", "", "a cat "),
]


@pytest.mark.parametrize(("prompt", "ratio", "tagged"), TAGS)
def test_the_ratio_tag_is_the_very_end_of_the_prompt(prompt, ratio, tagged):
    assert with_ratio_tag(prompt, ratio) == tagged


@pytest.mark.parametrize(
    ("text", "language"), [("", "en"), ("a cat", "en"), ("画 a cat", "zh"), ("ねこ", "en"), ("【2:3】", "en")]
)
def test_the_language_of_a_question_is_that_of_the_prompt(text, language):
    assert language_of(text) == language


def test_an_ocr_question_asks_for_the_text_alone_and_names_the_word_for_none():
    for question in (vision_prompt("ocr"), vision_prompt("ocr", like="橘猫")):
        assert question.endswith(NO_TEXT)
    assert "only the text" in vision_prompt("ocr")
    assert "请提取图片中的所有文字" in vision_prompt("ocr", like="橘猫")


def test_a_question_of_the_user_is_asked_as_it_is_and_elsewhere_added_below():
    assert vision_prompt("ask", " How many cats? ") == "How many cats?"
    assert vision_prompt("describe", "Mention colours.").endswith("detail.\nMention colours.")
    assert vision_prompt("compare", "只看颜色") == "比较这些图片的异同\n只看颜色"
    assert vision_prompt("ask") == "What does this picture show?"


def test_a_schema_is_stated_in_words_as_well():
    question = vision_prompt("ask", "How many?", schema={"type": "object"})
    assert question.startswith("How many?\nAnswer with one JSON object")
    assert question.endswith('{"type":"object"}')


READINGS = [
    ("SALE 50%", "text", "SALE 50%"),
    ("```\nline 1\nline 2\n```", "text", "line 1\nline 2"),
    ("```text\nSALE\n```", "text", "SALE"),
    ("NO_TEXT", "no_text", None),
    (" no_text. ", "no_text", None),
    ("**NO_TEXT**", "no_text", None),
    ("```\nNO_TEXT\n```", "no_text", None),
    ("There is no text in the image.", "no_text", None),
    ("No visible text found", "no_text", None),
    ("图片中没有任何文字。", "no_text", None),
    ("无文字", "no_text", None),
    ('"" ', "no_text", None),
    ("No text messages while driving", "text", "No text messages while driving"),
    ("禁止停车 无文字说明无效", "text", "禁止停车 无文字说明无效"),
]


@pytest.mark.parametrize(("said", "status", "text"), READINGS)
def test_an_ocr_answer_is_read(said, status, text):
    reading = read_ocr(Answer(text=said))
    assert (reading.status, reading.text) == (status, text)


def test_a_cut_or_failed_reading_has_failed_and_a_refused_one_is_refused():
    assert read_ocr(Answer(text="SALE 5", truncated=True)).status == "failed"
    assert read_ocr(no_reply("timeout", "gone")).status == "failed"
    assert read_ocr(parse(recorded("8-empty.json"), VISION)).status == "failed"
    assert read_ocr(parse(recorded("8-refusal-words.json"), VISION)).status == "refused"


def said_by_model(text: str, task: str) -> Answer | Failure:
    body = orjson.dumps({"choices": [{"message": {"content": text}}]})
    return parse(Reply(status=200, headers={}, body=body), replace(VISION, vision=task))


@pytest.mark.parametrize("task", get_args(VisionTask))
@pytest.mark.parametrize(
    "text",
    [
        "SORRY!\nWe cannot provide refunds after 14 days.\nThank you for shopping with us",
        "Sorry, we can't process your request right now.",
        "We can't help you outside business hours.",
        'An error dialog: "Sorry, we can\'t process your payment right now." with a blue OK button.',
        'A chat. One bubble says: "Sorry, I can\'t assist with that request."',
        "支付失败\n抱歉，暂时无法提供服务\n请稍后再试",
        "抱歉，我们无法处理您的请求",
    ],
)
def test_an_apology_that_stands_in_a_picture_is_an_answer(text, task):
    assert isinstance(said := said_by_model(text, task), Answer)
    assert said.text == text


@pytest.mark.parametrize("task", get_args(VisionTask))
@pytest.mark.parametrize(
    "text",
    [
        "Sorry, I can't assist with that request.",
        "I’m sorry, but I can’t identify people in images.",
        "I'm sorry, I can't help with identifying or describing the content of this image.",
        "I apologize, but I am unable to process this image.",
        "I cannot fulfill this request.",
        "We can't help with that.",
        "抱歉，我无法协助处理这个请求。",
        "很抱歉，我不能识别图片中的人物。",
        "无法满足该请求",
    ],
)
def test_a_refusal_in_the_first_person_is_one_whatever_was_asked(text, task):
    assert isinstance(said := said_by_model(text, task), Failure)
    assert (said.error_class, said.message) == ("refused", text)


def test_a_text_read_from_a_picture_may_begin_like_a_refusal_and_go_on():
    chat = "I'm sorry, I can't help with that request.\nTry the front desk."
    assert isinstance(said_by_model(chat, "ocr"), Answer)
    assert isinstance(said_by_model(chat, "describe"), Failure)


SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "minimum": 0},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 2},
        "mood": {"enum": ["calm", "wild"]},
        "size": {"anyOf": [{"type": "null"}, {"type": "number", "maximum": 9}]},
    },
    "required": ["n"],
    "additionalProperties": False,
}

FITTING = [
    ('{"n": 3}', {"n": 3}),
    ('```json\n{"n": 3, "tags": ["a"]}\n```', {"n": 3, "tags": ["a"]}),
    ('Sure! Here it is: {"n": 3, "mood": "calm"} Anything else?', {"n": 3, "mood": "calm"}),
    ('I thought {of} this: {"n": 3, "size": null}', {"n": 3, "size": None}),
    ('{"n": 3.0, "size": 8.5}', {"n": 3.0, "size": 8.5}),
    ('  {"n": 0, "tags": []}\n', {"n": 0, "tags": []}),
]


@pytest.mark.parametrize(("text", "value"), FITTING)
def test_json_is_found_among_words_and_checked(text, value):
    found = answer_json(text, SCHEMA)
    assert (found.value, found.problems) == (value, ())


FAULTY = [
    ("no JSON at all", "no JSON in the answer"),
    ('{"n": 3', "no JSON in the answer"),
    ('{"n": NaN}', "no JSON in the answer"),
    ('{"n": "\\ud800"}', "no JSON in the answer"),
    ("{" * 100_000, "no JSON in the answer"),
    ("[" * 100_000, "no JSON in the answer"),
    ("[3]", "$: expected object, found list"),
    ("{}", "$.n: missing"),
    ('{"n": "3"}', "$.n: expected integer, found str"),
    ('{"n": true}', "$.n: expected integer, found bool"),
    ('{"n": 3.5}', "$.n: expected integer, found float"),
    ('{"n": -1}', "$.n: -1 is below minimum 0"),
    ('{"n": 1, "x": 2}', "$.x: not allowed"),
    ('{"n": 1, "tags": ["a", "b", "c"]}', "$.tags: 3 is above maxItems 2"),
    ('{"n": 1, "tags": ["a", ""]}', "$.tags[1]: 0 is below minLength 1"),
    ('{"n": 1, "mood": "sad"}', "$.mood: not one of ['calm', 'wild']"),
    ('{"n": 1, "size": "big"}', "$.size: fits none of the alternatives"),
    ('{"n": 1, "size": 10}', "$.size: fits none of the alternatives"),
]


@pytest.mark.parametrize(("text", "problem"), FAULTY, ids=[row[0][:30] for row in FAULTY])
def test_json_that_does_not_fit_is_told_with_its_place(text, problem):
    found = answer_json(text, SCHEMA)
    assert found.value is None
    assert problem in found.problems


def test_a_second_question_tells_the_model_what_was_wrong():
    found = answer_json("{}", SCHEMA)
    again = repair_prompt("How many?", "{}", found)
    assert again.startswith("How many?")
    assert "$.n: missing" in again


def test_problems_are_counted_up_to_twenty():
    assert len(problems(list(range(100)), {"type": "array", "items": {"type": "string"}})) == 20


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (SCHEMA, False),
        ({**SCHEMA, "required": ["n", "tags", "mood", "size"]}, True),
        ({"type": "object", "properties": {}, "additionalProperties": False}, True),
        ({"type": "object"}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"type": "string"}, True),
    ],
)
def test_a_schema_is_strict_only_if_all_its_objects_are_closed_and_required(schema, strict):
    assert is_strict(schema) is strict
