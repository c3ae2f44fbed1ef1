"""From a chart to a picture, by matplotlib: SVG in the page's light and dark colours, PNG for an artifact.

Colours are those of ``page.css``. A chart is drawn once, in the light ones; the dark picture is the same file with each
colour replaced. Matplotlib costs half a second to import, so it is imported with the first chart that is drawn.
"""

import base64
import io
import logging
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tasks.report.page import asset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURED_WITH = ("DejaVu Sans", "Noto Sans CJK SC")  # what is wider than the page's own face leaves room enough
PAGE_FONT = "system-ui, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
LABEL_CHARS = 28
_SHADES = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_one_at_a_time = threading.Lock()  # matplotlib's settings are the process's


@dataclass(frozen=True, slots=True)
class Chart:
    """What a picture shows. ``about`` says it in words; ``left_px`` is kept for the names of rows."""

    about: str
    width_px: int
    height_px: int
    left_px: int
    draw: Callable[["Axes"], None]


@lru_cache(maxsize=1)
def shades() -> dict[str, tuple[str, str]]:
    """The page's colours by name: in light, in dark."""
    return {name: (light, dark) for name, light, dark in _SHADES.findall(asset("page.css"))}


def colour(name: str) -> str:
    """A colour of the page as it is drawn, in light."""
    return shades()[name][0]


def plain(text: str) -> str:
    """``text`` without what XML forbids or what turns it around."""
    return "".join(char if char.isprintable() else " " for char in text)


def label(text: str) -> str:
    """A name, cut short to have room beside its row."""
    return text if len(text) <= LABEL_CHARS else f"{text[: LABEL_CHARS - 1]}…"


def svg(chart: Chart) -> tuple[str, str]:
    """The picture in light and in dark."""
    text = _rendered(chart, "svg").decode()
    family = ", ".join(f"'{name}'" for name in MEASURED_WITH)
    light = text[text.index("<svg") :].replace(family, PAGE_FONT)
    dark = dict(shades().values())
    return light, _COLOUR.sub(lambda found: dark.get(found[0], found[0]), light)


def png(chart: Chart) -> bytes:
    """The picture in light, two dots per pixel, in few enough colours to travel in an artifact."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(_rendered(chart, "png"))) as drawn:
        drawn.convert("RGB").quantize(48).save(out, "PNG", optimize=True)
    return out.getvalue()


def data_uri(kind: str, body: bytes) -> str:
    """``body`` as an address of its own."""
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"


def _rendered(chart: Chart, kind: str) -> bytes:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with _one_at_a_time, mpl.rc_context(_settings()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's browser has the face that lacks here
        _add_chinese()
        figure = Figure(figsize=(chart.width_px / 72, chart.height_px / 72), dpi=72)
        axes = figure.add_axes((chart.left_px / chart.width_px, 0.0, 1 - chart.left_px / chart.width_px, 1.0))
        axes.set_axis_off()
        chart.draw(axes)
        out = io.BytesIO()
        extra: dict[str, Any] = (
            {"dpi": 144} if kind == "png" else {"metadata": dict.fromkeys(("Date", "Creator", "Format", "Type"))}
        )
        figure.savefig(out, format=kind, transparent=kind == "svg", **extra)
    return out.getvalue()


def _settings() -> Any:  # matplotlib types the names of its settings one by one
    return {
        "font.family": list(MEASURED_WITH), "font.size": 12.5, "text.parse_math": False, "svg.fonttype": "none",
        "svg.hashsalt": "printroom", "text.color": colour("ink"), "figure.facecolor": colour("surface"),
        "path.simplify": False, "lines.solid_capstyle": "round",
    }  # fmt: skip


@lru_cache(maxsize=1)
def _add_chinese() -> None:
    from matplotlib.font_manager import fontManager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # the face has one weight: that will do
    fontManager.addfont(str(files("manimgx_fonts_cjk") / "NotoSansCJK-VF.otf.ttc"))
