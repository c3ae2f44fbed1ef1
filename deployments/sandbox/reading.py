"""Looking at a picture: its size, its colours, the words on it. Runs in a process of its own, where OCR may be slow."""

import colorsys
import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from deployments.sandbox.settings import Reader

_HUES = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "red")
_HUE_ENDS = (0.04, 0.11, 0.19, 0.44, 0.53, 0.70, 0.82, 0.95, 1.01)
MIN_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found on one picture; ``thumb`` is 16 x 16 RGB, for comparing."""

    width_px: int
    height_px: int
    format: str
    colours: tuple[str, ...]
    brightness: float  # 0 black to 1 white
    thumb: bytes
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words, top to bottom."""
        return "\n".join(self.lines)


def look_at(data: bytes, reader: Reader, *, with_words: bool = True) -> Facts:
    """The facts of a picture. Raises OSError or ValueError for what is none."""
    with Image.open(io.BytesIO(data)) as image:
        kind, notes = (image.format or "").lower(), dict(image.info)
        rgb = image.convert("RGB")
    thumb = rgb.resize((16, 16), Image.Resampling.BOX)
    lines: tuple[str, ...] = ()
    if with_words:
        lines = _read(rgb) if reader == "rapidocr" else _embedded(notes)
    return Facts(
        width_px=rgb.width,
        height_px=rgb.height,
        format=kind,
        colours=_colours(thumb),
        brightness=float(np.asarray(thumb).mean()) / 255,
        thumb=thumb.tobytes(),
        lines=lines,
    )


def _embedded(notes: dict[Any, Any]) -> tuple[str, ...]:
    """The words the sandbox wrote into its own PNG: for rehearsals that must not pay for OCR."""
    return tuple(str(notes.get("Description", "")).splitlines())


def _colours(thumb: Image.Image) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for pixel in np.asarray(thumb).reshape(-1, 3):
        name = _colour_name(*(int(value) for value in pixel))
        counts[name] = counts.get(name, 0) + 1
    return tuple(sorted(counts, key=lambda name: -counts[name])[:3])


def _colour_name(red: int, green: int, blue: int) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    if lightness > 0.9:
        return "white"
    if lightness < 0.13:
        return "black"
    if saturation < 0.14:
        return "grey"
    name = next(word for word, end in zip(_HUES, _HUE_ENDS, strict=True) if hue < end)
    return f"dark {name}" if lightness < 0.33 else f"light {name}" if lightness > 0.72 else name


@lru_cache(maxsize=1)
def _engine() -> Any:
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    return RapidOCR(params={"Global.log_level": "critical", "Global.use_cls": False, **threads})


def _read(rgb: Image.Image) -> tuple[str, ...]:
    found = _engine()(np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1]))
    if found.txts is None:
        return ()
    rows = zip(found.boxes, found.txts, found.scores, strict=True)
    kept = [
        (float(box[:, 1].mean()), float(box[:, 0].min()), text) for box, text, score in rows if score >= MIN_CONFIDENCE
    ]
    return tuple(text for _, _, text in sorted(kept) if any(char.isalnum() for char in text))
