"""Words around the user's words: the ratio tag, the questions to vision models, and reading their answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Literal

import orjson

from catalogs.types import Json, VisionTask
from tasks.protocols.schema import problems
from tasks.protocols.wire import Answer, Failure

Language = Literal["zh", "en"]
ReadingStatus = Literal["text", "no_text", "refused", "failed"]

NO_TEXT = "NO_TEXT"

_RATIO_TAG_AT_END = re.compile(r"(?:\s{0,100}【\s{0,5}\d{1,2}\s{0,5}[:：]\s{0,5}\d{1,2}\s{0,5}】)+\s*\Z")
_HAN = re.compile(r"[㐀-鿿豈-﫿]")
_FENCE = re.compile(r"\A```[\w+-]{0,20}[ \t]*\n?(.*?)\n?```\Z", re.DOTALL)
_NO_TEXT_SAID = re.compile(
    r"\A(?:there is |the image (?:contains|has) |i (?:see|find) )?no (?:visible |readable |legible )?text"
    r"(?: (?:in|on|found|visible|is)[^\n]{0,60})?\Z"
    r"|\A(?:这张)?(?:图片|图像|图)?(?:中|里)?(?:没有|无)(?:任何|可见的?|可识别的?)?(?:文字|文本)\Z",
    re.IGNORECASE,
)

_QUESTIONS: Mapping[tuple[VisionTask, Language], str] = {
    ("ocr", "en"): "Extract all text in the picture, in reading order, exactly as written, keeping line breaks. Return "
    f"only the text itself: no explanation, no translation, no quotes. If there is no text, return exactly {NO_TEXT}",
    ("ocr", "zh"): "请提取图片中的所有文字，按阅读顺序、逐字照录，保留换行。只返回文字本身，不要解释、翻译或加引号。"
    f"如果图中没有文字，只返回 {NO_TEXT}",
    ("describe", "en"): "Describe the content of this picture in detail.",
    ("describe", "zh"): "请详细描述这张图片的内容",
    ("compare", "en"): "Compare these pictures: what they have in common and how they differ.",
    ("compare", "zh"): "比较这些图片的异同",
    ("ask", "en"): "What does this picture show?",
    ("ask", "zh"): "这张图片里有什么？",
}  # fmt: skip
_AS_JSON: Mapping[Language, str] = {
    "en": "Answer with one JSON object and nothing else. It must follow this JSON Schema:",
    "zh": "只用一个 JSON 对象回答，不要其他内容。它必须符合以下 JSON Schema：",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read in a picture; ``text`` is None unless ``status`` is ``text``."""

    status: ReadingStatus
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonAnswer:
    """``value`` if it fits the schema; ``problems`` if it does not (then ``value`` is None)."""

    value: Json = None
    problems: tuple[str, ...] = ()


def with_ratio_tag(prompt: str, ratio: str | None) -> str:
    """``prompt`` with ``【2:3】`` as its very end; a ratio tag already at the end is replaced. None leaves it alone."""
    return f"{_RATIO_TAG_AT_END.sub('', prompt).rstrip()}【{ratio}】" if ratio else prompt


def vision_prompt(
    task: VisionTask, prompt: str = "", *, like: str = "", schema: Mapping[str, Json] | None = None
) -> str:
    """The question to a vision model.

    ``ask``: the prompt itself. ``ocr``, ``describe``, ``compare``: the fixed question in the prompt's language, the
    prompt (if any) below it. ``like``: a text whose language to take when there is no prompt. ``schema``: the answer
    is wanted as JSON; the schema is stated in words too, since gateways may ignore the parameter.
    """
    prompt = prompt.strip()
    language = language_of(prompt or like)
    question = prompt if task == "ask" and prompt else _QUESTIONS[task, language]
    if task != "ask" and prompt:
        question = f"{question}\n{prompt}"
    if schema is None:
        return question
    return f"{question}\n{_AS_JSON[language]}\n{orjson.dumps(dict(schema)).decode()}"


def repair_prompt(question: str, answer: str, found: JsonAnswer) -> str:
    """The question for the one retry after an answer that does not fit its schema."""
    faults = "\n".join(found.problems)
    return f"{question}\n\nYour last answer was not valid:\n{answer[:2000]}\n\nProblems:\n{faults}\nAnswer again."


def language_of(text: str) -> Language:
    """``zh`` if the text holds any Chinese character, else ``en``."""
    return "zh" if _HAN.search(text) else "en"


def read_ocr(result: Answer | Failure) -> Reading:
    """An OCR answer as a reading. A truncated or failed one is ``failed``: its error rate would mean nothing."""
    if isinstance(result, Failure):
        return Reading(status="refused" if result.error_class == "refused" else "failed")
    if result.truncated or result.text is None:
        return Reading(status="failed")
    text = _unfenced(result.text)
    bare = text.strip(" \t\r\n\"'`*。.“”「」()[]")
    if not bare or bare.upper() in {NO_TEXT, "NO TEXT"} or _NO_TEXT_SAID.match(bare):
        return Reading(status="no_text")
    return Reading(status="text", text=text)


def answer_json(text: str, schema: Mapping[str, Json]) -> JsonAnswer:
    """The JSON in a model's answer (bare, fenced, or among words), checked against ``schema``."""
    try:
        value = _outermost(_unfenced(text))
    except ValueError as error:
        return JsonAnswer(problems=(str(error),))
    found = problems(value, schema)
    return JsonAnswer(problems=found) if found else JsonAnswer(value=value)


def _outermost(text: str) -> Json:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    decoder = JSONDecoder()
    starts = [match.start() for match, _ in zip(re.finditer(r"[{\[]", text), range(20), strict=False)]
    for start in starts:
        try:
            _, end = decoder.raw_decode(text, start)
            return orjson.loads(text[start:end])  # the strict parser has the last word: no NaN, no lone surrogates
        except (JSONDecodeError, RecursionError):
            continue
    raise ValueError("no JSON in the answer")


def _unfenced(text: str) -> str:
    stripped = text.strip()
    fenced = _FENCE.match(stripped)
    return fenced.group(1).strip() if fenced else stripped
