"""Charts are pictures that hold in light and in dark, and in which a name is a name, whatever it holds."""

import io
import subprocess
import sys
import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from PIL import Image

from tasks.report.charts import over_time, ranked, spans, stacked
from tasks.report.drawing import Chart, label, png, shades, svg
from tasks.report.usage import OUTCOMES, Usage
from tasks.report.usage_charts import charts_of
from tests.tasks.report.made import HOSTILE

NAMES = [*HOSTILE, "a$b$c", r"$\frac{1}{", "水彩 🎨", "\x00\x1b[31m", "line\nbreak", "\u202eright to left", "x" * 500]
SVG = "{http://www.w3.org/2000/svg}"


def every_kind(names: list[str]) -> list[Chart]:
    return [
        over_time(names, [1.0 + at for at in range(len(names))], [2.0] * len(names), "by day"),
        ranked([(name, 1.0, name) for name in names], "ranked"),
        spans([(name, 1.0, 2.0, "1 to 2") for name in names], "spans"),
        stacked([(name, [(kind, 1) for kind in OUTCOMES]) for name in names], "stacked"),
    ]


@pytest.mark.parametrize("kind", range(4), ids=["over time", "ranked", "spans", "stacked"])
def test_hostile_names_are_drawn_as_text_in_a_picture_that_any_reader_can_read(kind: int) -> None:
    for at in range(0, len(NAMES), 10):
        for body in svg(every_kind(NAMES[at : at + 10])[kind]):
            kinds = {element.tag.removeprefix(SVG) for element in ET.fromstring(body).iter()}
            assert kinds <= {"svg", "defs", "style", "g", "path", "text", "use", "clipPath", "rect", "tspan"}


def test_a_name_stands_in_the_picture_letter_by_letter() -> None:
    light, _ = svg(ranked([("flux-kontext", 2.0, "$2.00"), ("a$b$c", 1.0, "<b>")], "cost"))
    texts = [element.text for element in ET.fromstring(light).iter(f"{SVG}text")]
    assert sorted(text for text in texts if text) == ["$2.00", "<b>", "a$b$c", "flux-kontext"]


@pytest.mark.parametrize(
    ("top", "marks"),
    [
        (1.84, ["$0.50", "$1.00", "$1.50"]),
        (263.7, ["$100", "$200"]),
        (0.000016, ["$0.0000050", "$0.0000100", "$0.0000150"]),
    ],
)
def test_a_scale_has_round_marks(top: float, marks: list[str]) -> None:
    light, _ = svg(over_time(["mon", "tue"], [0.0, top], [], "by day"))
    texts = [element.text for element in ET.fromstring(light).iter(f"{SVG}text")]
    assert [text for text in texts if text and text.startswith("$")] == marks


def test_dark_is_the_same_picture_in_the_page_s_dark_colours() -> None:
    light, dark = svg(every_kind(["a", "b"])[3])
    used = [name for name, (bright, _) in shades().items() if bright in light]
    assert set(OUTCOMES) | {"ink"} <= set(used)
    for name in used:
        assert shades()[name][0] not in dark
        assert shades()[name][1] in dark
    assert light.count("<path") == dark.count("<path")


def test_the_same_figures_give_the_same_picture() -> None:
    assert svg(every_kind(["a", "b"])[0]) == svg(every_kind(["a", "b"])[0])


def test_an_artifact_s_picture_is_a_png_of_twice_the_size() -> None:
    chart = every_kind(["one", "two"])[1]
    with Image.open(io.BytesIO(png(chart))) as picture:
        assert picture.size == (2 * chart.width_px, 2 * chart.height_px)


def test_a_long_name_is_cut_where_it_can_be_seen() -> None:
    assert label("x" * 500) == "x" * 27 + "…"


def test_one_value_alone_needs_no_chart() -> None:
    model = pd.DataFrame({"model": ["m"], "cost_usd": [1.0], "cost_per_accepted_usd": [1.0], "p50_ms": [1.0],
                          "p95_ms": [1.0], **{name: [1] for name in OUTCOMES}})  # fmt: skip
    day = pd.DataFrame({"day": ["2026-01-01"], "month": ["2026-01"], "cost_usd": [1.0], "cost_7_mean_usd": [1.0]})
    tag = pd.DataFrame({"tag": [], "value": [], "results": [], "refused": [], "refusal_rate": []})
    assert charts_of(Usage(model, model, day, day, tag, tag)) == {}
    assert "cost" in charts_of(Usage(model, pd.concat([model, model]), day, day, tag, tag))


def test_matplotlib_waits_for_the_first_chart() -> None:
    told = "import sys, tasks.report.usage_page, tasks.report.gallery; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
