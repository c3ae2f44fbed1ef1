"""A drawing surface in fractions of the picture."""

import numpy as np
from PIL import Image, ImageDraw

from deployments.sandbox.palettes import Colour, Palette


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``first`` with ``share`` (0 to 1) of ``second`` in it."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def vertical_gradient(width_px: int, height_px: int, top: Colour, bottom: Colour) -> Image.Image:
    """A picture fading from ``top`` to ``bottom``."""
    share = np.linspace(0.0, 1.0, height_px)[:, None]
    rows = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
    column = Image.fromarray(rows.round().astype(np.uint8)[:, None, :])
    return column.resize((width_px, height_px), Image.Resampling.NEAREST)


class Canvas:
    """Shapes by fractions: x of the width, y of the height, radii and thickness of the shorter side."""

    def __init__(self, width_px: int, height_px: int, palette: Palette) -> None:
        self.image = vertical_gradient(width_px, height_px, palette.top, palette.bottom)
        self.palette = palette
        self.width_px, self.height_px = width_px, height_px
        self.unit_px = min(width_px, height_px)
        self._draw = ImageDraw.Draw(self.image)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a fractional place."""
        return x * self.width_px, y * self.height_px

    def dx(self, radius: float) -> float:
        """A length along x, given as a fraction of the shorter side."""
        return radius * self.unit_px / self.width_px

    def dy(self, radius: float) -> float:
        """A length along y, given as a fraction of the shorter side."""
        return radius * self.unit_px / self.height_px

    def near(self, x: float, y: float, dx: float, dy: float) -> tuple[float, float]:
        """The place ``dx``, ``dy`` (fractions of the shorter side) away from a place in fractions."""
        return x + self.dx(dx), y + self.dy(dy)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled shape."""
        self._draw.polygon([self.point(x, y) for x, y in points], fill=colour)

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        (x0, y0), (x1, y1) = self.point(left, top), self.point(right, bottom)
        self._draw.rectangle((x0, y0, max(x0, x1), max(y0, y1)), fill=colour)

    def rounded(self, x: float, y: float, half_width: float, half_height: float, colour: Colour) -> None:
        """A rounded box around a centre; half sizes are fractions of the shorter side."""
        cx, cy = self.point(x, y)
        w, h = half_width * self.unit_px, half_height * self.unit_px
        self._draw.rounded_rectangle((cx - w, cy - h, cx + w, cy + h), radius=min(w, h) * 0.35, fill=colour)

    def oval(self, x: float, y: float, half_width: float, half_height: float, colour: Colour) -> None:
        """A filled ellipse around a centre; half sizes are fractions of the shorter side."""
        cx, cy = self.point(x, y)
        w, h = half_width * self.unit_px, half_height * self.unit_px
        self._draw.ellipse((cx - w, cy - h, cx + w, cy + h), fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.oval(x, y, radius, radius, colour)

    def line(self, points: list[tuple[float, float]], thickness: float, colour: Colour) -> None:
        """A line through the points with round joints."""
        width = max(1, round(thickness * self.unit_px))
        self._draw.line([self.point(x, y) for x, y in points], fill=colour, width=width, joint="curve")

    def arc(
        self,
        x: float,
        y: float,
        radius: float,
        degrees: tuple[float, float],
        *,
        pen: tuple[float, Colour],
        flat: float = 1.0,
    ) -> None:
        """A part of a ring: degrees clockwise from the right, a pen of thickness and colour, ``flat`` < 1 for ovals."""
        cx, cy = self.point(x, y)
        w, h = radius * self.unit_px, radius * self.unit_px * flat
        width = max(1, round(pen[0] * self.unit_px))
        self._draw.arc((cx - w, cy - h, cx + w, cy + h), *degrees, fill=pen[1], width=width)

    def bowl(self, x: float, y: float, half_width: float, half_height: float, colour: Colour) -> None:
        """The lower half of an ellipse."""
        cx, cy = self.point(x, y)
        w, h = half_width * self.unit_px, half_height * self.unit_px
        self._draw.pieslice((cx - w, cy - h, cx + w, cy + h), 0, 180, fill=colour)

    def glow(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A light without an edge: a crisp disc would be read as the letter O."""
        cx, cy = (round(value) for value in self.point(x, y))
        r = max(2, round(radius * self.unit_px * 2.6))
        mask = Image.radial_gradient("L").resize((2 * r, 2 * r)).point(_GLOW)
        self.image.paste(colour, (cx - r, cy - r), mask)


# how strong a glow is at 0 (its middle) to 255 of Pillow's radial gradient, whose corners lie beyond the circle
_GLOW = [round(255 * max(0.0, 1 - value / 178) ** 1.6) for value in range(256)]
