"""Advice on a prompt, after the seeds' best practices. It never blocks anything."""

import re

from catalogs.types import Model

_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W\d_]+")
_RATIO_TAG = re.compile(r"【\s*\d{1,2}\s*[:：]\s*\d{1,2}\s*】")
# a plain search for each is an order of magnitude faster than one regular expression for all
_STYLE_WORDS = (
    *("风格", "油画", "水彩", "素描", "动漫", "写实", "摄影", "照片", "插画", "水墨", "国画", "版画", "卡通", "漫画"),
    *("像素", "极简", "扁平", "赛博朋克", "印象派", "写意"),
    *("style", "paint", "watercolo", "sketch", "drawing", "anime", "manga", "realis", "photo", "illustrat", "cartoon"),
    *("pixel art", "minimal", "cyberpunk", "impressionis", "render", "cinematic", "vector", "isometric", "line art"),
    *("digital art", "concept art", "ukiyo", "poster", "logo"),
)


def prompt_hints(prompt: str, model: Model) -> list[str]:
    """What the seeds would advise: more detail, a style, the model's stronger language, the ratio in its column.

    Empty for a model that only reads pictures: its prompt is a question.
    """
    if "generate" not in model.formats and "edit" not in model.formats:
        return []
    chinese, words = _measured(prompt)
    folded = prompt.lower()
    hints = []
    if chinese + 2 * words < 6:
        hints.append("very short: say subject, style, environment, lighting and quality")
    if not any(word in folded for word in _STYLE_WORDS):
        hints.append("names no style, such as 油画, photorealistic or watercolor (column art_style)")
    if chinese > words and model.chinese != "native":
        hints.append(f"in Chinese, which {model.id} understands less precisely than English")
    if "【" in prompt and _RATIO_TAG.search(prompt):
        hints.append("has a ratio tag in its text: use the column ratio, which every model gets in its own way")
    return hints


class HintTally:
    """Hints on the prompts of one file, counted: every prompt of the first 10,000, then every tenth."""

    ALL_UP_TO = 10_000
    THEN_ONE_IN = 10

    def __init__(self, file: str) -> None:
        self._file = file
        self._prompts = 0
        self._counts: dict[str, tuple[int, int]] = {}  # hint -> how many prompts, the first one's row

    def add(self, prompt: str, model: Model, row_number: int) -> None:
        """Look at the prompt of one row, or only count it."""
        self._prompts += 1
        weight = 1
        if self._prompts > self.ALL_UP_TO:
            if self._prompts % self.THEN_ONE_IN:
                return
            weight = self.THEN_ONE_IN
        for hint in prompt_hints(prompt, model):
            count, first = self._counts.get(hint, (0, row_number))
            self._counts[hint] = count + weight, first

    def lines(self) -> list[str]:
        """One line for each hint, the most frequent first; counts of a large file are estimates and say so."""
        about = "about " if self._prompts > self.ALL_UP_TO else ""
        ranked = sorted(self._counts.items(), key=lambda each: (-each[1][0], each[0]))
        return [
            f"{self._file}: {about}{count:,} of {self._prompts:,} prompts (row {first:,} is one): {hint}"
            for hint, (count, first) in ranked
        ]


def _measured(prompt: str) -> tuple[int, int]:
    """Chinese characters and other words."""
    if prompt.isascii():
        return 0, len(prompt.split())
    chinese = len(_CJK.findall(prompt))
    return chinese, len(_WORD.findall(_CJK.sub(" ", prompt) if chinese else prompt))
