"""Painters of places: mountains, city, garden, sea, forest, flowers, space."""

import math
from random import Random

from deployments.sandbox.canvas import Canvas, mix
from deployments.sandbox.palettes import Colour

WHITE: Colour = (255, 255, 255)
INK: Colour = (40, 42, 58)


def sky(canvas: Canvas, rng: Random, *, light_y: float = 0.24) -> None:
    """Sun or moon over the gradient, stars where the palette has them."""
    if canvas.palette.stars:
        for _ in range(70):
            size = rng.choice((0.0008, 0.0012, 0.0016))  # larger ones are read as dots
            canvas.disc(rng.random(), rng.random() * 0.55, size, mix(canvas.palette.light, canvas.palette.top, 0.3))
    canvas.glow(rng.uniform(0.2, 0.8), light_y, rng.uniform(0.07, 0.11), canvas.palette.light)


def ridge(canvas: Canvas, rng: Random, height: float, rough: float, colour: Colour) -> None:
    """A wavy line of hills with everything below it filled."""
    phase, points = rng.uniform(0, 6.3), [(0.0, 1.0)]
    for step in range(61):
        x = step / 60
        wave = math.sin(x * 7 + phase) * 0.5 + math.sin(x * 17 + phase * 2) * 0.3 + math.sin(x * 41 + phase) * 0.12
        points.append((x, height - wave * rough))
    canvas.polygon([*points, (1.0, 1.0)], colour)


def mountains(canvas: Canvas, rng: Random) -> None:
    """Peaks behind hills."""
    sky(canvas, rng)
    p = canvas.palette
    for peak in range(4):
        x, top = peak * 0.3 + rng.uniform(-0.08, 0.12), rng.uniform(0.3, 0.44)
        half = rng.uniform(0.24, 0.34)
        canvas.polygon([(x - half, 0.78), (x, top), (x + half, 0.78)], mix(p.far, p.bottom, 0.25 * (peak % 2)))
        snow = [(x - half * 0.2, top + 0.075), (x, top), (x + half * 0.2, top + 0.075), (x + half * 0.05, top + 0.055)]
        canvas.polygon(snow, mix(p.light, WHITE, 0.5))
    ridge(canvas, rng, 0.68, 0.05, p.middle)
    ridge(canvas, rng, 0.82, 0.04, p.near)


def city(canvas: Canvas, rng: Random) -> None:
    """A skyline with lit windows, mirrored in a wet street."""
    sky(canvas, rng)
    p = canvas.palette
    for layer, colour in enumerate((mix(p.far, p.bottom, 0.3), p.middle, p.near)):
        x = -0.04
        while x < 1.0:
            width = rng.uniform(0.06, 0.12)
            top = rng.uniform(0.26, 0.48) + layer * 0.09
            canvas.rectangle(x, top, x + width, 0.84, colour)
            if layer:
                _windows(canvas, rng, x, top, width)
            if rng.random() < 0.25:
                canvas.line([(x + width / 2, top), (x + width / 2, top - 0.07)], 0.005, colour)
            x += width + rng.uniform(0.0, 0.02)
    canvas.rectangle(0, 0.84, 1, 1, mix(p.near, (0, 0, 0), 0.35))
    for _ in range(26):
        x, y = rng.random(), rng.uniform(0.85, 0.99)
        canvas.rectangle(
            x, y, x + rng.uniform(0.02, 0.09), y + 0.004, mix(rng.choice((p.accent, p.light)), p.near, 0.4)
        )


def _windows(canvas: Canvas, rng: Random, left: float, top: float, width: float) -> None:
    p = canvas.palette
    columns = 3
    for row in range(int((0.8 - top) / 0.035)):
        for column in range(columns):
            if rng.random() < 0.45:
                x = left + width * (column + 0.25) / columns
                y = top + 0.02 + row * 0.035
                lit = rng.choice((p.accent, p.light, p.light))
                canvas.rectangle(x, y, x + width * 0.5 / columns, y + 0.014, mix(lit, p.middle, rng.uniform(0, 0.5)))


def garden(canvas: Canvas, rng: Random) -> None:
    """A Japanese garden: pond, stones, red bridge, lantern, a blossoming branch."""
    sky(canvas, rng, light_y=0.2)
    p = canvas.palette
    ridge(canvas, rng, 0.5, 0.05, mix(p.far, p.bottom, 0.3))
    ridge(canvas, rng, 0.6, 0.02, p.middle)
    canvas.oval(0.5, 0.8, 0.62, 0.19, mix(p.top, (70, 130, 170), 0.45))
    canvas.oval(0.47, 0.79, 0.5, 0.13, mix(p.bottom, (150, 200, 220), 0.5))
    for ring in range(3):
        canvas.arc(0.66, 0.82, 0.03 + ring * 0.028, (200, 340), pen=(0.003, WHITE))
    bridge = [(0.12 + 0.5 * t / 20, 0.72 - 0.12 * math.sin(math.pi * t / 20)) for t in range(21)]
    canvas.line(bridge, 0.022, (176, 44, 40))
    canvas.line([(x, y - 0.07) for x, y in bridge], 0.01, (206, 66, 54))
    for x, y in bridge[::4]:
        canvas.line([(x, y), (x, y - 0.075)], 0.011, (150, 34, 34))
    for x, y, r in ((0.82, 0.86, 0.07), (0.9, 0.9, 0.05), (0.14, 0.93, 0.06), (0.25, 0.96, 0.04)):
        canvas.oval(x, y, r * 1.3, r, mix((120, 122, 126), p.near, 0.3))
        canvas.oval(x - canvas.dx(0.01), y - canvas.dy(0.02), r * 0.8, r * 0.5, mix((160, 162, 166), p.near, 0.2))
    _lantern(canvas, 0.83, 0.74)
    _branch(canvas, rng)


def _lantern(canvas: Canvas, x: float, y: float) -> None:
    stone: Colour = (104, 104, 112)
    canvas.rounded(x, y, 0.018, 0.07, stone)
    canvas.rounded(x, y - canvas.dy(0.09), 0.045, 0.035, (255, 224, 150))
    top = y - canvas.dy(0.12)
    roof = [(x - canvas.dx(0.075), top), (x, top - canvas.dy(0.06)), (x + canvas.dx(0.075), top)]
    canvas.polygon(roof, stone)


def _branch(canvas: Canvas, rng: Random) -> None:
    bark, bloom = mix(INK, (96, 60, 50), 0.7), mix(canvas.palette.accent, WHITE, 0.45)
    canvas.line([(-0.02, 0.02), (0.16, 0.13), (0.34, 0.16), (0.52, 0.26)], 0.02, bark)
    canvas.line([(0.16, 0.13), (0.26, 0.27)], 0.012, bark)
    for _ in range(60):
        t = rng.random()
        x, y = 0.02 + t * 0.52 + rng.uniform(-0.05, 0.05), 0.05 + t * 0.2 + rng.uniform(-0.05, 0.08)
        canvas.disc(x, y, rng.uniform(0.008, 0.02), mix(bloom, WHITE, rng.random() * 0.6))


def sea(canvas: Canvas, rng: Random) -> None:
    """Waves, a sail, a strip of beach."""
    sky(canvas, rng, light_y=0.3)
    p = canvas.palette
    water = mix(p.middle, (30, 90, 150), 0.35)
    canvas.rectangle(0, 0.52, 1, 1, water)
    for row in range(9):
        y = 0.54 + row * 0.036
        for _ in range(7):
            x, length = rng.random(), rng.uniform(0.04, 0.14)
            canvas.line([(x, y), (x + length, y)], 0.004, mix(water, p.light, 0.2 + row * 0.03))
    x = rng.uniform(0.3, 0.65)
    canvas.polygon([(x - 0.09, 0.57), (x + 0.1, 0.57), (x + 0.06, 0.61), (x - 0.06, 0.61)], mix(INK, p.accent, 0.3))
    canvas.polygon([(x, 0.555), (x, 0.36), (x + 0.1, 0.54)], mix(WHITE, p.light, 0.3))
    canvas.polygon([(x - 0.012, 0.55), (x - 0.012, 0.4), (x - 0.075, 0.54)], p.accent)
    ridge(canvas, rng, 0.9, 0.03, mix(p.near, p.light, 0.25))


def forest(canvas: Canvas, rng: Random) -> None:
    """Layers of firs in mist, a winding path."""
    sky(canvas, rng)
    p = canvas.palette
    for layer, colour in enumerate((mix(p.far, p.bottom, 0.35), p.middle, p.near)):
        base = 0.64 + layer * 0.13
        ridge(canvas, rng, base, 0.02, colour)
        for _ in range(15 - layer * 3):
            x, tall = rng.uniform(-0.02, 1.02), rng.uniform(0.18, 0.28) + layer * 0.06
            for tier in range(3):
                half, top = 0.03 + 0.014 * tier + layer * 0.008, base + 0.02 - tall * (1 - tier * 0.27)
                canvas.polygon([(x - half, top + tall * 0.42), (x, top), (x + half, top + tall * 0.42)], colour)
    canvas.polygon([(0.5, 0.86), (0.54, 0.86), (0.72, 1.0), (0.4, 1.0)], mix(p.near, p.light, 0.35))


def flowers(canvas: Canvas, rng: Random) -> None:
    """A meadow of flowers, one of them a large sunflower-like bloom."""
    sky(canvas, rng, light_y=0.16)
    p = canvas.palette
    ridge(canvas, rng, 0.6, 0.03, p.middle)
    ridge(canvas, rng, 0.75, 0.02, p.near)
    for _ in range(34):
        x, y, r = rng.random(), rng.uniform(0.66, 0.98), rng.uniform(0.014, 0.026)
        _bloom(canvas, x, y, r, rng.choice((p.accent, p.light, mix(p.accent, WHITE, 0.5))), petals=6)
    canvas.line([(0.5, 0.98), (0.49, 0.4)], 0.018, mix((60, 120, 60), p.near, 0.3))
    _bloom(canvas, 0.49, 0.4, 0.17, mix(p.accent, (255, 200, 60), 0.55), petals=16)


def _bloom(canvas: Canvas, x: float, y: float, radius: float, colour: Colour, *, petals: int) -> None:
    for ring, shade in ((1.0, 0.0), (0.72, 0.25)):
        for petal in range(petals):
            angle = 2 * math.pi * (petal + ring / 2) / petals
            reach = radius * 0.72 * ring
            place = (x + canvas.dx(math.cos(angle) * reach), y + canvas.dy(math.sin(angle) * reach))
            canvas.disc(*place, radius * 0.24 if petals > 8 else radius * 0.42, mix(colour, WHITE, shade))
    canvas.disc(x, y, radius * 0.42, (110, 66, 44))


def space(canvas: Canvas, rng: Random) -> None:
    """A ringed planet, its moon, a field of stars."""
    p = canvas.palette
    canvas.rectangle(0, 0, 1, 1, mix(p.top, (8, 8, 30), 0.75))
    for _ in range(190):
        canvas.disc(
            rng.random(), rng.random(), rng.choice((0.0006, 0.001, 0.0015)), mix(WHITE, p.accent, rng.random() * 0.5)
        )
    canvas.glow(0.16, 0.16, 0.05, p.light)
    body = mix(p.accent, p.far, 0.35)
    canvas.arc(0.56, 0.46, 0.36, (170, 370), pen=(0.012, mix(p.light, body, 0.4)), flat=0.3)
    for ring in range(12):
        canvas.disc(
            0.56 - canvas.dx(0.006 * ring),
            0.46 - canvas.dy(0.005 * ring),
            0.23 - ring * 0.012,
            mix(body, p.light, ring / 24),
        )
    canvas.arc(0.56, 0.46, 0.36, (-10, 190), pen=(0.016, mix(p.light, body, 0.25)), flat=0.3)
    canvas.disc(0.86, 0.2, 0.045, mix(WHITE, p.far, 0.35))


def bubbles(canvas: Canvas, rng: Random) -> None:
    """Overlapping discs over soft waves: for prompts that name nothing paintable."""
    p = canvas.palette
    for _ in range(16):
        x, y, r = rng.random(), rng.uniform(0.05, 0.7), rng.uniform(0.04, 0.17)
        colour = mix(rng.choice((p.accent, p.light, p.far)), p.bottom, rng.uniform(0.25, 0.65))
        canvas.disc(x, y, r, colour)
        canvas.disc(x - canvas.dx(r * 0.25), y - canvas.dy(r * 0.25), r * 0.55, mix(colour, WHITE, 0.3))
    for layer, colour in enumerate((p.far, p.middle, p.near)):
        ridge(canvas, rng, 0.66 + layer * 0.1, 0.05, colour)
