"""Pictures made from pictures: edits that keep what the mask protects, and fusions that show every input."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from deployments.sandbox.pictures import Drawing, scene, scene_png, write_words

MAX_INPUT_PX = 40_000_000
FROSTED_FROM = 0.66


class BadPicture(ValueError):
    """An input is no picture the gateway can read; ``index`` counts from 1."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index = index


def opened(data: bytes, index: int = 1) -> Image.Image:
    """The picture in ``data`` fully decoded; raises ``BadPicture``."""
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP", "GIF"])
        if image.width * image.height > MAX_INPUT_PX:
            raise BadPicture(index, "too many pixels")
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise BadPicture(index, str(error)) from error
    return image


def edited(drawing: Drawing) -> Image.Image:
    """The edit of ``drawing.inputs``: masked, fused, or restyled as a whole."""
    size = (drawing.width_px, drawing.height_px)
    inputs = [opened(data, index) for index, data in enumerate(drawing.inputs, start=1)]
    if len(inputs) > 1:
        return _with_words(_fused(inputs, size), drawing)
    base = _fitted(inputs[0], size)
    if (region := _region(drawing, inputs[0], size)) is None:
        return _with_words(_restyled(base), drawing)
    if drawing.keep_outside:
        return Image.composite(_filling(drawing, region), base, region)
    soft = region.filter(ImageFilter.GaussianBlur(max(2, min(size) // 90)))
    return Image.composite(_filling(drawing, region), _restyled(base), soft)


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if "A" in image.getbands() or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image.convert("RGBA"))
    rgb = image.convert("RGB")
    return rgb if rgb.size == size else ImageOps.fit(rgb, size, Image.Resampling.LANCZOS)


def _region(drawing: Drawing, source: Image.Image, size: tuple[int, int]) -> Image.Image | None:
    """Where to paint (255) or not (0): the transparent pixels of the mask, else of the input itself."""
    mask = opened(drawing.mask) if drawing.mask else source
    if "A" not in mask.getbands() and "transparency" not in mask.info:
        return None
    alpha = mask.convert("RGBA").getchannel("A")
    region = alpha.point([255 if value < 128 else 0 for value in range(256)])
    if region.getbbox() is None:
        return None
    return region if region.size == size else region.resize(size, Image.Resampling.NEAREST)


def _filling(drawing: Drawing, region: Image.Image) -> Image.Image:
    """The prompt's scene, set so that it lies inside the painted region with its words."""
    left, top, right, bottom = region.getbbox() or (0, 0, drawing.width_px, drawing.height_px)
    width, height = max(16, right - left), max(16, bottom - top)
    part = replace(drawing, width_px=width, height_px=height, inputs=(), mask=None)
    with Image.open(io.BytesIO(scene_png(part))) as scene_image:
        whole = Image.new("RGB", region.size)
        whole.paste(scene_image, (left, top))
    return whole


def _restyled(image: Image.Image) -> Image.Image:
    """The same picture in a warmer, richer print: visibly another one, visibly made from the input."""
    rich = ImageEnhance.Color(image).enhance(1.25)
    warm = Image.merge("RGB", [ch.point(table) for ch, table in zip(rich.split(), _WARM, strict=True)])
    return ImageEnhance.Contrast(warm).enhance(1.06)


_WARM = [[min(255, round(value * gain)) for value in range(256)] for gain in (1.06, 1.0, 0.93)]


def _fused(inputs: list[Image.Image], size: tuple[int, int]) -> Image.Image:
    """All inputs side by side, melting into each other at the seams."""
    width, height = size
    share = width / len(inputs)
    feather = max(2.0, share * 0.3)
    total, weights = np.zeros((height, width, 3)), np.zeros((1, width, 1))
    columns = np.arange(width)
    for index, image in enumerate(inputs):
        distance = np.abs(columns - (index + 0.5) * share) - share / 2
        weight = np.clip(0.5 - distance / feather, 0.0, 1.0)[None, :, None]
        total += np.asarray(_fitted(image, size), dtype=float) * weight
        weights += weight
    return Image.fromarray((total / np.maximum(weights, 1e-6)).round().astype(np.uint8))


def _with_words(image: Image.Image, drawing: Drawing) -> Image.Image:
    """The caption on frosted glass: the words of the inputs must not be read together with those of the edit."""
    top = round(image.height * FROSTED_FROM)
    foot = image.crop((0, top, image.width, image.height))
    image.paste(foot.filter(ImageFilter.GaussianBlur(max(4, image.height // 24))), (0, top))
    write_words(image, drawing, scene(replace(drawing, inputs=(), mask=None)), drawing.height_px)
    return image
