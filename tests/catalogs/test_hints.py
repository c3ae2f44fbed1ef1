import pytest

from catalogs.hints import prompt_hints
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
