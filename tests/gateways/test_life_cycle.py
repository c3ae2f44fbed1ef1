"""Models that retire: warned about, replaced when asked, with the difference in price and parameters shown before."""

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from catalogs.models import find_model, successor
from deployments.cli.main import main
from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.session import forget
from tests.gateways.echoing import echoing
from tests.gateways.looking import VASE, posts
from tests.support.runs import charged, current_rows, run, session_for, write_catalog

ROWS = [
    {"id": "a", "model": "dall-e-3", "prompt": "a hill", "size": "1792x1024", "quality": "hd", "style": "vivid"},
    {"id": "b", "model": "dall-e-3", "prompt": "a lake", "size": "1024x1024"},
    {"id": "c", "operation": "edit", "model": "dall-e-2", "prompt": "at night", "images": VASE, "size": "256x256"},
    {"id": "d", "model": "gpt-image-2", "prompt": "a sea"},
]


def heir(model: str, operation: str) -> str:
    found = successor(find_model(model), operation, date.today())
    assert found is not None
    return found.id


def test_a_plan_warns_and_names_the_replacement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gateway: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", gateway.base_url)
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    assert main(["plan", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox"]) == 0
    said = capsys.readouterr()
    assert "dall-e-3 was retired on" in said.err
    assert "use gpt-image" in said.err


def test_replace_retired_shows_prices_and_parameters_and_switches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gateway: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", gateway.base_url)
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    words = ["plan", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox", "--replace-retired"]
    assert main([*words, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out.splitlines()[-1])
    by_model = {(each["model"], each["operation"]): each for each in plan["replaced"]}
    generate = by_model["dall-e-3", "generate"]
    assert (generate["rows"], generate["replacement"]) == (2, heir("dall-e-3", "generate"))
    assert generate["estimate_usd"] != generate["replacement_estimate_usd"]
    assert generate["changes"]["style vivid is left out"] == 1
    assert by_model["dall-e-2", "edit"]["replacement"] == heir("dall-e-2", "edit")
    assert "dall-e-3" not in plan["models"]
    assert "gpt-image-2" in plan["models"]
    assert main(words) == 0
    assert "replaced: dall-e-3 → " in capsys.readouterr().err


async def test_a_run_buys_the_replacement_once_and_keeps_what_was_made_before(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", ROWS[:1] + ROWS[2:3])
    before = await run(catalog, tmp_path / "ds", gateway)
    assert before.succeeded == 2
    write_catalog(catalog, ROWS)
    after = await run(catalog, tmp_path / "ds", gateway, replace_retired=True)
    assert (after.rows, after.succeeded, after.reused) == (4, 4, 2)
    models = {row["row_id"]: row["model"] for row in current_rows(tmp_path / "ds")}
    assert models == {"a": "dall-e-3", "b": heir("dall-e-3", "generate"), "c": "dall-e-2", "d": "gpt-image-2"}
    again = await run(catalog, tmp_path / "ds", gateway, replace_retired=True)
    assert (again.reused, again.cost_micros, len(charged(gateway))) == (4, 0, 4)


async def test_a_plan_without_the_switch_leaves_every_model_as_it_is(tmp_path: Path, gateway: SandboxProcess) -> None:
    session = session_for(write_catalog(tmp_path / "c.csv", ROWS), tmp_path / "ds", gateway)
    plan = await session.make_plan()
    assert set(plan.summary.models) == {"dall-e-3", "dall-e-2", "gpt-image-2"}
    assert not plan.summary.replacements
    plan.discard()
    assert posts(gateway) == []


async def test_a_model_that_the_gateway_does_not_list_is_a_warning_and_never_a_failure(
    tmp_path: Path, gateway: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", ROWS)
    async with echoing() as address:
        for number, (url, warned) in enumerate([(address, 3), (gateway.base_url, 0), ("http://127.0.0.1:9/v1", 0)]):
            session = session_for(catalog, tmp_path / f"ds{number}", SimpleNamespace(base_url=url))  # type: ignore[arg-type]  # an address is all it takes
            plan = await session.make_plan()
            assert len([text for text in plan.summary.warnings if "is not among the 1 models" in text]) == warned
            forget(session.run_id)


def test_a_comparison_prices_the_catalogs_own_rows_on_other_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gateway: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", gateway.base_url)
    rows = [{"id": "a", "model": "dall-e-2", "prompt": "a hill", "n": "4"},
            {"id": "b", "model": "dall-e-2", "prompt": "a lake"},
            {"id": "c", "operation": "edit", "model": "flux-kontext-max", "prompt": "x", "images": VASE}]  # fmt: skip
    words = ["plan", str(write_catalog(tmp_path / "c.csv", rows)), "--dataset", str(tmp_path / "ds"),
             "--provider", "sandbox", "--compare"]  # fmt: skip
    assert main([*words, "--json"]) == 0
    found = {each["model"]: each for each in json.loads(capsys.readouterr().out.splitlines()[-1])["compare"]}
    assert (found["dall-e-2"]["calls"], found["dall-e-2"]["estimate_usd"]) == (3, "0.12")
    assert (found["flux-kontext-max"]["calls"], found["flux-kontext-max"]["estimate_usd"]) == (3, "0.42")
    assert (found["dall-e-3"]["calls"], found["dall-e-3"]["of"], found["dall-e-3"]["estimate_usd"]) == (2, 3, "0.20")
    assert found["chatgpt-image-latest"]["estimate_usd"] is None
    assert main(words) == 0
    assert "3 of 3" in capsys.readouterr().out
