"""Another model for some rows of a catalog: they are taken up on it, the others keep their model and their picture."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.engine.problems import InvalidCatalog
from tasks.engine.running.session import forget
from tasks.manifest.readers import read_calls
from tests.support.pictures import black_png
from tests.support.runs import charged, charges_so_far, current_rows, run, session_for, write_catalog
from tests.support.scripted import reply, scripted

ROWS = [
    {"id": "fine", "prompt": "a lake", "model": "dall-e-2"},
    {"id": "other", "prompt": "a sea", "model": "dall-e-2"},
    {"id": "fails", "prompt": "a pond [[scenario:size_not_supported@1]]", "model": "dall-e-2"},
]


def models(dataset: Path) -> dict[str, tuple[str, str]]:
    return {row["row_id"]: (row["model"], row["outcome"]) for row in current_rows(dataset)}


async def test_a_model_for_what_failed_is_asked_for_that_only_and_the_same_run_again_asks_nobody(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    await run(catalog, dataset, sandbox, only="failed", model="flux-2-pro")
    assert models(dataset)["fails"] == ("flux-2-pro", "failed")  # the scenario fails each model's first call
    before = charges_so_far(sandbox)
    await run(catalog, dataset, sandbox, only="failed", model="flux-2-pro")
    assert [charge["model"] for charge in charged(sandbox, before)] == ["flux-2-pro"]
    now = {
        "fine": ("dall-e-2", "succeeded"), "other": ("dall-e-2", "succeeded"), "fails": ("flux-2-pro", "succeeded"),
    }  # fmt: skip
    assert models(dataset) == now
    before = charges_so_far(sandbox)
    await run(catalog, dataset, sandbox, only="failed", model="flux-2-pro")
    assert charged(sandbox, before) == []
    assert models(dataset) == now


async def test_a_model_for_named_rows_leaves_the_others_their_pictures(tmp_path: Path, sandbox: SandboxProcess) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS[:2]), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    before = charges_so_far(sandbox)
    result = await run(catalog, dataset, sandbox, rows=("other",), model="auto:cheapest")
    bought = [charge["model"] for charge in charged(sandbox, before)]
    assert len(bought) == 1
    assert (result.succeeded, result.pending) == (2, 0)
    assert models(dataset) == {"fine": ("dall-e-2", "succeeded"), "other": (bought[0], "succeeded")}


async def test_rows_that_name_no_model_may_be_read_by_the_runs_own(tmp_path: Path, sandbox: SandboxProcess) -> None:
    bare = [{"id": "a", "prompt": "a lake"}, {"id": "b", "prompt": "a sea"}]
    catalog, dataset = write_catalog(tmp_path / "c.csv", bare), tmp_path / "ds"
    result = await run(catalog, dataset, sandbox, rows=("a",), model="dall-e-2")
    assert (result.succeeded, result.pending) == (1, 1)


async def test_a_model_that_nobody_knows_is_a_problem_of_the_catalog(tmp_path: Path, sandbox: SandboxProcess) -> None:
    with pytest.raises(InvalidCatalog) as caught:
        await run(write_catalog(tmp_path / "c.csv", ROWS), tmp_path / "ds", sandbox, rows=("fine",), model="dall-e-9")
    assert "dall-e-9" in caught.value.lines[0]


@pytest.mark.parametrize(("own", "other"), [("sora_image", "gpt-image-2"), ("gpt-image-2", "sora_image")])
async def test_a_ratio_is_told_to_the_other_model_as_a_catalog_that_names_it_would_tell_it(
    tmp_path: Path, sandbox: SandboxProcess, own: str, other: str
) -> None:
    row = {"id": "a", "prompt": "a red door", "ratio": "2:3"}
    override = {"again": True, "rows": ("a",), "model": other}
    asked = [
        session_for(write_catalog(tmp_path / "a.csv", [{**row, "model": own}]), tmp_path / "ds", sandbox, **override),
        session_for(write_catalog(tmp_path / "b.csv", [{**row, "model": other}]), tmp_path / "ds", sandbox),
    ]
    told = []
    for session in asked:
        plan = await session.make_plan()
        (wanted,) = [planned.wanted for planned in plan.planned()]
        told.append((wanted.model, wanted.prompt_sent, dict(wanted.params), wanted.requested_size))
        forget(session.run_id)
    assert told[0] == told[1]


async def test_a_size_that_the_other_model_does_not_take_is_a_problem(tmp_path: Path, sandbox: SandboxProcess) -> None:
    rows = [{"id": "a", "prompt": "a door", "model": "gpt-image-2", "size": "1024x1536"}]
    with pytest.raises(InvalidCatalog) as caught:
        await run(write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds", sandbox, rows=("a",), model="sora_image")
    assert "1024x1536" in caught.value.lines[0]


@pytest.mark.parametrize("named", [{"only": "failed"}, {"rows": ("b",)}])
async def test_rows_that_name_no_model_keep_the_one_they_were_given_when_others_get_another(
    tmp_path: Path, sandbox: SandboxProcess, named: dict[str, Any]
) -> None:
    prompt = f"{tmp_path.name} [[scenario:size_not_supported@1]]"
    bare = [{"id": "a", "prompt": "a lake"}, {"id": "b", "prompt": prompt}]
    catalog, dataset = write_catalog(tmp_path / "c.csv", bare), tmp_path / "ds"
    await run(catalog, dataset, sandbox, model="dall-e-2", rows=("a",))
    await run(catalog, dataset, sandbox, model="dall-e-2")
    for _ in range(2):  # the scenario fails each model's first call
        await run(catalog, dataset, sandbox, model="flux-2-pro", **named)
    assert models(dataset) == {"a": ("dall-e-2", "succeeded"), "b": ("flux-2-pro", "succeeded")}
    before = charges_so_far(sandbox)
    await run(catalog, dataset, sandbox, model="dall-e-3", only="held")
    assert (charged(sandbox, before), models(dataset)["a"]) == ([], ("dall-e-2", "succeeded"))


async def test_a_refused_row_that_feeds_on_another_or_on_a_url_goes_to_the_other_model_too(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    edit = {"operation": "edit", "model": "dall-e-2", "prompt": "in blue [[scenario:content_policy]]"}
    async with scripted({"/in.png": reply(black_png(64, 64))}) as server:
        rows = [
            ROWS[0], {**edit, "id": "child", "images": "row:fine"},
            {**edit, "id": "good", "prompt": "in red", "images": "row:fine"},
            {**edit, "id": "url", "images": server.url("/in.png")},
        ]  # fmt: skip
        catalog, dataset = write_catalog(tmp_path / "c.csv", rows), tmp_path / "ds"
        await run(catalog, dataset, sandbox)
        for _ in range(2):
            await run(catalog, dataset, sandbox, only="refused", model="flux-kontext-max")
            assert models(dataset) == {
                "fine": ("dall-e-2", "succeeded"), "good": ("dall-e-2", "succeeded"),
                "child": ("flux-kontext-max", "refused"), "url": ("flux-kontext-max", "refused"),
            }  # fmt: skip
    asked = [row for row in read_calls(dataset).to_pylist() if row["row_id"] in ("child", "url")]
    assert Counter(row["model"] for row in asked) == {"dall-e-2": 2, "flux-kontext-max": 4}


async def test_again_takes_a_refused_row_that_feeds_on_another(tmp_path: Path, sandbox: SandboxProcess) -> None:
    edit = {"operation": "edit", "model": "dall-e-2", "prompt": f"{tmp_path.name} [[scenario:content_policy@1]]"}
    catalog = write_catalog(tmp_path / "c.csv", [ROWS[0], {**edit, "id": "child", "images": "row:fine"}])
    await run(catalog, tmp_path / "ds", sandbox)
    await run(catalog, tmp_path / "ds", sandbox, only="refused", again=True)
    takes = {row["row_id"]: (row["take"], row["outcome"]) for row in current_rows(tmp_path / "ds")}
    assert takes == {"fine": (1, "succeeded"), "child": (2, "succeeded")}
