"""What ``make deploy`` adds to ``prefect deploy``: forms that people can read, closed; credentials from a block."""

from typing import Any

from jsonschema import Draft202012Validator
from prefect.utilities.callables import parameter_schema

from deployments.deploy import aws_variables, deployment_names, plain_form, resting
from flows.generate_dataset import generate_dataset


def fields() -> dict[str, dict[str, Any]]:
    form: dict[str, dict[str, Any]] = plain_form(parameter_schema(generate_dataset.fn).model_dump())["properties"]
    return form


def test_what_may_be_left_out_is_an_empty_field_and_not_a_choice_between_a_type_and_none() -> None:
    assert [name for name, field in fields().items() if "anyOf" in field or field.get("default", "") is None] == []
    assert fields()["provider"]["enum"] == ["apiyi", "openai", "sandbox"]
    assert fields()["max_spend"]["minimum"] == 0
    assert fields()["only"]["default"] == "pending"


def test_a_form_is_closed_and_keeps_its_limits_and_what_must_be_filled_in() -> None:
    form = plain_form(parameter_schema(generate_dataset.fn).model_dump())
    good = {"catalogs": ["a.csv"], "dataset": "out", "max_spend": 1.5, "rpm": {"sora_image": 10}}
    wrong = (
        good | {"bogus": 1},
        good | {"workers": 0},
        good | {"only": "all"},
        good | {"rpm": {"x": 0}},
        {"dataset": "x"},
    )
    judge = Draft202012Validator(form)
    assert judge.is_valid(good)
    assert [judge.is_valid(parameters) for parameters in wrong] == [False] * len(wrong)


def test_s3_credentials_from_a_block_are_looked_up_by_the_worker_and_never_stored_in_a_deployment() -> None:
    assert aws_variables("") == {}
    assert (
        aws_variables("team")["AWS_SECRET_ACCESS_KEY"]
        == "{{ prefect.blocks.aws-credentials.team.aws_secret_access_key }}"
    )


def test_the_five_deployments_a_team_needs_are_there() -> None:
    asked = {"generate_dataset/nightly", "usage_report/weekly-usage", "verify_dataset/verify", "export_dataset/export"}
    assert asked <= set(deployment_names())


def test_the_schedule_that_buys_rests_until_somebody_has_made_it_theirs() -> None:
    assert resting() == ["nightly"]
