"""Money, tested like a bank's: worked examples by hand, an independent oracle, and what must hold for every model."""

from dataclasses import replace
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.models import MODELS, find_model
from catalogs.openai_list import OPENAI_PRICES
from catalogs.price_rules import AS_OF, by_size_quality, by_token, per_image
from catalogs.prices import at_quote, cap_micros, charged_micros, estimate_micros, picture_tokens, quote, with_price
from catalogs.providers import PROVIDERS, at_provider
from catalogs.types import BySizeQuality, ByToken, Model, PerImage

SEED_PRICES = {  # the table of docs.apiyi.com/api-reference/images, in micro-dollars: generate, edit
    "gpt-4o-image": (10_000, 10_000),
    "sora_image": (10_000, 10_000),
    "dall-e-3": (40_000, None),
    "dall-e-2": (20_000, 20_000),
    "flux-pro-v1.1": (35_000, None),
    "flux-kontext-max": (70_000, 70_000),
}
OFFERS = [(model, operation) for model in MODELS.values() for operation in model.formats]


@pytest.mark.parametrize(("model_id", "prices"), SEED_PRICES.items(), ids=SEED_PRICES)
@pytest.mark.parametrize("n", [1, 3, 10])
def test_the_seeds_prices_hold_for_any_size_and_quality(model_id: str, prices: tuple[int, int | None], n: int):
    model = find_model(model_id)
    for operation, price in zip(("generate", "edit"), prices, strict=True):
        expected = None if price is None else price * n
        for size in (None, *model.sizes):
            for quality in (None, "hd"):
                asked: dict[str, Any] = {"operation": operation, "n": n, "size": size, "quality": quality}
                assert estimate_micros(model, **asked) == expected
                assert cap_micros(model, **asked) == expected
                paid = {"operation": operation, "requested_n": n, "size": size, "quality": quality}
                assert charged_micros(model, delivered=n, **paid) == expected


def test_a_price_by_size_and_quality_is_estimated_reserved_and_charged_alike():
    usd = {("1792x1024", "hd"): Decimal("0.12"), ("1792x1024", ""): Decimal("0.08"), ("", ""): Decimal("0.04")}
    plain = find_model("dall-e-3")
    assert plain.price is not None
    model = replace(plain, price=replace(plain.price, rule=BySizeQuality(usd=usd)))
    for size, quality, micros in (("1792x1024", "hd", 120_000), ("1792x1024", None, 80_000), (None, "hd", 40_000)):
        asked: dict[str, Any] = {"operation": "generate", "size": size, "quality": quality}
        assert estimate_micros(model, n=2, **asked) == cap_micros(model, n=2, **asked) == 2 * micros
        assert charged_micros(model, delivered=1, requested_n=2, **asked) == 2 * micros


@pytest.mark.parametrize(
    ("model_id", "usage", "micros"),
    [
        # 18 text in, 1056 out at 10/10/40: 180 + 42,240
        ("gpt-image-1", {"input_tokens": 18, "output_tokens": 1056, "input_text_tokens": 18}, 42_420),
        # the notes' worked check: 4160 x 40 = $0.1664
        ("gpt-image-1", {"input_tokens": 2, "output_tokens": 4160, "input_text_tokens": 2}, 166_420),
        # 50 text at 5, 1024 image at 8, 1756 out at 30
        (
            "gpt-image-2",
            {"input_tokens": 1074, "output_tokens": 1756, "input_text_tokens": 50, "input_image_tokens": 1024},
            250 + 8_192 + 52_680,
        ),
        # the missing half of the input follows from the total
        ("gpt-image-2", {"input_tokens": 1074, "output_tokens": 1756, "input_image_tokens": 1024}, 61_122),
        ("gpt-image-2", {"input_tokens": 1074, "output_tokens": 1756, "input_text_tokens": 50}, 61_122),
        # 1.5 + 6 = 7.5 micro-dollars and 4.5 + 6 = 10.5: half to even
        ("gpt-4o-mini", {"input_tokens": 10, "output_tokens": 10}, 8),
        ("gpt-4o-mini", {"input_tokens": 30, "output_tokens": 10}, 10),
        # 790 in at 2.50, 87 out at 10
        ("gpt-4o", {"input_tokens": 790, "output_tokens": 87}, 1_975 + 870),
    ],
)
def test_a_token_bill_is_the_reply_s_usage_times_the_price(model_id: str, usage: dict[str, int], micros: int):
    model = find_model(model_id)
    operation = next(iter(model.formats))
    assert charged_micros(model, operation=operation, delivered=1, input_images=1, **usage) == micros


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": None, "output_tokens": 1056},
        {"input_tokens": 18, "output_tokens": None},
        {"input_tokens": 1, "output_tokens": 1},
        {"input_tokens": 18, "output_tokens": 1},
        {"input_tokens": 0, "output_tokens": 1056},
        {"input_tokens": 1074, "output_tokens": 1756},  # one input picture, and the reply does not tell the parts apart
        {"input_tokens": 1074, "output_tokens": 1756, "input_text_tokens": 50, "input_image_tokens": 50},
        {"input_tokens": 1074, "output_tokens": 1756, "input_text_tokens": 2000},
        {"input_tokens": 1074, "output_tokens": 1756, "input_image_tokens": 2000},
    ],
)
def test_a_usage_that_does_not_tell_is_unknown_and_never_zero(usage: dict[str, int | None]):
    assert charged_micros(find_model("gpt-image-2"), operation="edit", delivered=1, input_images=1, **usage) is None


@pytest.mark.parametrize(("input_tokens", "output_tokens"), [(1, 1_056), (18, 1), (0, 1_056), (18, 0)])
def test_a_usage_of_one_token_is_what_gateways_fill_in_when_they_do_not_know(input_tokens: int, output_tokens: int):
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    assert charged_micros(find_model("gpt-image-1"), operation="generate", delivered=1, **usage) is None
    told = {"input_tokens": 2, "output_tokens": 2}
    assert charged_micros(find_model("gpt-image-1"), operation="generate", delivered=1, **told) == 100


def test_a_reading_that_answers_with_one_token_has_its_price():
    model = find_model("gpt-4o")
    usage = {"input_tokens": 812, "output_tokens": 1}
    assert charged_micros(model, operation="vision", delivered=1, input_images=1, **usage) == 2_030 + 10
    for unknown in ({"input_tokens": 812, "output_tokens": 0}, {"input_tokens": 1, "output_tokens": 1}):
        assert charged_micros(model, operation="vision", delivered=1, input_images=1, **unknown) is None


def test_an_input_that_is_all_picture_or_all_text_is_told_apart():
    model = find_model("gpt-image-2")
    usage = {"input_tokens": 1_000, "output_tokens": 100}
    parts = {"input_text_tokens": 0, "input_image_tokens": 1_000}
    assert charged_micros(model, operation="edit", delivered=1, input_images=1, **usage, **parts) == 8_000 + 3_000
    parts = {"input_text_tokens": 1_000, "input_image_tokens": 0}
    assert charged_micros(model, operation="edit", delivered=1, input_images=1, **usage, **parts) == 5_000 + 3_000


def test_without_input_pictures_the_whole_input_is_text():
    model = find_model("gpt-image-2")
    usage = {"input_tokens": 50, "output_tokens": 1756}
    assert charged_micros(model, operation="generate", delivered=1, **usage) == 250 + 52_680


@pytest.mark.parametrize(("model", "operation"), OFFERS, ids=[f"{m.id}-{op}" for m, op in OFFERS])
def test_a_reply_without_a_picture_tells_nothing_of_its_bill(model: Model, operation: str):
    usage = {"input_tokens": 18, "output_tokens": 1056}
    assert charged_micros(model, operation=operation, delivered=0, **usage) is None


@pytest.mark.parametrize(("model", "operation"), OFFERS, ids=[f"{m.id}-{op}" for m, op in OFFERS])
def test_a_quote_kept_beside_a_call_charges_it_as_the_table_did(model: Model, operation: str):
    usage = {"input_tokens": 1_000, "output_tokens": 500, "input_text_tokens": 400, "input_image_tokens": 600}
    for size in (None, *model.sizes):
        look = {"operation": operation, "size": size, "quality": "high"}
        kept = at_quote(with_price(model, "9.99"), quote(model, **look))
        for n in (1, 3):
            paid = {**look, "delivered": 1, "requested_n": n, **usage}
            assert charged_micros(kept, **paid) == charged_micros(model, **paid)


def test_the_gateway_bills_the_n_asked_for_whatever_came():
    model = find_model("dall-e-2")
    for delivered in (1, 3, 4, 7):
        assert charged_micros(model, operation="generate", delivered=delivered, requested_n=4) == 80_000


@st.composite
def calls(draw: st.DrawFn) -> tuple[Model, dict[str, Any]]:
    model, operation = draw(st.sampled_from(OFFERS))
    qualities = model.params["quality"].values if "quality" in model.params else ()
    sizes = [None, *model.sizes, *(["2048x2048", "3840x2160", "1600x1600"] if model.free_sizes else [])]
    asked = {
        "operation": operation,
        "n": draw(st.integers(1, model.max_n)),
        "size": draw(st.sampled_from(sizes)),
        "quality": draw(st.sampled_from([None, *qualities])),
        "input_images": draw(st.integers(0, model.max_images)),
        "prompt_chars": draw(st.integers(0, 40_000)),
        "max_tokens": draw(st.sampled_from([None, 16, 4_096])) if operation == "vision" else None,
    }
    return model, asked


@given(calls(), st.data())
@settings(max_examples=400, deadline=None)
def test_no_call_costs_more_than_its_cap(call: tuple[Model, dict[str, Any]], data: st.DataObject):
    model, asked = call
    estimate, cap = estimate_micros(model, **asked), cap_micros(model, **asked)
    assert (estimate is None) == (cap is None)
    if estimate is None or cap is None:
        return
    assert 0 < estimate <= cap
    charged = charged_micros(
        model,
        operation=asked["operation"],
        delivered=asked["n"],
        requested_n=asked["n"],
        size=asked["size"],
        quality=asked["quality"],
        input_images=asked["input_images"],
        **data.draw(usages(model, asked)),
    )
    assert charged is not None
    assert 0 < charged <= cap


def test_the_control_an_estimate_would_not_do_as_a_cap():
    model = find_model("gpt-image-1")
    dearest = {"input_tokens": 18, "output_tokens": 6_240}
    charged = charged_micros(model, operation="generate", delivered=1, **dearest)
    assert estimate_micros(model, operation="generate") < charged <= cap_micros(model, operation="generate")


@pytest.mark.parametrize("model_id", ["gpt-4o", "gpt-4o-mini", "gemini-2.5-pro", "claude-3-5-sonnet"])
@pytest.mark.parametrize("shape", [(64, 64), (1024, 1024), (4000, 6000), (6324, 6324), (2000, 20_000)])
def test_the_vendors_token_formulas_never_pass_the_bound_of_one_picture(model_id: str, shape: tuple[int, int]):
    rule = find_model(model_id).price.rule
    assert isinstance(rule, ByToken)
    assert vendor_tokens(model_id, *shape) <= rule.max_tokens_per_input_image
    assert vendor_tokens(model_id, 1024, 1024) == rule.tokens_per_input_image


def vendor_tokens(model_id: str, width_px: int, height_px: int) -> int:
    """The formulas of the vendors' pages, written anew."""
    if model_id.startswith("gemini"):
        return 258 * ceil(width_px / 768) * ceil(height_px / 768)
    if model_id.startswith("claude"):
        scale = min(1, 1568 / max(width_px, height_px))
        return ceil(width_px * scale * height_px * scale / 750)
    scale = min(1, 2048 / max(width_px, height_px))
    scale *= min(1, 768 / (min(width_px, height_px) * scale))
    tiles = ceil(width_px * scale / 512) * ceil(height_px * scale / 512)
    return 2833 + 5667 * tiles if model_id.endswith("mini") else 85 + 170 * tiles


@st.composite
def usages(draw: st.DrawFn, model: Model, asked: dict[str, Any]) -> dict[str, int]:
    """Any usage of a gateway that keeps to the table: bytes bound the text, the table bounds the pictures."""
    rule = model.price.rule if model.price else None
    if not isinstance(rule, ByToken):
        return {}
    text = draw(st.integers(2, max(2, 4 * asked["prompt_chars"])))
    per_image = rule.max_tokens_per_input_image or rule.tokens_per_input_image
    image = draw(st.integers(0, asked["input_images"] * per_image))
    if asked["operation"] == "vision":
        most = asked["max_tokens"] or rule.max_output_tokens
    else:
        most = asked["n"] * rule.max_output_tokens
    output = draw(st.integers(2, most))
    return {
        "input_tokens": text + image,
        "output_tokens": output,
        "input_text_tokens": text,
        "input_image_tokens": image,
    }


@given(
    st.sampled_from([model for model in MODELS.values() if isinstance(model.price and model.price.rule, ByToken)]),
    st.integers(2, 10**6),
    st.integers(0, 10**6),
    st.integers(2, 10**6),
)
@settings(max_examples=200, deadline=None)
def test_token_bills_equal_an_oracle_in_exact_fractions(model: Model, text: int, image: int, output: int):
    rule = model.price.rule
    exact = text * Fraction(rule.text_in) + image * Fraction(rule.image_in) + output * Fraction(rule.output)
    micros = int((Decimal(exact.numerator) / Decimal(exact.denominator)).to_integral_value(ROUND_HALF_EVEN))
    charged = charged_micros(
        model,
        operation=next(iter(model.formats)),
        delivered=1,
        input_images=1,
        input_tokens=text + image,
        output_tokens=output,
        input_text_tokens=text,
        input_image_tokens=image,
    )
    assert charged == micros


@given(st.decimals("0.0000001", "9", places=7), st.integers(1, 10))
@settings(max_examples=200, deadline=None)
def test_flat_prices_finer_than_a_micro_dollar_round_once_for_the_whole_call(usd: Decimal, n: int):
    model = replace(MODELS["dall-e-2"], price=per_image(str(usd), str(usd), source="test"))
    exact = usd * n * 1_000_000
    assert charged_micros(model, operation="generate", delivered=n, requested_n=n) == int(
        exact.to_integral_value(ROUND_HALF_EVEN)
    )
    assert cap_micros(model, operation="edit", n=n) == int(exact.to_integral_value(ROUND_CEILING))


def test_pictures_reserve_the_table_s_maximum_whatever_quality_is_asked_for():
    model = find_model("gpt-image-1")
    caps = {cap_micros(model, operation="generate", quality=quality) for quality in (None, "auto", "low", "high")}
    assert caps == {6_240 * 40 + 64 * 10}
    assert cap_micros(model, operation="generate", n=10) == 10 * (6_240 * 40 + 64 * 10)


def test_a_size_beyond_the_table_reserves_in_proportion_to_its_area():
    model = find_model("gpt-image-2")
    base = cap_micros(model, operation="generate", size="1024x1024")
    assert cap_micros(model, operation="generate", size="1536x1024") == base
    assert cap_micros(model, operation="generate", size="auto") == base
    assert cap_micros(model, operation="generate", size="2048x2048") == 4 * 7_024 * 30 + 64 * 5
    # OpenAI's calculator says 12,329 tokens for 3584x2048 at high
    assert estimate_micros(model, operation="generate", size="3584x2048", quality="high") >= 12_329 * 30


def test_a_reading_reserves_the_token_cap_that_is_sent_with_it():
    model = find_model("gpt-4o")
    fixed = Decimal("2.5") * (64 + 1_445 + 4 * 100)
    asked: dict[str, Any] = {"operation": "vision", "input_images": 1, "prompt_chars": 100}
    assert cap_micros(model, **asked) == int(fixed.to_integral_value(ROUND_CEILING)) + 1_024 * 10
    assert cap_micros(model, max_tokens=4_096, **asked) == int(fixed.to_integral_value(ROUND_CEILING)) + 4_096 * 10


@pytest.mark.parametrize(
    ("model_id", "asked", "micros"),
    [
        # 300 characters = 101 tokens at 10; 1056 tokens at 40
        ("gpt-image-1", {"operation": "generate", "prompt_chars": 300}, 1_010 + 42_240),
        # and two input pictures of 323 tokens at 10
        ("gpt-image-1", {"operation": "edit", "prompt_chars": 300, "input_images": 2}, 1_010 + 6_460 + 42_240),
        ("gpt-image-1", {"operation": "generate", "n": 3, "quality": "low"}, 10 + 3 * 272 * 40),
        # a picture of 765 tokens and 101 of prompt at 2.50, 200 out at 10
        ("gpt-4o", {"operation": "vision", "prompt_chars": 300, "input_images": 1}, 2_165 + 2_000),
        ("gpt-4o", {"operation": "vision", "prompt_chars": 2, "max_tokens": 100}, 2 + 1_000),  # 2.5: half to even
        ("gpt-4o", {"operation": "vision", "prompt_chars": 3, "max_tokens": 1}, 5 + 10),
        # twice the side, twice the tokens; the largest size of the list as it is
        ("gpt-image-2", {"operation": "generate", "size": "2048x2048", "quality": "high"}, 5 + 2 * 7_024 * 30),
        ("gpt-image-2", {"operation": "generate", "size": "1280x1216", "quality": "high"}, 5 + 7_024 * 30),
        ("gpt-image-2", {"operation": "generate", "size": "1536x1024", "quality": "high"}, 5 + 5_488 * 30),
        ("gpt-image-2", {"operation": "generate", "size": "1024x1536", "quality": "medium"}, 5 + 1_372 * 30),
    ],
)
def test_an_estimate_by_hand(model_id: str, asked: dict[str, Any], micros: int):
    assert estimate_micros(find_model(model_id), **asked) == micros


def test_what_is_not_said_of_a_call_counts_as_one_picture_without_prompt_or_input():
    for model, operation in OFFERS:
        said: dict[str, Any] = {"operation": operation, "n": 1, "input_images": 0, "prompt_chars": 0}
        assert estimate_micros(model, operation=operation) == estimate_micros(model, **said)
        assert cap_micros(model, operation=operation) == cap_micros(model, **said)


def test_the_largest_priced_area_still_reserves_the_table_s_maximum_and_one_step_more_does_not():
    model = find_model("gpt-image-2")
    base = cap_micros(model, operation="generate")
    assert cap_micros(model, operation="generate", size="1024x1536") == base
    assert (
        cap_micros(model, operation="generate", size="1040x1536") == -(-7_024 * 1_040 * 1_536 // 1_048_576) * 30 + 320
    )


def test_the_estimate_of_a_picture_is_its_table_figure():
    assert picture_tokens(find_model("gpt-image-1"), "1536x1024", "high") == 6_208
    assert picture_tokens(find_model("gpt-image-1"), "auto", "auto") == 1_056
    assert picture_tokens(find_model("gpt-image-1")) == 1_056
    assert picture_tokens(find_model("gpt-image-2"), "1024x1024", "high") == 7_024
    assert picture_tokens(find_model("gpt-image-2.5-flare"), None, "high") == 1_756
    assert picture_tokens(find_model("dall-e-3"), "1024x1024", "hd") is None
    assert picture_tokens(find_model("gpt-4o")) is None


def test_a_model_whose_price_nobody_states_has_no_figure_at_all():
    model = find_model("chatgpt-image-latest")
    assert model.price is None
    assert estimate_micros(model, operation="generate") is None
    assert cap_micros(model, operation="generate") is None
    assert charged_micros(model, operation="generate", delivered=1, input_tokens=20, output_tokens=1_000) is None


def test_an_edit_without_a_stated_price_is_unknown_although_the_picture_is_priced():
    model = find_model("flux-2-pro")
    assert estimate_micros(model, operation="generate") == 30_000
    assert cap_micros(model, operation="edit") is None


@pytest.mark.parametrize("model_id", ["chatgpt-image-latest", "gpt-image-1", "gpt-4o", "flux-2-pro"])
def test_a_price_of_the_user_s_own_holds_for_every_operation_of_the_model(model_id: str):
    model = with_price(find_model(model_id), "0.0125", as_of=date(2026, 11, 21))
    assert model.price is not None
    assert model.price.source == "--price"
    assert model.price.name == "$0.0125 per image (--price)"
    assert model.price.as_of == date(2026, 11, 21)
    for operation in model.formats:
        assert estimate_micros(model, operation=operation) == 12_500
        assert cap_micros(model, operation=operation, n=2) == 25_000
        assert charged_micros(model, operation=operation, delivered=1) == 12_500
    assert find_model(model_id).price is not model.price


@pytest.mark.parametrize("usd", ["-1", "abc", "0.0000001", "NaN", Decimal("-0.01"), Decimal("NaN")])
def test_a_price_that_is_no_amount_is_refused(usd: str | Decimal):
    with pytest.raises(ValueError, match=r"USD|micro-dollar"):
        with_price(find_model("gpt-4o"), usd)


def test_a_price_of_zero_is_the_user_s_word():
    assert cap_micros(with_price(find_model("dall-e-3"), "0"), operation="generate") == 0


@pytest.mark.parametrize("function", [estimate_micros, cap_micros])
@pytest.mark.parametrize("model_id", ["dall-e-2", "gpt-image-1"])
@pytest.mark.parametrize("n", [0, -1])
def test_fewer_than_one_picture_is_an_error_and_not_free(function: Any, model_id: str, n: int):
    with pytest.raises(ValueError, match=f"n (is )?{n}"):
        function(find_model(model_id), operation="generate", n=n)


def test_negative_inputs_are_errors():
    with pytest.raises(ValueError, match="out of range"):
        cap_micros(find_model("gpt-4o"), operation="vision", input_images=-1)
    with pytest.raises(ValueError, match="out of range"):
        cap_micros(find_model("gpt-4o"), operation="vision", max_tokens=0)


def test_a_table_by_size_and_quality_takes_the_most_fitting_entry():
    prices = {("1024x1024", ""): "0.04", ("1024x1024", "hd"): "0.08", ("", "hd"): "0.12", ("1792x1024", ""): "0.06"}
    model = replace(MODELS["dall-e-3"], price=by_size_quality(prices, source="test"))
    asked = {
        (None, None): 40_000,  # the default size
        ("1024x1024", "auto"): 40_000,
        ("1024x1024", "hd"): 80_000,
        ("1792x1024", "hd"): 120_000,
        ("1792x1024", "standard"): 60_000,
        ("256x256", "standard"): None,
    }
    for (size, quality), micros in asked.items():
        assert estimate_micros(model, operation="generate", size=size, quality=quality) == micros


def test_a_token_price_finer_than_can_be_kept_is_an_error_and_not_rounded_away():
    price = by_token("0.0000001", "1", "1", max_output_tokens=10, tokens_per_input_image=1, source="test")
    model = replace(MODELS["gpt-4o"], price=price)
    with pytest.raises(ValueError, match="finer"):
        cap_micros(model, operation="vision")


def test_at_openai_its_own_list_holds_and_other_makers_models_have_no_price():
    openai = PROVIDERS["openai"]
    dall_e_3 = at_provider(find_model("dall-e-3"), openai)
    assert estimate_micros(dall_e_3, operation="generate", size="1792x1024", quality="hd") == 120_000
    assert estimate_micros(dall_e_3, operation="generate") == 40_000
    assert dall_e_3.prompt_unit == "chars"
    dall_e_2 = at_provider(find_model("dall-e-2"), openai)
    assert cap_micros(dall_e_2, operation="edit", n=2, size="256x256") == 32_000
    assert at_provider(find_model("gpt-image-1"), openai).price == OPENAI_PRICES["gpt-image-1"]
    assert at_provider(find_model("gpt-image-2"), openai).price == find_model("gpt-image-2").price
    assert at_provider(find_model("sora_image"), openai).price is None
    assert at_provider(find_model("flux-kontext-max"), openai).price is None


@pytest.mark.parametrize("name", ["apiyi", "sandbox"])
def test_the_gateway_and_the_sandbox_bill_by_the_same_table(name: str):
    assert all(at_provider(model, PROVIDERS[name]) is model for model in MODELS.values())


def test_a_price_by_token_says_what_it_was_told() -> None:
    price = by_token(
        "5", "10", "40", max_output_tokens=6_240, tokens_per_input_image=323, max_tokens_per_input_image=900,
        output_tokens={("1024x1024", "low"): 272}, source="a page",
    )  # fmt: skip
    assert price.rule == ByToken(
        text_in=Decimal(5), image_in=Decimal(10), output=Decimal(40), output_tokens={("1024x1024", "low"): 272},
        max_output_tokens=6_240, tokens_per_input_image=323, max_tokens_per_input_image=900,
    )  # fmt: skip
    assert (price.name, price.source) == ("$5/$10/$40 per M tokens (text, image, out)", "a page")
    assert by_token("5", "10", "40", max_output_tokens=1, tokens_per_input_image=2, source="s").rule == ByToken(
        text_in=Decimal(5), image_in=Decimal(10), output=Decimal(40), output_tokens={}, max_output_tokens=1,
        tokens_per_input_image=2, max_tokens_per_input_image=None,
    )  # fmt: skip


def test_a_flat_price_says_what_it_was_told() -> None:
    price = per_image("0.035", "0.05", source="a page")
    assert price.rule == PerImage(usd=Decimal("0.035"), edit_usd=Decimal("0.05"))
    assert (price.name, price.source, price.as_of) == ("$0.035 per image", "a page", AS_OF)
    assert per_image("0.010", source="s").rule == PerImage(usd=Decimal("0.010"), edit_usd=None)


def test_a_price_by_size_and_quality_says_what_it_was_told() -> None:
    price = by_size_quality({("512x512", ""): "0.018", ("256x256", ""): "0.016"}, {("", ""): "0.02"}, source="a page")
    assert price.rule == BySizeQuality(
        usd={("512x512", ""): Decimal("0.018"), ("256x256", ""): Decimal("0.016")}, edit_usd={("", ""): Decimal("0.02")}
    )
    assert (price.name, price.source) == ("$0.016 to $0.018 by size and quality", "a page")
    same = by_size_quality({("1", ""): "0.02", ("2", ""): "0.020"}, source="s")
    assert (same.name, same.rule.edit_usd) == ("$0.02 per image", None)
