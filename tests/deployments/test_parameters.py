"""Parameters that got past the server's check: every problem is found at once, and said without anybody's key."""

from inspect import iscoroutinefunction
from typing import Any

import pytest
import yaml

from deployments.parameters import check_parameters, typed, wrong
from flows.generate_dataset import generate_dataset
from tasks.engine.options import RunOptions, form_of
from tests.support.prefect_server import ROOT

USUAL = form_of(RunOptions(catalogs=("a.csv",), dataset="out"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"max_spent": 3}, ["max_spent: no such parameter; did you mean max_spend?"]),
        ({"zzz": 3}, ["zzz: no such parameter"]),
        ({"concurrency": 0}, ["concurrency: Input should be greater than or equal to 1, found 0"]),
        ({"rpm": {"dall-e-2": "many"}}, ["rpm: Input should be a valid number, unable to parse string as a number"]),
        ({"catalogs": []}, ["catalogs: List should have at least 1 item"]),
        ({"only": "all", "workers": "x"}, ["only: Input should be 'pending', 'failed'", "workers: Input should be"]),
    ],
)
def test_names_and_types_are_judged_together(wrong: dict[str, Any], told: list[str]) -> None:
    problems, good = typed(generate_dataset.fn, USUAL | wrong)
    assert len(problems) == len(told)
    assert all(problem.startswith(words) for problem, words in zip(problems, told, strict=True)), problems
    assert set(good) == set(USUAL) - set(wrong)


def test_what_must_be_given_is_asked_for() -> None:
    assert typed(generate_dataset.fn, {"dataset": "out"}) == (["catalogs: must be given"], {"dataset": "out"})


def test_the_value_of_a_parameter_that_there_is_not_is_never_said() -> None:
    problems, _ = typed(generate_dataset.fn, USUAL | {"api_key": "hunter2-hunter2"})
    assert "hunter2" not in str(problems)


@pytest.mark.parametrize(
    "name", ["generate_dataset", "export_dataset", "usage_report", "verify_dataset", "generate_part"]
)
def test_every_flow_of_a_deployment_is_looked_at(name: str) -> None:
    assert wrong(name, {"bogus": 1})[0] == "bogus: no such parameter"
    assert any(problem.endswith("must be given") for problem in wrong(name, {}))


def test_what_only_we_can_judge_is_told_beside_what_types_show() -> None:
    told = wrong("generate_dataset", {**USUAL, "bogus": 1, "model": "nobody", "workers": 3, "accept": "size >"})
    assert [problem.partition(":")[0] for problem in told] == ["bogus", "model", "workers", "accept"]
    assert wrong("export_dataset", {"dataset": "d", "to": "t", "accept": "size >"})[0].startswith("accept: ")


def test_right_parameters_have_no_problem() -> None:
    assert wrong("generate_dataset", {"catalogs": ["a.csv"], "dataset": "out", "max_spend": 1.5}) == []
    assert wrong("generate_dataset", USUAL) == []


def test_every_deployment_of_ours_looks_at_its_parameters_first() -> None:
    steps = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["pull"]
    assert [next(iter(step)) for step in steps][1:] == ["deployments.parameters.check_parameters"]
    assert iscoroutinefunction(check_parameters)
