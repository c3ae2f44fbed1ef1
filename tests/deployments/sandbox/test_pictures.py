"""Pictures: the same request the same bytes, the words in them, the inputs kept where they must be."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deployments.sandbox import png
from deployments.sandbox.captions import caption
from deployments.sandbox.motifs import DEFAULT_MOTIFS, MOTIFS
from deployments.sandbox.pictures import Drawing, composition
from deployments.sandbox.reading import look_at
from deployments.sandbox.studio import draw, noise_png
from tests.deployments.sandbox.served import image_of, png_bytes

BASE = Drawing(prompt="日式禅意庭院，樱花飘落", width_px=256, height_px=384)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ('A neon sign that says "OPEN 24 HOURS" in the rain', "OPEN 24 HOURS"),
        ("海报，标题写着「春节快乐」", "春节快乐"),
        ("两行字：“你好”和“世界”", "你好\n世界"),
        ("一只橘猫【2:3】", "一只橘猫"),
        ("a raccoon wearing formal clothes, wearing a tophat and holding a cane", "a raccoon wearing formal clothes"),
        ("赛博朋克城市夜景，霓虹灯闪烁，雨后街道倒影", "赛博朋克城市夜景，霓虹灯闪烁"),
        ("a cat [[scenario:b64]]", "a cat"),
        ("it's the cat's bowl", "it's the cat's bowl"),
        ("", ""),
    ],
)
def test_the_caption_is_the_quoted_text_or_the_beginning_of_the_prompt(prompt: str, words: str) -> None:
    assert caption(prompt) == words


def test_the_same_drawing_gives_the_same_bytes_and_any_difference_others() -> None:
    first = draw(BASE)
    assert draw(BASE) == first
    others = [
        replace(BASE, seed="7"),
        replace(BASE, sample=1),
        replace(BASE, model="dall-e-3"),
        replace(BASE, prompt="x"),
    ]
    assert len({first, *map(draw, others)}) == 5


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("size", [(256, 256), (300, 700), (64, 64), (16, 48), (1408, 792)])
def test_a_picture_has_the_size_and_format_that_were_asked_for(kind: str, size: tuple[int, int]) -> None:
    image = image_of(draw(replace(BASE, width_px=size[0], height_px=size[1], format=kind)))
    assert (image.size, image.format) == (size, kind.upper())


@pytest.mark.parametrize(("prompt", "motif"), [(motif.words.split()[0], motif) for motif in MOTIFS])
def test_words_of_the_prompt_choose_the_motif_and_every_motif_paints(prompt: str, motif: object) -> None:
    drawing = replace(BASE, prompt=f"a {prompt}", width_px=96, height_px=96)
    assert (*MOTIFS, *DEFAULT_MOTIFS)[composition(drawing)[0]] is motif
    image = image_of(draw(drawing))
    assert image.getcolors(50) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 64), (7, 65), (130, 200)])
def test_the_png_writer_gives_back_every_pixel(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    data = png.assemble(size[0], size[1], png.encode_bands(pixels))
    assert np.array_equal(np.asarray(image_of(data)), pixels)


def test_noise_is_about_as_large_as_asked_for() -> None:
    assert abs(len(noise_png(65_536, 1)) - 65_536) < 2_000


def mask_png(size: int, box: tuple[int, int, int, int]) -> bytes:
    mask = Image.new("RGBA", (size, size), (0, 0, 0, 255))
    mask.paste((255, 255, 255, 0), box)
    out = io.BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()


def test_dall_e_2_keeps_every_pixel_outside_the_mask_and_paints_inside() -> None:
    source = draw(replace(BASE, width_px=256, height_px=256))
    box = (64, 64, 192, 192)
    edit = replace(BASE, prompt="a sunflower", width_px=256, height_px=256, inputs=(source,), mask=mask_png(256, box))
    before, after = np.asarray(image_of(source)), np.asarray(image_of(draw(replace(edit, keep_outside=True))))
    inside = np.zeros((256, 256), bool)
    inside[64:192, 64:192] = True
    assert np.array_equal(before[~inside], after[~inside])
    assert (before[inside] != after[inside]).any(axis=1).mean() > 0.5
    free = np.asarray(image_of(draw(edit)))
    assert not np.array_equal(before[~inside], free[~inside])


def test_an_edit_looks_like_its_input_and_is_not_it() -> None:
    source = draw(replace(BASE, width_px=256, height_px=256))
    edited = np.asarray(image_of(draw(replace(BASE, width_px=256, height_px=256, inputs=(source,)))), dtype=int)
    upper = np.abs(edited[:160] - np.asarray(image_of(source), dtype=int)[:160]).mean()
    assert 0 < upper < 30


def test_a_fusion_shows_every_input_from_left_to_right() -> None:
    inputs = tuple(png_bytes(64, 64, colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250)))
    image = np.asarray(image_of(draw(replace(BASE, width_px=600, height_px=300, inputs=inputs))))
    assert [int(image[60, x].argmax()) for x in (100, 300, 500)] == [0, 1, 2]


def test_a_transparent_picture_has_clear_corners() -> None:
    image = image_of(draw(replace(BASE, transparent=True)))
    assert image.mode == "RGBA"
    assert image.getpixel((0, 0))[3] == 0
    assert image.getpixel((128, 190))[3] == 255


def distance(expected: str, found: str) -> int:
    row = list(range(len(found) + 1))
    for index, want in enumerate(expected, start=1):
        previous, row[0] = row[:], index
        for column, got in enumerate(found, start=1):
            row[column] = min(previous[column] + 1, row[column - 1] + 1, previous[column - 1] + (want != got))
    return row[-1]


READ_BACK = (
    ('A neon sign that says "OPEN 24 HOURS" in a rainy street', (512, 512)),
    ('Minimalist logo "PRINTROOM" on white', (512, 512)),
    ('a book cover "The Old Man and the Sea"', (512, 768)),
    ("海报，标题写着「春节快乐」", (512, 768)),
    ("日式禅意庭院，樱花飘落【1:1】", (512, 512)),
    ("一碗牛肉面，招牌写着“兰州拉面 18元”", (768, 512)),
)


def test_the_words_are_read_back_by_ocr_in_chinese_and_english(record_property: Callable[[str, object], None]) -> None:
    rates = []
    for prompt, (width, height) in READ_BACK:
        found = look_at(draw(Drawing(prompt=prompt, width_px=width, height_px=height)), "rapidocr")
        expected = "".join(caption(prompt).split())
        rates.append(distance(expected, "".join(found.text.split())) / len(expected))
    record_property("character_error_rates", [round(rate, 3) for rate in rates])
    assert sorted(rates)[len(rates) // 2] <= 0.05
    assert max(rates) <= 0.5


def test_ocr_finds_nothing_on_a_blank_picture() -> None:
    assert look_at(png_bytes(320, 320), "rapidocr").lines == ()
