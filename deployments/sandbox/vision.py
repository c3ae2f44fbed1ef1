"""What the sandbox's vision models say: the words they really read, and sentences built on what is really there."""

import re
from collections.abc import Sequence
from typing import Any

from deployments.sandbox.reading import Facts

_OCR = re.compile(
    r"\b(ocr|read|transcribe|extract|text|words?|letters?)\b|文字|识别|读出|提取|文本|转写", re.IGNORECASE
)
_COMPARE = re.compile(r"\b(compare|comparison|differences?|differ|versus|vs)\b|比较|对比|区别|不同|差异", re.IGNORECASE)
_DESCRIBE = re.compile(r"\b(describe|description|caption|what is in|what's in)\b|描述|说明|介绍", re.IGNORECASE)
_NO_TEXT = re.compile(r"\[no[ _]text\]|\bNO_TEXT\b|\bNO TEXT\b|<no[ _]text>|〔无文字〕|\[无文字\]|【无文字】")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
REFUSAL = "I'm sorry, I can't help with identifying or describing the content of this image."


def task_of(prompt: str, images: int) -> str:
    """``ocr``, ``compare``, ``describe`` or ``ask``, by what the prompt says."""
    if images > 1 and _COMPARE.search(prompt):
        return "compare"
    describe, ocr = _DESCRIBE.search(prompt), _OCR.search(prompt)
    if describe and (not ocr or describe.start() < ocr.start()):
        return "describe"
    if ocr:
        return "ocr"
    return "compare" if images > 1 else "ask"


def answer(prompt: str, facts: Sequence[Facts]) -> str:
    """The reply in plain words, in the language of the prompt."""
    chinese = _CHINESE.search(prompt) is not None
    task = task_of(prompt, len(facts))
    if not facts:
        return "没有收到图片。" if chinese else "No picture came with the question."
    if task == "ocr":
        return _words(prompt, facts, chinese=chinese)
    if task == "compare":
        return _comparison(facts, chinese=chinese)
    if task == "describe":
        return " ".join(_description(one, chinese=chinese) for one in facts)
    return _direct(prompt, facts[0], chinese=chinese)


def _words(prompt: str, facts: Sequence[Facts], *, chinese: bool) -> str:
    text = "\n".join(one.text for one in facts if one.text)
    if text:
        return text
    if (agreed := _NO_TEXT.search(prompt)) is not None:
        return agreed[0]
    return "图片中没有文字。" if chinese else "There is no text in this picture."


def _description(facts: Facts, *, chinese: bool) -> str:
    shape = _shape(facts, chinese=chinese)
    if chinese:
        colours = "、".join(_CHINESE_COLOURS.get(name.split()[-1], name) for name in facts.colours)
        words = f"画面上写着“{'，'.join(facts.lines)}”。" if facts.lines else "画面上没有文字。"
        return f"这是一幅{shape}插画，{facts.width_px}×{facts.height_px} 像素，主要颜色是{colours}。{words}"
    light = "bright" if facts.brightness > 0.6 else "dark" if facts.brightness < 0.3 else "evenly lit"
    words = f' It shows the words "{" ".join(facts.lines)}".' if facts.lines else " It carries no text."
    tints = ", ".join(facts.colours)
    return f"A {light} {shape} illustration of {facts.width_px} x {facts.height_px} pixels, mostly {tints}.{words}"


def _shape(facts: Facts, *, chinese: bool) -> str:
    ratio = facts.width_px / facts.height_px
    names = ("横幅", "竖幅", "方形") if chinese else ("landscape", "portrait", "square")
    return names[0] if ratio > 1.05 else names[1] if ratio < 0.95 else names[2]


def _comparison(facts: Sequence[Facts], *, chinese: bool) -> str:
    first, second = facts[0], facts[-1]
    pairs = zip(first.thumb, second.thumb, strict=True)
    difference = sum(abs(a - b) for a, b in pairs) / (255 * len(first.thumb))
    percent = f"{difference * 100:.0f}"
    if chinese:
        parts = [f"图{index}：{_description(one, chinese=True)}" for index, one in enumerate(facts, start=1)]
        return "\n".join([*parts, f"两图颜色平均相差 {percent}%。"])
    parts = [f"Picture {index}: {_description(one, chinese=False)}" for index, one in enumerate(facts, start=1)]
    verdict = "They are nearly the same." if difference < 0.03 else f"Their colours differ by {percent} % on average."
    return "\n".join([*parts, verdict])


def _direct(prompt: str, facts: Facts, *, chinese: bool) -> str:
    lowered = prompt.lower()
    if "color" in lowered or "colour" in lowered or "颜色" in prompt:
        return ("主要颜色：" if chinese else "Mostly ") + ", ".join(facts.colours) + ("。" if chinese else ".")
    if any(word in lowered for word in ("size", "pixel", "resolution", "尺寸", "像素")):
        return f"{facts.width_px} x {facts.height_px}"
    return _description(facts, chinese=chinese)


_CHINESE_COLOURS = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "teal": "青色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "white": "白色",
    "black": "黑色",
    "grey": "灰色",
}


def answer_json(schema: Any, prompt: str, facts: Sequence[Facts]) -> Any:
    """A value that follows ``schema`` (the subset that structured output allows), filled from the facts."""
    return _value(schema, "", answer(prompt, facts), facts, schema if isinstance(schema, dict) else {})


def _value(schema: Any, name: str, text: str, facts: Sequence[Facts], root: dict[str, Any]) -> Any:
    if not isinstance(schema, dict):
        return text
    if "$ref" in schema:
        return _value(_resolved(root, schema["$ref"]), name, text, facts, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return next((one for one in schema["enum"] if str(one).lower() in text.lower()), schema["enum"][0])
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return _value(schema[choice][0], name, text, facts, root)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object":
        fields = schema.get("properties", {})
        return {key: _value(part, key, text, facts, root) for key, part in fields.items()}
    if kind == "array":
        return _items(schema, name, text, facts, root)
    return _scalar(kind, schema, name, text, facts)


def _resolved(root: dict[str, Any], reference: str) -> Any:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(step, {}) if step and isinstance(found, dict) else found
    return found


def _items(schema: dict[str, Any], name: str, text: str, facts: Sequence[Facts], root: dict[str, Any]) -> list[Any]:
    inner = schema.get("items", {})
    if isinstance(inner, dict) and inner.get("type") == "string":
        named = list(facts[0].colours) if facts and "colo" in name else [line for one in facts for line in one.lines]
        values: list[Any] = named
    else:
        values = [_value(inner, name, text, [one], root) for one in facts]
    least = int(schema.get("minItems", 0))
    while len(values) < least:
        values.append(_value(inner, name, text, facts, root))
    return values[: int(schema.get("maxItems", len(values)))]


def _scalar(kind: str, schema: dict[str, Any], name: str, text: str, facts: Sequence[Facts]) -> Any:
    if kind == "boolean":
        return bool(facts and facts[0].lines)
    if kind == "null":
        return None
    if kind in ("number", "integer"):
        sizes = {"width": facts[0].width_px, "height": facts[0].height_px} if facts else {}
        value = next((size for word, size in sizes.items() if word in name.lower()), 0.97 if kind == "number" else 1)
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        return min(max(value, low), high)
    words = "\n".join(one.text for one in facts if one.text)
    if any(word in name.lower() for word in ("text", "ocr", "word", "transcri", "content")):
        return words
    if "lang" in name.lower():
        return "zh" if _CHINESE.search(words) else "en"
    return text
