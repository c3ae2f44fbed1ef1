"""``printroom expand``: files, exit codes, and what a million rows cost."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalogs.reader import read_catalog
from deployments.cli.main import main
from deployments.sandbox.process import ROOT
from tests.benchmarks.slowness import slowness

GOOD = """
[columns]
model = "gpt-4o-image"
template = "five-part"
[axes]
subject = ["a lighthouse", "a harbour"]
lighting = ["at dawn", "at noon", "at night"]
"""


def recipe(folder: Path, text: str) -> str:
    path = folder / "night.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_recipe_becomes_a_catalog_that_can_be_planned_and_the_same_one_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "night.csv"
    for _ in range(2):
        assert main(["expand", recipe(tmp_path, GOOD), "-o", str(out), "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"] == 6
    first = out.read_bytes()
    assert main(["expand", recipe(tmp_path, GOOD), "-o", str(out)]) == 0
    assert out.read_bytes() == first
    capsys.readouterr()
    assert main(["plan", str(out), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert plan["new"] == 6
    assert any("names no style" in hint for hint in plan["hints"])


def test_a_wrong_recipe_is_exit_2_with_every_problem_and_leaves_the_earlier_catalog(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "night.csv"
    out.write_text("mine")
    wrong = GOOD.replace("gpt-4o-image", "gpt-4o-imag").replace("lighting", "lightning")
    assert main(["expand", recipe(tmp_path, wrong), "-o", str(out), "--json"]) == 2
    problems = json.loads(capsys.readouterr().out.splitlines()[-1])["problems"]
    assert {problem["column"] for problem in problems} == {"model", "lightning"}
    assert out.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["night.csv", "night.toml"]


@pytest.mark.parametrize(
    "words", [["nothing.toml", "-o", "x.csv"], ["{recipe}", "-o", "x.xlsx"], ["{recipe}", "-o", "no/where/x.csv"]]
)
def test_a_file_that_cannot_be_read_or_written_is_one_clear_line(words: list[str], tmp_path: Path) -> None:
    path = recipe(tmp_path, GOOD)
    assert main(["expand", *(word.replace("{recipe}", path) for word in words)]) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_million_rows_take_at_most_thirty_seconds_of_cpu_and_300_megabytes(kind: str, tmp_path: Path) -> None:
    subjects = ", ".join(f'"subject number {i}"' for i in range(1000))
    text = (
        '[columns]\nmodel = "sora_image"\ntemplate = "five-part"\nquality_words = "8k"\n[axes]\n'
        'art_style = ["watercolor", "oil painting", "anime", "sketch", "photorealistic"]\nratio = ["2:3", "3:2"]\n'
        f"environment = {[f'in place {i}' for i in range(10)]}\nlighting = {[f'light {i}' for i in range(10)]}\n"
        f"subject = [{subjects}]\n"
    )
    program = (
        "import sys\nfrom deployments.cli.main import main\nfrom tests.benchmarks.measuring import peak_mb\n"
        "code = main(sys.argv[1:])\nprint(round(peak_mb()))\nsys.exit(code)"
    )
    out = tmp_path / f"big.{kind}"
    words = [sys.executable, "-c", program, "expand", recipe(tmp_path, text), "-o", str(out)]
    with slowness() as machine:
        before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
        after, ended_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    cpu_s = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / machine.between(began_s, ended_s)
    rss_mb = int(done.stdout.splitlines()[-1])
    print(f"expand to {kind}: 1,000,000 rows in {cpu_s:.1f} CPU-s and {rss_mb} MB")
    assert cpu_s <= 30
    assert rss_mb <= 300
    with out.open("rb") as source:
        catalog = read_catalog(source, name=out.name, catalog="big", base=None)
        assert sum(1 for _ in catalog) == 1_000_000
    assert not catalog.problems
