"""What vision models answer, in words and as JSON, and what it costs."""

from typing import Any

import pytest

from catalogs.models import find_model
from deployments.sandbox.families import vision_tokens
from deployments.sandbox.reading import Facts
from deployments.sandbox.vision import answer, answer_json, task_of
from tests.deployments.sandbox.served import data_uri, png_bytes, served


def facts(*lines: str, colour: int = 200, **more: Any) -> Facts:
    base = {"width_px": 640, "height_px": 480, "format": "png", "colours": ("red", "grey"), "brightness": 0.5}
    return Facts(**{**base, "thumb": bytes([colour]) * 768, "lines": lines, **more})


@pytest.mark.parametrize(
    ("prompt", "images", "task"),
    [
        ("Read all text in this image.", 1, "ocr"),
        ("请识别图片中的所有文字", 1, "ocr"),
        ("Describe the image, including any text.", 1, "describe"),
        ("描述这张图片", 1, "describe"),
        ("What are the differences between these pictures?", 2, "compare"),
        ("比较这两张图片", 2, "compare"),
        ("Is there a dog?", 1, "ask"),
    ],
)
def test_the_question_decides_what_is_answered(prompt: str, images: int, task: str) -> None:
    assert task_of(prompt, images) == task


def test_answers_are_made_of_what_is_on_the_pictures() -> None:
    assert answer("Read the text", [facts("春节", "快乐")]) == "春节\n快乐"
    assert answer("Read the text", [facts()]) == "There is no text in this picture."
    assert answer("Read the text; if there is none answer NO_TEXT", [facts()]) == "NO_TEXT"
    assert "640×480" in answer("描述这张图片", [facts("你好")])
    assert answer("Describe it", [facts("HI")]).endswith('It shows the words "HI".')
    assert "nearly the same" in answer("Compare them", [facts(), facts()])
    assert "differ by 39 %" in answer("Compare them", [facts(colour=100), facts()])
    assert answer("What colour is it?", [facts()]) == "Mostly red, grey."
    assert answer("Read the text", []) == "No picture came with the question."


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text", "confidence", "language", "lines", "mood", "regions", "width", "kind"],
    "properties": {
        "text": {"type": "string"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 0.9},
        "language": {"type": ["string", "null"]},
        "lines": {"type": "array", "items": {"type": "string"}},
        "mood": {"enum": ["calm", "loud"]},
        "regions": {"type": "array", "items": {"$ref": "#/$defs/region"}, "minItems": 2},
        "width": {"type": "integer"},
        "kind": {"const": "picture"},
    },
    "$defs": {"region": {"type": "object", "properties": {"has_text": {"type": "boolean"}}}},
}


def test_json_answers_follow_the_schema() -> None:
    value = answer_json(SCHEMA, "Read the text", [facts("你好", "世界")])
    assert value == {
        "text": "你好\n世界",
        "confidence": 0.9,
        "language": "zh",
        "lines": ["你好", "世界"],
        "mood": "calm",
        "regions": [{"has_text": True}, {"has_text": True}],
        "width": 640,
        "kind": "picture",
    }


@pytest.mark.parametrize(
    ("model", "size", "detail", "tokens"),
    [
        ("gpt-4o", (1024, 1024), "high", 765),
        ("gpt-4o", (1024, 1024), "low", 85),
        ("gpt-4o", (2048, 4096), "high", 1_105),
        ("gpt-4o-mini", (512, 512), "high", 8_500),
        ("gemini-2.5-pro", (300, 300), "high", 258),
        ("gemini-2.5-pro", (1536, 768), "high", 516),
        ("claude-3-5-sonnet", (1000, 750), "high", 1_000),
    ],
)
def test_tokens_of_a_picture_follow_the_vendor_s_formula(
    model: str, size: tuple[int, int], detail: str, tokens: int
) -> None:
    assert vision_tokens(find_model(model), *size, detail) == tokens


def question(text: str, *urls: str, **more: Any) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}],
        **more,
    }


async def test_usage_is_charged_at_the_model_s_token_price() -> None:
    async with served() as gateway:
        _, _, body = await gateway.post("/chat/completions", question("Describe it", data_uri(png_bytes(512, 512))))
        usage = body["usage"]
        expected = usage["prompt_tokens"] * 2.5 + usage["completion_tokens"] * 10
        assert abs(gateway.charges[0].micros - expected) <= 0.5
        assert usage["prompt_tokens_details"]["image_tokens"] == 255


async def test_an_answer_stops_at_the_token_cap_and_says_so() -> None:
    async with served() as gateway:
        body = question("Describe it", data_uri(png_bytes()), max_tokens=5)
        _, _, reply = await gateway.post("/chat/completions", body)
        assert reply["choices"][0]["finish_reason"] == "length"
        assert reply["usage"]["completion_tokens"] <= 5


async def test_the_sandbox_s_own_urls_can_be_asked_about_and_unreachable_ones_fail() -> None:
    async with served() as gateway:
        _, _, drawn = await gateway.post(
            "/images/generations", {"model": "dall-e-2", "prompt": 'sign "ABC"', "size": "512x512"}
        )
        _, _, reply = await gateway.post("/chat/completions", question("Read the text", drawn["data"][0]["url"]))
        assert reply["choices"][0]["message"]["content"] == "ABC"
        status, _, refused = await gateway.post("/chat/completions", question("Read", f"{gateway.root}/nothing.png"))
        assert (status, refused["error"]["code"]) == (400, "invalid_image_url")


async def test_json_schema_is_answered_with_json_that_follows_it() -> None:
    async with served() as gateway:
        wanted = {"type": "json_schema", "json_schema": {"name": "reading", "strict": True, "schema": SCHEMA}}
        body = question("Read the text", data_uri(png_bytes()), response_format=wanted)
        _, _, reply = await gateway.post("/chat/completions", body)
        assert '"kind":"picture"' in reply["choices"][0]["message"]["content"]


async def test_forbidden_questions_are_refused_in_the_message_and_charged() -> None:
    async with served() as gateway:
        _, _, reply = await gateway.post("/chat/completions", question("more gore please", data_uri(png_bytes())))
        assert reply["choices"][0]["message"]["content"] is None
        assert reply["choices"][0]["message"]["refusal"]
        assert len(gateway.charges) == 1
