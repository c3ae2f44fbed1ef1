from datetime import date

import pytest

from catalogs.guide import GUIDE, GuideError, choices, choose

IN_THE_SEEDS_TIME = date(2025, 9, 1)
TODAY = date(2026, 11, 21)
OPERATIONS = ("generate", "edit", "vision")
SEEDS = {  # docs.apiyi.com/api-reference/images, 选择指南 and 推荐模型对比
    ("ecommerce", "generate"): "gpt-4o-image",
    ("art", "generate"): "dall-e-3",
    ("bulk", "generate"): "sora_image",
    ("social", "generate"): "flux-pro-v1.1",
    ("edit", "edit"): "flux-kontext-max",
    ("ocr", "vision"): "gpt-4o",
    ("documents", "vision"): "gemini-2.5-pro",
    ("charts", "vision"): "claude-3-5-sonnet",
    ("cheapest", "generate"): "sora_image",
    ("balanced", "generate"): "dall-e-2",
    ("best", "generate"): "dall-e-3",
}


@pytest.mark.parametrize(
    ("asked", "model_id"), SEEDS.items(), ids=lambda value: "-".join(value) if len(value) == 2 else ""
)
def test_while_they_lived_the_seeds_choices_come_first(asked: tuple[str, str], model_id: str):
    word, operation = asked
    assert choose(f"auto:{word}", operation, IN_THE_SEEDS_TIME).id == model_id


@pytest.mark.parametrize("word", GUIDE)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_choice_can_do_its_operation_and_lives_if_one_of_the_list_does(word: str, operation: str):
    if operation not in GUIDE[word]:
        with pytest.raises(GuideError, match=f"nothing for {operation}"):
            choose(word, operation, TODAY)
        return
    ranked = choices(word, operation)
    assert all(operation in model.formats for model in ranked)
    assert len({model.id for model in ranked}) == len(ranked)
    assert any(model.retired_on is None or model.retired_on > TODAY for model in ranked)
    chosen = choose(word, operation, TODAY)
    assert chosen in ranked
    assert chosen.retired_on is None or chosen.retired_on > TODAY
    assert chosen.price is not None


@pytest.mark.parametrize(
    ("word", "operation", "model_id"),
    [
        ("auto:ecommerce", "generate", "gpt-image-2-all"),
        ("auto:art", "generate", "flux-kontext-max"),
        ("AUTO:Charts ", "vision", "gemini-2.5-pro"),
        ("balanced", "generate", "flux-pro-v1.1"),
    ],
)
def test_a_retired_first_choice_gives_way_to_the_next(word: str, operation: str, model_id: str):
    assert choose(word, operation, TODAY).id == model_id


def test_every_list_ends_in_a_model_without_a_date_so_that_a_far_day_still_finds_one():
    for word, rows in GUIDE.items():
        for operation in rows:
            assert choose(word, operation, date(2099, 1, 1)).retired_on is None


def test_the_day_of_retirement_is_already_too_late():
    assert choose("art", "generate", date(2026, 5, 11)).id == "dall-e-3"
    assert choose("art", "generate", date(2026, 5, 12)).id == "flux-kontext-max"


@pytest.mark.parametrize(
    ("word", "nearest"), [("auto:ecomerce", "auto:ecommerce"), ("auto:zzz", None), ("auto:", None)]
)
def test_an_unknown_word_is_refused_with_the_nearest_and_all_known(word: str, nearest: str | None):
    with pytest.raises(GuideError, match="ecommerce, art, bulk") as caught:
        choose(word, "generate", TODAY)
    assert caught.value.nearest == nearest


def test_a_word_for_another_operation_says_which_words_fit():
    with pytest.raises(GuideError, match="ocr, documents, charts, cheapest, balanced, best"):
        choose("auto:social", "vision", TODAY)


def test_the_guide_has_the_words_of_the_contract_and_no_other():
    assert list(GUIDE) == [
        *("ecommerce", "art", "bulk", "social", "edit", "ocr", "documents", "charts"),
        *("cheapest", "balanced", "best"),
    ]
