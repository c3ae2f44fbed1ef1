"""Words in Noto Sans CJK (shipped as a Python package), wrapped and sized to fit a box."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from PIL import ImageFont

from deployments.sandbox.captions import is_wide

SIMPLIFIED_CHINESE = 2  # the face of the collection that prefers simplified forms
LINE_HEIGHT = 1.32
MAX_LINES = 4


@dataclass(frozen=True, slots=True)
class Words:
    """Lines that fit their box at ``size_px``."""

    lines: tuple[str, ...]
    size_px: int

    @property
    def height_px(self) -> int:
        """Height of all lines together."""
        return round(len(self.lines) * self.size_px * LINE_HEIGHT)

    @property
    def width_px(self) -> int:
        """Width of the longest line."""
        return round(max(sum(map(_width, _pieces(line))) for line in self.lines) * _ratio(self.size_px))


@lru_cache(maxsize=64)
def font(size_px: int, weight: int = 560) -> ImageFont.FreeTypeFont:
    """The face at a size in pixels and a weight from 100 to 900."""
    path = str(files("manimgx_fonts_cjk") / "NotoSansCJK-VF.otf.ttc")
    face = ImageFont.truetype(path, size_px, index=SIMPLIFIED_CHINESE)
    face.set_variation_by_axes([weight])
    return face


def fit(text: str, width_px: int, height_px: int, largest_px: int) -> Words:
    """The largest setting of ``text`` within the box; at the smallest size what does not fit is cut."""
    size = largest_px
    while True:
        lines = _wrap(text, width_px / _ratio(size))
        words = Words(tuple(lines), size)
        if len(lines) <= MAX_LINES and words.height_px <= height_px:
            return words
        if size <= 13:
            keep = max(1, min(MAX_LINES, int(height_px / (size * LINE_HEIGHT))))
            return Words(tuple(lines[:keep]), size)
        size = max(13, int(size * 0.86))


def _ratio(size_px: int) -> float:
    """Widths are measured once at 64 px and scaled: opening the 32 MB face at every size tried is what costs."""
    return size_px / 64


@lru_cache(maxsize=8192)
def _width(piece: str) -> float:
    return font(64).getlength(piece)


def _wrap(text: str, width_at_64: float) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _pieces(paragraph):
            if line and sum(map(_width, _pieces(line + piece.rstrip()))) > width_at_64:
                lines.append(line.rstrip())
                line = ""
            line += piece if line else piece.lstrip()
        lines.append(line.rstrip())
    return [line for line in lines if line] or [""]


def _pieces(text: str) -> list[str]:
    """Where a line may break: after spaces, and after every full-width character."""
    pieces, word = [], ""
    for char in text:
        if is_wide(char):
            pieces += [word, char] if word else [char]
            word = ""
        else:
            word += char
            if char == " ":
                pieces.append(word)
                word = ""
    return [*pieces, word] if word else pieces
