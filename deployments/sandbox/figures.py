"""Painters of things and beings: cat, unicorn, robot, product, portrait, food, car, chart."""

import math
from functools import partial
from random import Random

from deployments.sandbox.canvas import Canvas, mix
from deployments.sandbox.scenery import INK, WHITE, ridge, sky


def cat(canvas: Canvas, rng: Random) -> None:
    """A cat on a window sill."""
    sky(canvas, rng, light_y=0.2)
    p = canvas.palette
    ridge(canvas, rng, 0.6, 0.04, p.far)
    for bar in (0.02, 0.98):
        canvas.rectangle(bar - 0.025, 0, bar + 0.025, 1, mix((120, 84, 60), p.near, 0.2))
    canvas.rectangle(0, 0.68, 1, 1, mix((150, 106, 74), p.near, 0.2))
    fur = rng.choice(((226, 140, 70), (92, 92, 104), (232, 214, 186), (60, 54, 58)))
    dark = mix(fur, (30, 20, 20), 0.3)
    at = partial(canvas.near, rng.uniform(0.4, 0.6), 0.56)
    canvas.arc(*at(0.2, 0.02), 0.11, (270, 100), pen=(0.04, dark))
    canvas.oval(*at(0, 0), 0.15, 0.19, fur)
    for side in (-1, 1):
        canvas.polygon([at(0.025 * side, -0.25), at(0.105 * side, -0.34), at(0.125 * side, -0.21)], dark)
    canvas.oval(*at(0, -0.2), 0.125, 0.11, fur)
    for side in (-1, 1):
        canvas.oval(*at(0.05 * side, -0.215), 0.022, 0.027, (250, 236, 150))
        canvas.oval(*at(0.05 * side, -0.215), 0.009, 0.022, (20, 20, 24))
        canvas.oval(*at(0.06 * side, 0.165), 0.045, 0.028, fur)
    canvas.oval(*at(0, -0.175), 0.014, 0.01, (220, 120, 120))


def unicorn(canvas: Canvas, rng: Random) -> None:
    """A unicorn under a rainbow, on clouds."""
    sky(canvas, rng, light_y=0.14)
    p = canvas.palette
    bands = ((240, 110, 120), (250, 170, 100), (250, 230, 130), (140, 210, 150), (120, 170, 240), (180, 140, 230))
    for ring, colour in enumerate(bands):
        canvas.arc(0.5, 0.72, 0.56 - ring * 0.024, (180, 360), pen=(0.026, mix(colour, p.bottom, 0.3)))
    coat, x, y = mix(WHITE, p.bottom, 0.12), 0.5, 0.55
    at = partial(canvas.near, x, y)
    for leg in (-0.15, -0.09, 0.07, 0.13):
        canvas.line(
            [at(leg, 0.05), at(leg + 0.01, 0.24)], 0.034, mix(coat, p.far, 0.12 if leg in (-0.09, 0.07) else 0.0)
        )
    canvas.oval(*at(-0.01, 0.0), 0.2, 0.11, coat)
    canvas.polygon([at(0.08, -0.04), at(0.17, -0.25), at(0.26, -0.22), at(0.19, 0.03)], coat)
    canvas.oval(*at(0.25, -0.235), 0.085, 0.048, coat)
    canvas.polygon([at(0.19, -0.26), at(0.27, -0.44), at(0.23, -0.27)], (255, 208, 90))
    canvas.oval(*at(0.235, -0.25), 0.009, 0.011, INK)
    for strand in range(7):
        canvas.disc(*at(0.175 - strand * 0.014, -0.27 + strand * 0.042), 0.034, bands[strand % 6])
        canvas.disc(*at(-0.2 - strand * 0.01, -0.04 + strand * 0.035), 0.03, bands[(strand + 2) % 6])
    for _ in range(26):
        canvas.disc(
            rng.random(), rng.uniform(0.8, 1.02), rng.uniform(0.05, 0.1), mix(WHITE, p.bottom, rng.random() * 0.4)
        )


def robot(canvas: Canvas, rng: Random) -> None:
    """A friendly robot before a window of lights."""
    sky(canvas, rng)
    p = canvas.palette
    ridge(canvas, rng, 0.72, 0.02, p.middle)
    metal = mix((176, 186, 200), p.accent, rng.uniform(0.0, 0.35))
    shade = mix(metal, INK, 0.4)
    at = partial(canvas.near, 0.5, 0.48)
    canvas.line([at(0, -0.28), at(0, -0.38)], 0.012, shade)
    canvas.glow(*at(0, -0.38), 0.018, p.accent)
    for side in (-1, 1):
        canvas.line([at(0.2 * side, 0.08), at(0.29 * side, 0.26)], 0.045, shade)
    canvas.rounded(*at(0, 0.18), 0.21, 0.16, metal)
    canvas.rounded(*at(0, -0.15), 0.19, 0.14, metal)
    canvas.rounded(*at(0, -0.15), 0.155, 0.1, mix(INK, p.top, 0.3))
    for side in (-1, 1):
        canvas.glow(*at(0.07 * side, -0.16), 0.026, p.accent)
    canvas.arc(*at(0, -0.135), 0.055, (30, 150), pen=(0.009, p.accent))
    canvas.glow(*at(0, 0.14), 0.03, p.light)


def product(canvas: Canvas, rng: Random) -> None:
    """A bottle or a watch on a podium under a soft light."""
    p = canvas.palette
    at = partial(canvas.near, 0.5, 0.5)
    canvas.rectangle(0, at(0, 0.18)[1], 1, 1, mix(p.middle, WHITE, 0.15))
    canvas.disc(*at(0, -0.08), 0.34, mix(p.bottom, p.light, 0.6))
    canvas.oval(*at(0, 0.3), 0.33, 0.06, mix(p.near, INK, 0.15))
    canvas.rectangle(*at(-0.33, 0.23), *at(0.33, 0.3), mix(p.near, INK, 0.15))
    canvas.oval(*at(0, 0.23), 0.33, 0.06, mix(p.near, WHITE, 0.45))
    glass = mix(p.accent, WHITE, 0.12)
    if rng.random() < 0.5:
        canvas.rounded(*at(0, 0.04), 0.12, 0.2, glass)
        canvas.rounded(*at(0, -0.18), 0.045, 0.06, mix(glass, INK, 0.35))
        canvas.rounded(*at(0, -0.26), 0.06, 0.045, mix(INK, glass, 0.2))
        canvas.rounded(*at(0, 0.08), 0.085, 0.09, mix(WHITE, glass, 0.12))
        canvas.rectangle(*at(-0.1, -0.08), *at(-0.085, 0.16), mix(WHITE, glass, 0.3))
    else:
        canvas.rounded(*at(0, -0.03), 0.075, 0.27, mix(INK, glass, 0.35))
        canvas.disc(*at(0, -0.03), 0.17, mix((196, 160, 90), WHITE, 0.15))
        canvas.disc(*at(0, -0.03), 0.14, WHITE)
        canvas.line([at(0, -0.03), at(0, -0.13)], 0.01, INK)
        canvas.line([at(0, -0.03), at(0.065, 0.0)], 0.008, p.accent)


def portrait(canvas: Canvas, rng: Random) -> None:
    """A head and shoulders in flat colours."""
    sky(canvas, rng, light_y=0.26)
    p = canvas.palette
    skin = rng.choice(((244, 208, 180), (222, 170, 130), (160, 108, 78), (250, 222, 200)))
    hair = rng.choice(((46, 34, 34), (120, 72, 44), (206, 160, 90), mix(p.accent, INK, 0.3)))
    at = partial(canvas.near, 0.5, 0.42)
    canvas.oval(*at(0, -0.03), 0.2, 0.23, hair)
    canvas.rounded(*at(0, 0.17), 0.15, 0.19, hair)
    canvas.oval(*at(0, 0.55), 0.36, 0.3, p.accent)
    canvas.rectangle(*at(-0.36, 0.55), *at(0.36, 1.4), p.accent)
    canvas.rounded(*at(0, 0.21), 0.06, 0.11, mix(skin, INK, 0.12))
    canvas.oval(*at(0, 0.0), 0.14, 0.18, skin)
    canvas.polygon([at(-0.15, -0.05), at(-0.1, -0.17), at(0.12, -0.18), at(0.15, -0.05), at(0, -0.1)], hair)
    for side in (-1, 1):
        canvas.oval(*at(0.055 * side, 0.0), 0.016, 0.011, INK)
        canvas.oval(*at(0.08 * side, 0.06), 0.024, 0.014, mix(skin, (230, 110, 110), 0.35))
    canvas.arc(*at(0, 0.07), 0.04, (25, 155), pen=(0.008, (190, 80, 80)))


def food(canvas: Canvas, rng: Random) -> None:
    """A steaming bowl on a table."""
    p = canvas.palette
    canvas.rectangle(0, 0.6, 1, 1, mix(p.near, (150, 100, 66), 0.5))
    canvas.oval(0.5, 0.8, 0.4, 0.08, mix(p.near, INK, 0.35))
    canvas.bowl(0.5, 0.56, 0.34, 0.26, mix(p.accent, WHITE, 0.1))
    canvas.oval(0.5, 0.56, 0.34, 0.085, mix(WHITE, p.light, 0.4))
    canvas.oval(0.5, 0.56, 0.3, 0.065, (222, 160, 84))
    for _ in range(22):
        angle, reach = rng.uniform(0, 6.3), rng.uniform(0, 0.25)
        topping = rng.choice(((90, 150, 80), (250, 230, 190), (214, 84, 60), (255, 214, 120)))
        canvas.disc(
            0.5 + canvas.dx(math.cos(angle) * reach), 0.555 + canvas.dy(math.sin(angle) * reach * 0.2), 0.02, topping
        )
    for plume in (-0.12, 0.0, 0.12):
        curl = [(0.5 + canvas.dx(plume + 0.02 * math.sin(t)), 0.46 - t * 0.03) for t in range(9)]
        canvas.line(curl, 0.011, mix(WHITE, p.top, 0.4))


def car(canvas: Canvas, rng: Random) -> None:
    """A car on a road before hills."""
    sky(canvas, rng)
    p = canvas.palette
    ridge(canvas, rng, 0.56, 0.05, p.far)
    ridge(canvas, rng, 0.66, 0.02, p.middle)
    canvas.rectangle(0, 0.72, 1, 1, (70, 72, 82))
    for dash in range(6):
        canvas.rectangle(dash * 0.18, 0.87, dash * 0.18 + 0.1, 0.88, (236, 226, 190))
    paint = mix(p.accent, rng.choice(((220, 60, 60), (60, 120, 220), (240, 190, 60))), 0.5)
    at = partial(canvas.near, 0.5, 0.68)
    canvas.polygon([at(-0.2, -0.06), at(-0.12, -0.18), at(0.1, -0.18), at(0.2, -0.06)], mix(paint, INK, 0.2))
    canvas.polygon([at(-0.16, -0.06), at(-0.105, -0.155), at(-0.01, -0.155), at(-0.01, -0.06)], mix(WHITE, p.top, 0.4))
    canvas.polygon([at(0.01, -0.06), at(0.01, -0.155), at(0.09, -0.155), at(0.16, -0.06)], mix(WHITE, p.top, 0.4))
    canvas.rounded(*at(0, 0), 0.32, 0.075, paint)
    canvas.glow(*at(0.31, -0.01), 0.016, p.light)
    for wheel in (-0.19, 0.19):
        canvas.disc(*at(wheel, 0.07), 0.066, (52, 53, 62))
        canvas.disc(*at(wheel, 0.07), 0.026, (84, 86, 96))


def chart(canvas: Canvas, rng: Random) -> None:
    """A poster with bars and a line."""
    p = canvas.palette
    canvas.rounded(0.5, 0.5, 0.44, 0.44, mix(WHITE, p.bottom, 0.12))
    previous = None
    for bar in range(7):
        height = rng.uniform(0.14, 0.46)
        left = 0.5 + canvas.dx(-0.36 + bar * 0.105)
        bottom = 0.5 + canvas.dy(0.2)
        top = bottom - canvas.dy(height)
        canvas.rectangle(left, top, left + canvas.dx(0.07), bottom, mix(p.accent, p.far, bar / 7))
        dot = (left + canvas.dx(0.035), top - canvas.dy(0.05))
        if previous:
            canvas.line([previous, dot], 0.007, mix(INK, p.middle, 0.3))
        canvas.disc(*dot, 0.013, INK)
        previous = dot
