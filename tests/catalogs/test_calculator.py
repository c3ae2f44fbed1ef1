from datetime import date

import pytest

from catalogs.calculator import Comparison, compare
from catalogs.models import MODELS
from catalogs.prices import cap_micros, estimate_micros, with_price
from catalogs.providers import PROVIDERS, at_provider

TODAY = date(2026, 11, 21)


def row(rows: list[Comparison], model_id: str) -> Comparison:
    return next(each for each in rows if each.model.id == model_id)


def test_a_hundred_pictures_cost_what_the_seeds_calculator_says():
    rows = compare(100, today=TODAY)
    assert row(rows, "sora_image").expected_micros == 1_000_000
    gpt_image_1 = row(rows, "gpt-image-1")
    assert gpt_image_1.expected_micros == 4_000_000  # 100 x 1,000 tokens x $40 per million
    assert "1,000 output tokens each" in gpt_image_1.assumption


def test_a_token_price_is_shown_as_the_range_of_its_qualities():
    gpt_image_1 = row(compare(100, today=TODAY), "gpt-image-1")
    assert gpt_image_1.low_micros == 100 * 272 * 40
    assert gpt_image_1.high_micros == 100 * 6_240 * 40


@pytest.mark.parametrize("operation", ["generate", "edit", "vision"])
def test_every_model_that_can_is_listed_once_cheapest_first_and_unknown_prices_last(operation: str):
    rows = compare(7, today=TODAY, operation=operation)
    assert {each.model.id for each in rows} == {m.id for m in MODELS.values() if operation in m.formats}
    expected = [each.expected_micros for each in rows]
    known = [micros for micros in expected if micros is not None]
    assert expected == sorted(known) + [None] * (len(expected) - len(known))
    for each in rows:
        if each.expected_micros is not None:
            assert 0 < each.low_micros <= each.expected_micros <= each.high_micros
            assert each.assumption
        else:
            assert each.low_micros is each.high_micros is None
            assert "--price" in each.assumption


def test_a_table_by_size_and_quality_is_shown_with_its_ends():
    priced = [at_provider(model, PROVIDERS["openai"]) for model in MODELS.values()]
    dall_e_3 = row(compare(10, today=TODAY, models=priced), "dall-e-3")
    assert (dall_e_3.low_micros, dall_e_3.expected_micros, dall_e_3.high_micros) == (400_000, 400_000, 1_200_000)
    assert dall_e_3.assumption == "by size and quality"
    assert row(compare(10, today=TODAY), "dall-e-3").assumption == "flat price"


def test_a_reading_is_of_one_picture():
    gpt_4o = row(compare(10, today=TODAY, operation="vision"), "gpt-4o")
    asked = {"operation": "vision", "input_images": 1}
    assert gpt_4o.expected_micros == 10 * estimate_micros(MODELS["gpt-4o"], **asked)
    assert gpt_4o.high_micros == 10 * cap_micros(MODELS["gpt-4o"], **asked)


def test_a_price_of_the_user_s_own_takes_part():
    models = [with_price(MODELS["chatgpt-image-latest"], "0.02"), MODELS["sora_image"]]
    rows = compare(50, today=TODAY, models=models)
    assert [each.model.id for each in rows] == ["sora_image", "chatgpt-image-latest"]
    assert row(rows, "chatgpt-image-latest").expected_micros == 1_000_000


def test_the_end_of_a_model_is_told_beside_its_price():
    rows = compare(1, today=TODAY)
    assert "was retired" in row(rows, "dall-e-3").retirement
    assert row(rows, "gpt-image-2").retirement is None


def test_no_pictures_cost_nothing_and_fewer_are_an_error():
    assert row(compare(0, today=TODAY), "gpt-image-1").expected_micros == 0
    with pytest.raises(ValueError, match="-1"):
        compare(-1, today=TODAY)
