"""The files a team deploys with: what they name exists, every schedule has a cap, no secret, nothing run as root."""

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from catalogs.providers import PROVIDERS, find_provider
from tasks.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
PREFECT_YAML: dict[str, Any] = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())
DEPLOYMENTS: list[dict[str, Any]] = PREFECT_YAML["deployments"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deployments/compose.yaml").read_text())
DOCKERFILE = (ROOT / "deployments/Dockerfile").read_text()


def parameters_of(entrypoint: str) -> set[str]:
    """The parameters of a flow function, read without importing Prefect."""
    module, _, name = entrypoint.rpartition(".")
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    found = next(node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == name)
    return {argument.arg for argument in found.args.args + found.args.kwonlyargs}


@pytest.mark.parametrize("entry", DEPLOYMENTS, ids=lambda entry: entry["name"])
def test_a_deployment_names_a_flow_that_exists_and_parameters_that_it_has(entry: dict[str, Any]) -> None:
    assert set(entry.get("parameters", {})) <= parameters_of(entry["entrypoint"])
    assert entry["work_pool"]["name"] == "printroom"
    assert len(entry["description"]) > 40
    assert "printroom" in entry["tags"]


@pytest.mark.parametrize("entry", [e for e in DEPLOYMENTS if "schedules" in e], ids=lambda entry: entry["name"])
def test_a_scheduled_deployment_has_a_cap_a_place_in_the_queue_and_a_slug(entry: dict[str, Any]) -> None:
    if "max_spend" in parameters_of(entry["entrypoint"]):
        assert 0 < entry["parameters"]["max_spend"] < 1000
    assert entry["concurrency_limit"]["limit"] == 1
    assert entry["concurrency_limit"]["collision_strategy"] in ("ENQUEUE", "CANCEL_NEW")
    for schedule in entry["schedules"]:
        assert len(schedule["cron"].split()) == 5
        assert schedule["slug"]
        assert schedule["timezone"]


def test_no_flow_takes_a_secret_as_a_parameter() -> None:
    secret = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)
    for entry in DEPLOYMENTS:
        assert not [name for name in parameters_of(entry["entrypoint"]) if secret.search(name)]


def test_the_compose_file_follows_the_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema)


def test_the_schema_does_refuse_a_compose_file_that_is_wrong() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    wrong = {**COMPOSE, "services": {**COMPOSE["services"], "server": {"comand": ["x"]}}}
    with pytest.raises(jsonschema.ValidationError, match="comand"):
        jsonschema.validate(wrong, schema)


def test_the_server_in_compose_is_started_by_words_that_the_module_understands() -> None:
    from deployments import ui

    assert COMPOSE["services"]["server"]["command"][:3] == ["python", "-m", "deployments.ui"]
    assert COMPOSE["services"]["server"]["command"][3] == str(ui.PORT)
    assert "host" in inspect.getsource(ui.main)


def test_a_shells_key_gateway_and_blocks_reach_the_containers_and_an_empty_variable_says_nothing() -> None:
    worker, deploy = (COMPOSE["services"][name]["environment"] for name in ("worker", "deploy"))
    for provider in PROVIDERS.values():
        if provider.name != "sandbox":
            assert worker[provider.key_variable] == f"${{{provider.key_variable}:-}}"
    assert {"PRINTROOM_API_KEY", "PRINTROOM_BASE_URL"} <= worker.keys()
    assert {"PRINTROOM_ALERT_BLOCK", "PRINTROOM_AWS_BLOCK"} <= deploy.keys()
    empty = read_settings("openai", {**dict.fromkeys(worker, ""), "PRINTROOM_API_KEY_BLOCK": "gateway-key"})
    assert not empty.api_key
    assert (empty.key_block, empty.provider) == ("gateway-key", find_provider("openai"))


def test_the_image_is_pinned_runs_as_nobody_special_and_copies_what_is_there() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base) for base in bases)
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1].isdigit()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    let_in = (ROOT / "deployments/Dockerfile.dockerignore").read_text().splitlines()
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in
    assert "*" in let_in
    assert "--require-hashes" in DOCKERFILE
