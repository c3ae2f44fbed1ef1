"""The form and the command line mean the same, and what neither can mean is told all at once."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.utilities.callables import parameter_schema

from flows.generate_dataset import generate_dataset
from tasks.engine.options import RunOptions, form_of
from tasks.form import BadForm, checked_options

USUAL = form_of(RunOptions(catalogs=("a.csv",), dataset="out"))

options = st.builds(
    RunOptions,
    catalogs=st.lists(st.text("abc", min_size=1), min_size=1, max_size=3).map(tuple),
    dataset=st.text("abc", min_size=1),
    provider=st.sampled_from([None, "apiyi", "sandbox"]),
    model=st.sampled_from([None, "dall-e-2", "auto:art"]),
    max_spend_micros=st.none() | st.integers(0, 10**12),
    approve_above_micros=st.none() | st.integers(0, 10**12),
    only=st.sampled_from(["pending", "failed", "all-but-succeeded"]),
    rows=st.lists(st.text("xyz", min_size=1), max_size=3).map(tuple),
    again=st.booleans(),
    rpm=st.dictionaries(st.sampled_from(["dall-e-2", "sora_image"]), st.floats(0.1, 1e6)),
    prices=st.dictionaries(st.sampled_from(["dall-e-3"]), st.sampled_from(["0.02", "1"])),
)


@given(options)
def test_the_form_of_the_options_leads_back_to_them(asked: RunOptions) -> None:
    assert checked_options(form_of(asked)) == asked


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"catalogs": [" "]}, "catalogs: an entry is empty"),
        ({"dataset": "  "}, "dataset: name a folder"),
        ({"model": "sora_imag"}, "model: unknown model 'sora_imag' (did you mean 'sora_image'?)"),
        ({"rpm": {"nobody": 5.0}}, "rpm: unknown model 'nobody'"),
        ({"price": {"dall-e-2": "a lot"}}, "price of dall-e-2: 'a lot' is not an amount"),
        ({"ocr": "someone"}, "ocr: unknown model 'someone'"),
        ({"max_spend": Decimal("0.0000001")}, "max_spend: "),
        ({"workers": 3}, "workers: only for the runners workers and dask"),
        ({"runner": "workers", "limit": 5}, "limit: only for the runner local"),
    ],
)
def test_what_a_form_cannot_mean_is_told_in_words(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(BadForm) as caught:
        checked_options(USUAL | wrong)
    assert told in str(caught.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadForm) as caught:
        checked_options(USUAL | {"dataset": "", "ocr": "someone", "rpm": {"nobody": 1.0}})
    assert len(caught.value.problems) == 3


def test_models_are_taken_by_any_of_their_names() -> None:
    assert checked_options(USUAL | {"rpm": {"DALL-E-2": 7.0}}).rpm == {"dall-e-2": 7.0}


def test_every_field_of_the_form_is_explained_and_choices_are_choices() -> None:
    schema = parameter_schema(generate_dataset.fn).model_dump()
    fields: dict[str, dict[str, Any]] = schema["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []
    assert set(schema["required"]) == {"catalogs", "dataset"}
    assert set(fields["only"]["enum"]) == {"pending", "failed", "refused", "unknown", "held", "all-but-succeeded"}
    assert fields["max_spend"]["anyOf"][0] == {"type": "number", "minimum": 0}
    assert set(fields) == set(USUAL), "the form and the command line have the same options"
