import pytest

from catalogs.hints import HintTally, prompt_hints
from catalogs.models import MODELS

GOOD = "一只毛茸茸的橘色猫咪,坐在阳光明媚的窗台上,背景是模糊的城市景观,摄影风格,高清细节"


@pytest.mark.parametrize(
    ("prompt", "model_id", "words"),
    [
        (GOOD, "sora_image", []),
        ("A majestic eagle in photorealistic style soaring above mountain peaks", "dall-e-3", []),
        ("猫", "sora_image", ["very short", "no style"]),
        ("cat", "dall-e-3", ["very short", "no style"]),
        (GOOD, "dall-e-3", ["Chinese"]),
        (GOOD + "【2:3】", "sora_image", ["ratio tag"]),
        ("A serene Japanese garden with cherry blossoms", "gpt-4o-image", ["no style"]),
        ("", "dall-e-3", ["very short", "no style"]),
        ("猫", "gpt-4o", []),
    ],
)
def test_the_seeds_advice_is_given_where_it_applies(prompt: str, model_id: str, words: list[str]):
    hints = prompt_hints(prompt, MODELS[model_id])
    assert len(hints) == len(words)
    for hint, word in zip(hints, words, strict=True):
        assert word in hint


def test_hints_are_counted_with_the_first_row_and_the_most_frequent_comes_first():
    tally = HintTally("night.csv")
    for number, prompt in enumerate([GOOD, "cat", "A serene garden with cherry blossoms"], 1):
        tally.add(prompt, MODELS["sora_image"], number)
    first, second = tally.lines()
    assert first.startswith("night.csv: 2 of 3 prompts (row 2 is one): names no style")
    assert second.startswith("night.csv: 1 of 3 prompts (row 2 is one): very short")


def test_hints_on_a_large_file_are_an_estimate_and_say_so():
    tally = HintTally("night.csv")
    for number in range(1, 30_001):
        tally.add("cat" if number % 3 else GOOD, MODELS["sora_image"], number)
    count = int(tally.lines()[0].split("about ")[1].split(" of ")[0].replace(",", ""))
    assert 19_000 <= count <= 21_000
    assert HintTally("empty.csv").lines() == []
