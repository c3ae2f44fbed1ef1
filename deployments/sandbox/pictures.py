"""Pictures drawn from a prompt: the same drawing gives the same bytes, and its words can be read back."""

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from deployments.sandbox import png, typography
from deployments.sandbox.canvas import Canvas, mix
from deployments.sandbox.captions import caption, plain_prompt
from deployments.sandbox.motifs import DEFAULT_MOTIFS, MOTIFS, choose
from deployments.sandbox.palettes import PALETTES, Colour
from deployments.sandbox.scenery import INK, WHITE

VARIANTS = 3  # compositions per motif and palette; more would only make the cache of backgrounds larger
SUPERSAMPLE_UP_TO_PX = 2_400_000
WORDS_FROM = 0.64  # the words stay below this fraction of the height, so rows above never change
ALL_MOTIFS = (*MOTIFS, *DEFAULT_MOTIFS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Everything that decides the bytes of one picture."""

    prompt: str
    width_px: int
    height_px: int
    format: str = "png"  # png, jpeg, webp
    model: str = ""
    seed: str = ""
    sample: int = 0
    quality: int = 90  # of jpeg and webp
    transparent: bool = False
    blank: bool = False
    words: str | None = None  # drawn instead of the prompt's own
    inputs: tuple[bytes, ...] = ()
    mask: bytes | None = None
    keep_outside: bool = False  # pixels outside the mask stay what they were (dall-e-2)

    @property
    def caption(self) -> str:
        """The words in the picture."""
        return caption(self.prompt) if self.words is None else self.words

    @property
    def identity(self) -> str:
        """A hash of the drawing: what differs here differs in the bytes."""
        parts = [
            self.prompt,
            self.words,
            self.width_px,
            self.height_px,
            self.model,
            self.seed,
            self.sample,
            self.transparent,
        ]
        digest = hashlib.sha256(repr(parts).encode())
        for data in (*self.inputs, self.mask or b""):
            digest.update(hashlib.sha256(data).digest())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Background:
    """A painted scene, compressed; ``lower`` are the rows from ``lower_top`` on, where words may come."""

    bands: tuple[png.Band, ...]
    lower: png.Pixels
    lower_top: int
    paper: Colour
    ink: Colour
    accent: Colour


def finished(drawing: Drawing) -> bytes:
    """The file of a drawing made from words alone (inputs are for ``edits``)."""
    if drawing.blank:
        return encode(Image.new("RGB", (drawing.width_px, drawing.height_px), (127, 127, 127)), drawing)
    data = scene_png(drawing)
    if drawing.format == "png" and not drawing.transparent:
        return data
    with Image.open(io.BytesIO(data)) as image:
        return encode(_cut_out(image) if drawing.transparent else image, drawing)


def scene_png(drawing: Drawing) -> bytes:
    """The scene of the prompt with its words, as PNG."""
    background = scene(drawing)
    bands = list(background.bands)
    lower = Image.fromarray(background.lower)
    top, bottom = write_words(lower, drawing, background, drawing.height_px)
    pixels = np.asarray(lower)
    first = (background.lower_top + top) // png.BAND_ROWS
    last = (background.lower_top + min(bottom, lower.height) - 1) // png.BAND_ROWS
    for index in range(first, last + 1):
        start = index * png.BAND_ROWS - background.lower_top
        bands[index] = png.encode_band(pixels[start : start + png.BAND_ROWS])
    return png.assemble(drawing.width_px, drawing.height_px, bands, _notes(drawing))


def composition(drawing: Drawing) -> tuple[int, int, int]:
    """Motif, palette and variant of a drawing: what its background is known by."""
    words = plain_prompt(drawing.prompt)
    rng = Random(f"{words}|{drawing.seed}|{drawing.sample}|{drawing.model}")
    motif, palette = choose(words, rng)
    return ALL_MOTIFS.index(motif), PALETTES.index(palette), rng.randrange(VARIANTS)


def scene(drawing: Drawing) -> Background:
    """The background of a drawing; it is shared by all drawings of the same composition and size."""
    return _background(*composition(drawing), drawing.width_px, drawing.height_px)


@lru_cache(maxsize=128)
def _background(motif_index: int, palette_index: int, variant: int, width_px: int, height_px: int) -> Background:
    palette = PALETTES[palette_index]
    scale = 2 if width_px * height_px <= SUPERSAMPLE_UP_TO_PX else 1
    canvas = Canvas(width_px * scale, height_px * scale, palette)
    ALL_MOTIFS[motif_index].paint(canvas, Random(f"{motif_index}/{palette_index}/{variant}"))
    image = canvas.image.reduce(scale) if scale > 1 else canvas.image
    pixels = np.asarray(image)
    lower_top = int(height_px * WORDS_FROM) // png.BAND_ROWS * png.BAND_ROWS
    dark = sum(palette.near) < 300
    paper, ink = (mix(palette.near, (0, 0, 0), 0.45), WHITE) if dark else (mix(WHITE, palette.bottom, 0.12), INK)
    bands = tuple(png.encode_bands(pixels))
    return Background(bands, pixels[lower_top:].copy(), lower_top, paper, ink, palette.accent)


def write_words(image: Image.Image, drawing: Drawing, look: Background, height_px: int) -> tuple[int, int]:
    """Draw the caption's panel at the foot of ``image`` (in place); returns the rows it touched."""
    width = image.width
    largest = max(14, round(min(width, height_px) * 0.066))
    words = typography.fit(drawing.caption, round(width * 0.8), round(height_px * 0.24), largest)
    pad, bar = round(words.size_px * 0.45), max(2, round(words.size_px * 0.09))
    bottom = image.height - round(height_px * 0.05)
    top = max(0, bottom - words.height_px - 2 * pad - bar)
    half = min(round(width * 0.46), round(words.width_px / 2 + words.size_px * 1.1))
    _panel(image, (width // 2 - half, top, width // 2 + half, bottom), look.paper)
    draw_on = ImageDraw.Draw(image)
    face = typography.font(words.size_px)
    for number, line in enumerate(words.lines):
        y = top + pad + (number + 0.5) * words.size_px * typography.LINE_HEIGHT
        draw_on.text((width / 2, y), line, font=face, fill=look.ink, anchor="mm")
    _swatch(draw_on, drawing, look, (width // 2 - half // 2, bottom - 2 * bar, width // 2 + half // 2, bottom - bar))
    return top, bottom


def _panel(image: Image.Image, box: tuple[int, int, int, int], paper: Colour) -> None:
    size = (box[2] - box[0], box[3] - box[1])
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius=min(size) // 5, fill=222)
    image.paste(paper, box[:2], mask)


def _swatch(pen: ImageDraw.ImageDraw, drawing: Drawing, look: Background, box: tuple[int, int, int, int]) -> None:
    """A thin row of tints that tells two pictures of one composition apart."""
    digest = bytes.fromhex(drawing.identity)
    step = (box[2] - box[0]) / 12
    for index in range(12):
        left = box[0] + index * step
        tint = mix(look.accent, look.ink, digest[index] / 400)
        pen.rectangle((left, box[1], max(left, left + step - 2), box[3]), fill=tint)


def _cut_out(image: Image.Image) -> Image.Image:
    """The picture in a rounded frame on nothing: for ``background: transparent``."""
    scale = 2
    mask = Image.new("L", (image.width * scale, image.height * scale), 0)
    edge = min(mask.size) // 40
    box = (edge, edge, mask.width - edge, mask.height - edge)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius=min(mask.size) // 7, fill=255)
    image = image.convert("RGBA")
    image.putalpha(mask.reduce(scale))
    return image


def encode(image: Image.Image, drawing: Drawing) -> bytes:
    """The bytes of a picture in the drawing's format, with its notes where the format has a place for them."""
    out = io.BytesIO()
    if drawing.format == "png":
        image.save(out, "PNG", compress_level=1)
        data = out.getvalue()
        return data[:33] + b"".join(_notes(drawing)) + data[33:]
    if drawing.format == "jpeg":
        flat = image.convert("RGB")
        flat.save(out, "JPEG", quality=drawing.quality, comment=drawing.identity.encode())
    else:
        image.save(out, "WEBP", quality=drawing.quality, method=1, exif=_exif(drawing))
    return out.getvalue()


def _exif(drawing: Drawing) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = drawing.identity  # ImageDescription
    return exif


def _notes(drawing: Drawing) -> list[bytes]:
    """The words as text for readers that do not look, and what makes every drawing's bytes its own."""
    return [png.text_chunk("Description", drawing.caption), png.text_chunk("Comment", drawing.identity)]
