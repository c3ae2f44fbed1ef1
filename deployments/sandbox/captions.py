"""Which words a picture shows: the text quoted in the prompt, else the beginning of the prompt."""

import re
import unicodedata

LATIN_LIMIT = 46
WIDE_LIMIT = 16
_TRIGGER = re.compile(r"\[\[scenario:[^\]]*\]\]")
_RATIO_TAG = re.compile(r"【\s*\d+:\d+\s*】")
_QUOTED = re.compile(r'"([^"\n]{1,80})"|“([^”]{1,80})”|「([^」]{1,80})」|『([^』]{1,80})』|«([^»]{1,80})»')
_CLAUSE_END = re.compile(r"[,.;:!?，。；：！？、\n]")


def plain_prompt(prompt: str) -> str:
    """The prompt without the sandbox's own triggers and without a ratio tag."""
    return _RATIO_TAG.sub("", _TRIGGER.sub("", prompt)).strip()


def caption(prompt: str) -> str:
    """The words drawn for ``prompt``; lines are parted by a line feed where several texts were quoted."""
    text = plain_prompt(prompt)
    quoted = [next(part for part in match if part).strip() for match in _QUOTED.findall(text)]
    words = "\n".join(part for part in quoted[:3] if part) or _shortened(text)
    return "".join(char for char in words if char == "\n" or unicodedata.category(char)[0] != "C")


def is_wide(char: str) -> bool:
    """True for the full-width characters of Chinese, Japanese and Korean."""
    return unicodedata.east_asian_width(char) in "WF"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    limit = WIDE_LIMIT if sum(map(is_wide, text)) * 2 > len(text) else LATIN_LIMIT
    if len(text) <= limit:
        return text.rstrip(" ,.;:，。；：")
    head = text[: limit + 1]
    ends = [match.start() for match in _CLAUSE_END.finditer(head) if match.start() >= limit // 3]
    cut = ends[-1] if ends else head.rfind(" ")
    return head[: cut if cut > 0 else limit].rstrip(" ,.;:，。；：")
