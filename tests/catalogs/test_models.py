from dataclasses import replace
from datetime import date

import pytest

from catalogs.models import (
    MODELS,
    UnknownModel,
    accepts_size,
    find_model,
    first_living,
    names_of,
    params_for,
    prompt_length,
    resolve,
    retirement,
    successor,
    wire_id,
)
from catalogs.price_rules import AS_OF
from catalogs.types import BySizeQuality, ByToken, Model, PerImage

TODAY = date(2026, 11, 21)
OUTSIDE = {"gpt-6-luna", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare"}  # named by vendors, not in the table
FORMATS = {
    "generate": {"images_json", "flux_json", "chat_image"},
    "edit": {"edits_multipart", "edits_json", "flux_json", "chat_image"},
    "vision": {"chat_vision"},
}
SEED_FAMILIES = {
    *("Sora Image", "GPT-4o Image", "DALL·E 2", "DALL·E 3", "Flux Pro", "Flux Max", "GPT-Image-1"),
    *("GPT-4o", "Gemini 2.5 Pro", "Claude 3.5 Sonnet"),
}

every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@every_model
def test_a_row_says_where_it_comes_from(model: Model):
    assert model.source
    assert model.title
    if model.price is None:
        assert "price" in model.note
    else:
        assert model.price.source
        assert model.price.as_of == AS_OF
        assert model.price.name.startswith("$")


@every_model
def test_each_operation_has_a_wire_format_made_for_it_and_a_result_that_fits(model: Model):
    assert model.formats
    for operation, wire_format in model.formats.items():
        assert wire_format in FORMATS[operation]
    assert (model.result == "text") == ("vision" in model.formats)
    assert (model.result == "markdown") == (set(model.formats.values()) == {"chat_image"})
    if "vision" in model.formats:
        assert set(model.formats) == {"vision"}


@every_model
def test_input_pictures_and_masks_are_taken_only_by_models_that_edit_or_read(model: Model):
    takes_pictures = "edit" in model.formats or "vision" in model.formats
    assert (model.max_images > 0) == takes_pictures
    if model.mask != "none":
        assert "edit" in model.formats
    if model.square_png_only:
        assert model.image_formats == ("png",)
    if model.formats.get("edit") in ("flux_json", "chat_image"):
        assert model.image_field == "image"
        assert model.mask in ("none", "ignored")


@every_model
def test_sizes_and_ratios_are_well_formed_and_the_default_is_among_them(model: Model):
    assert len(set(model.sizes)) == len(model.sizes)
    for size in model.sizes:
        width, separator, height = size.partition("x")
        assert size == "auto" or (separator == "x" and int(width) >= 64 and int(height) >= 64)
    if model.default_size is not None:
        assert model.default_size in model.sizes
        assert not model.ratios, "a default size would contradict a row's ratio"
        assert all(accepts_size(model, operation, model.default_size) for operation in model.formats)
    assert (model.ratio_as is None) == (not model.ratios)
    for ratio in model.ratios:
        wide, separator, high = ratio.partition(":")
        assert separator == ":"
        assert 1 / 3 <= int(wide) / int(high) <= 3
    if model.free_sizes:
        assert model.max_pixels <= model.max_side_px**2


@every_model
def test_limits_are_positive_and_n_above_one_only_where_it_is_documented(model: Model):
    assert 1 <= model.max_n <= 10
    assert model.timeout_s > 2 * model.typical_latency_s > 0
    assert model.concurrency > 0
    assert model.rpm is None or model.rpm > 0
    assert model.max_image_bytes > 0
    assert model.url_ttl_s is None or model.url_ttl_s > 0
    if model.max_n > 1:
        assert model.id == "dall-e-2" or "output_compression" in model.params  # the GPT-Image family


@every_model
def test_parameters_have_a_rule_that_can_be_checked(model: Model):
    for name, rule in model.params.items():
        assert name not in {"prompt", "model", "n", "size", "image", "mask", "stream", "messages"}
        assert set(rule.operations) <= set(model.formats)
        assert (rule.low is None) == (rule.high is None)
        if rule.values:
            assert rule.kind == "str"
            assert len(set(rule.values)) == len(rule.values)
        if rule.kind in ("int", "float"):
            assert rule.low is not None
            assert rule.low < rule.high
    for name, value in model.always_send.items():
        assert value in model.params[name].values
        assert value != "auto"
    if "aspect_ratio" in model.params:
        assert model.params["aspect_ratio"].values == model.ratios


def test_response_format_is_offered_only_to_models_that_take_it():
    takers = {model.id for model in MODELS.values() if "response_format" in model.params}
    assert takers == {"dall-e-2", "dall-e-3"}


@every_model
def test_a_price_table_answers_for_every_size_it_will_be_asked_for(model: Model):
    rule = model.price.rule if model.price else None
    if isinstance(rule, PerImage):
        assert rule.usd > 0
        assert (rule.edit_usd is not None) == ("edit" in model.formats)
    elif isinstance(rule, BySizeQuality):
        assert {size for size, _ in rule.usd} == set(model.sizes)
        assert model.default_size
    elif isinstance(rule, ByToken):
        assert min(rule.text_in, rule.image_in, rule.output) > 0
        assert rule.tokens_per_input_image <= (rule.max_tokens_per_input_image or rule.tokens_per_input_image)
        if "vision" in model.formats:
            assert not rule.output_tokens
        else:
            assert max(rule.output_tokens.values()) == rule.max_output_tokens
            qualities = {*model.params["quality"].values, ""} - {"auto"}
            assert {quality for _, quality in rule.output_tokens} == qualities
            assert all(("", quality) in rule.output_tokens for quality in qualities)


@every_model
def test_a_named_successor_exists_or_is_known_to_be_elsewhere(model: Model):
    assert model.id not in model.replacement
    for name in model.replacement:
        assert (name in MODELS) != (name in OUTSIDE)
        if name in MODELS:
            assert set(model.formats) <= set(MODELS[name].formats)
            assert MODELS[name].retired_on is None
    if model.available_from and model.retired_on:
        assert model.available_from < model.retired_on


def test_the_control_fails_for_a_row_whose_successor_does_not_exist():
    row = replace(MODELS["dall-e-3"], replacement=("gpt-image-3",))
    with pytest.raises(AssertionError):
        test_a_named_successor_exists_or_is_known_to_be_elsewhere(row)


def test_every_name_belongs_to_one_model_and_finds_it_in_any_case():
    owners: dict[str, str] = {}
    for model in MODELS.values():
        for name in names_of(model):
            assert owners.setdefault(name.casefold(), model.id) == model.id
            assert find_model(name) is model
            assert find_model(f" {name.upper()} ") is model


def test_every_family_of_the_seeds_and_every_newer_one_is_in_the_table():
    assert {model.family for model in MODELS.values()} >= SEED_FAMILIES
    assert {
        *("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
        *(
            "chatgpt-image-latest",
            "gpt-image-2-all",
            "gpt-image-2-vip",
            "flux-kontext-pro",
            "flux-2-pro",
            "gpt-4o-mini",
        ),
    } <= set(MODELS)


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("sora_image", "sora_image"),
        ("Sora Image", "sora_image"),
        ("gpt-4o-image", "gpt-4o-image"),
        ("DALL·E 3", "dall-e-3"),
        ("dalle-2", "dall-e-2"),
        ("black-forest-labs/flux-pro-v1.1", "flux-pro-v1.1"),
        ("flux-pro-v1.1", "flux-pro-v1.1"),
        ("flux-pro-1.1", "flux-pro-v1.1"),
        ("black-forest-labs/flux-kontext-max", "flux-kontext-max"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
    ],
)
def test_the_seeds_and_the_gateways_spellings_find_the_model(name: str, model_id: str):
    assert find_model(name).id == model_id


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("dall-e3", "dall-e-3"), ("gpt-image1", "gpt-image-1"), ("sora_imge", "sora_image"), ("zzzzzz", None), ("", None)],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(name: str, nearest: str | None):
    with pytest.raises(UnknownModel) as caught:
        find_model(name)
    assert caught.value.nearest == nearest
    assert isinstance(caught.value, KeyError)
    assert repr(name) in str(caught.value)
    assert (nearest or "no hint") in str(caught.value) or nearest is None


@pytest.mark.parametrize(
    ("name", "operation", "model_id", "warned"),
    [
        ("gpt-4o", "generate", "sora_image", True),
        ("GPT-4o", "edit", "sora_image", True),
        ("gpt-4o", "vision", "gpt-4o", False),
        ("gpt-4o-image", "generate", "gpt-4o-image", False),
        ("gpt-4o-mini", "generate", "gpt-4o-mini", False),
    ],
)
def test_gpt_4o_means_sora_image_where_a_picture_is_made(name: str, operation: str, model_id: str, warned: bool):
    model, warning = resolve(name, operation)
    assert model.id == model_id
    assert (warning is not None) == warned
    assert not warned or "sora_image" in warning


@pytest.mark.parametrize(
    ("model_id", "operation", "today", "successor_id"),
    [
        ("sora_image", "generate", TODAY, "gpt-image-2-all"),
        ("dall-e-2", "edit", TODAY, "gpt-image-2.5-sunburst"),
        ("gpt-4o", "vision", TODAY, None),  # its replacement is not in the table
        ("claude-3-5-sonnet", "vision", TODAY, None),  # no one names one
        ("flux-pro-v1.1", "generate", TODAY, "flux-2-pro"),
    ],
)
def test_a_successor_is_a_named_one_that_we_know(model_id: str, operation: str, today: date, successor_id: str | None):
    found = successor(MODELS[model_id], operation, today)
    assert (found and found.id) == successor_id


def test_a_successor_that_cannot_do_the_work_or_is_retired_itself_is_passed_over():
    row = replace(MODELS["sora_image"], replacement=("dall-e-2", "dall-e-3", "gpt-image-2-vip"))
    assert successor(row, "edit", TODAY) is MODELS["gpt-image-2-vip"]
    assert successor(row, "generate", date(2026, 5, 11)) is MODELS["dall-e-2"]
    assert successor(replace(row, replacement=("dall-e-3",)), "edit", date(2026, 5, 11)) is None
    assert first_living([MODELS["dall-e-2"], MODELS["dall-e-3"]], TODAY) is None


def test_the_wire_gets_the_providers_spelling():
    model = MODELS["flux-pro-v1.1"]
    assert wire_id(model, "apiyi") == "flux-pro-1.1"
    assert wire_id(model, "sandbox") == "flux-pro-v1.1"


@pytest.mark.parametrize(
    ("model_id", "today", "words"),
    [
        ("dall-e-3", TODAY, ("was retired on 2026-05-12", "gpt-image-2.5-sunburst")),
        ("gpt-image-1", date(2026, 10, 23), ("was retired on 2026-10-23",)),
        ("gpt-image-1", date(2026, 10, 22), ("retires on 2026-10-23, in 1 day;",)),
        ("gpt-4o", TODAY, ("retires on 2027-01-14, in 54 days", "use gpt-6-luna (not in the table yet)")),
        ("gpt-4o", date(2026, 10, 16), ("in 90 days",)),
        ("claude-3-5-sonnet", TODAY, ("was retired on 2025-10-28", "no replacement is named")),
        ("sora_image", TODAY, ("gpt-image-2-all",)),
    ],
)
def test_a_model_at_its_end_is_named_with_its_date_and_successor(model_id: str, today: date, words: tuple[str, ...]):
    message = retirement(MODELS[model_id], today)
    assert message is not None
    assert message.startswith(model_id)
    for word in words:
        assert word in message


def test_a_model_with_more_than_90_days_or_no_end_at_all_is_not_warned_of():
    assert retirement(MODELS["gpt-4o"], date(2026, 10, 15)) is None
    assert retirement(MODELS["gpt-image-2"], TODAY) is None


@pytest.mark.parametrize(
    ("model_id", "operation", "size", "accepted"),
    [
        ("dall-e-2", "generate", "512x512", True),
        ("dall-e-2", "generate", "auto", False),
        ("dall-e-3", "generate", "512x512", False),
        ("sora_image", "generate", "1024x1024", False),
        ("gpt-4o-image", "generate", "1024x1792", True),
        ("gpt-4o-image", "edit", "1024x1792", False),
        ("gpt-image-1", "generate", "auto", True),
        ("gpt-image-1", "generate", "1024x1040", False),
        ("gpt-image-2", "generate", "1024x1040", True),
        ("gpt-image-2", "edit", "3840x2160", True),
        ("gpt-image-2", "generate", "3840x2176", False),
        ("gpt-image-2", "generate", "3856x1296", False),
        ("gpt-image-2", "generate", "1024x1030", False),
        ("gpt-image-2", "generate", "3072x1024", True),
        ("gpt-image-2", "generate", "3088x1024", False),
        ("gpt-image-2", "generate", "1024×1024", False),
        ("gpt-image-2", "generate", "01024x1024", False),
        ("gpt-image-2", "generate", "1024x1024\n", False),
        ("gpt-image-2", "generate", "１０２４x１０２４", False),
        ("gpt-image-2", "generate", "0x0", False),
        ("gpt-image-2-vip", "generate", "3840x1632", True),
        ("flux-2-pro", "generate", "2048x2048", False),
        ("flux-kontext-max", "generate", "1024x1024", False),
    ],
)
def test_a_size_is_accepted_only_where_the_model_and_its_route_take_it(
    model_id: str, operation: str, size: str, accepted: bool
):
    assert accepts_size(MODELS[model_id], operation, size) is accepted


def test_a_parameter_that_belongs_to_one_operation_is_not_offered_to_the_other():
    model = MODELS["gpt-image-1"]
    assert "input_fidelity" in params_for(model, "edit")
    assert "input_fidelity" not in params_for(model, "generate")
    assert "moderation" in params_for(model, "generate")
    assert "moderation" not in params_for(model, "edit")
    assert "input_fidelity" not in MODELS["gpt-image-2"].params


def test_a_prompt_is_counted_in_the_unit_that_the_gateway_counts():
    assert prompt_length(MODELS["dall-e-3"], "猫" * 10) == 30
    assert prompt_length(MODELS["gpt-image-1"], "猫" * 10) == 10
    assert prompt_length(MODELS["flux-2-pro"], "a" * 9) == 3


def test_masks_sizes_and_url_lives_are_those_of_the_protocol_notes():
    assert {model.id: model.url_ttl_s for model in MODELS.values() if model.url_ttl_s} == {
        "dall-e-2": 3_600,
        "dall-e-3": 3_600,
        "gpt-image-2-all": 86_400,
        "gpt-image-2-vip": 86_400,
        **{name: 600 for name in MODELS if name.startswith("flux")},
    }
    assert MODELS["dall-e-2"].mask == "alpha"
    assert MODELS["gpt-image-2-all"].mask == "ignored"
    assert MODELS["sora_image"].rpm == 10
    assert MODELS["sora_image"].prompt_advised_limit == 500
    assert len(MODELS["gpt-image-2-vip"].sizes) == 31


def test_a_model_row_can_be_a_dictionary_key_and_differs_from_a_copy_with_another_price():
    model = MODELS["dall-e-3"]
    dearer = replace(model, price=None)
    assert len({model, replace(model), dearer}) == 2


def test_the_life_of_each_model_is_that_of_the_protocol_notes():
    ends = sorted((model.retired_on, model.id) for model in MODELS.values() if model.retired_on)
    assert [(str(day), name) for day, name in ends] == [
        ("2025-10-28", "claude-3-5-sonnet"),
        ("2026-04-22", "gpt-4o-image"),
        ("2026-04-22", "sora_image"),
        ("2026-05-12", "dall-e-2"),
        ("2026-05-12", "dall-e-3"),
        ("2026-10-23", "gpt-image-1"),
        ("2026-12-01", "chatgpt-image-latest"),
        ("2026-12-01", "gpt-image-1-mini"),
        ("2026-12-01", "gpt-image-1.5"),
        ("2027-01-14", "gpt-4o"),
        ("2027-01-14", "gpt-4o-mini"),
    ]
