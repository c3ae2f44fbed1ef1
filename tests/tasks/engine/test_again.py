"""``--again``: another picture for the rows that are named, by id or by what became of them, and for no others."""

from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.session import forget, new_session
from tasks.journal.codec import decode_segment
from tasks.manifest.readers import read_manifest
from tests.support.runs import charged, charges_so_far, current_rows, run, session_for, write_catalog

ROWS = [
    {"id": "fine", "prompt": "a lake", "model": "dall-e-2"},
    {"id": "other", "prompt": "a sea", "model": "dall-e-2"},
    {"id": "refused", "prompt": "a pond [[scenario:content_policy@1]]", "model": "dall-e-2"},
]


def refused_at_first(word: str, ids: str) -> list[dict[str, str]]:
    return [{"id": i, "prompt": f"{word} {i} [[scenario:content_policy@1]]", "model": "dall-e-2"} for i in ids]


def takes(dataset: Path) -> dict[str, tuple[int, str]]:
    return {row["row_id"]: (row["take"], row["outcome"]) for row in current_rows(dataset)}


async def test_again_where_nothing_has_that_outcome_takes_nothing_again_now_or_later(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS[:2]), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    before = charges_so_far(sandbox)
    result = await run(catalog, dataset, sandbox, again=True, only="failed")
    assert (result.succeeded, result.reused, result.pending) == (2, 2, 0)
    await run(catalog, dataset, sandbox)
    assert charged(sandbox, before) == []
    assert takes(dataset) == {"fine": (1, "succeeded"), "other": (1, "succeeded")}


async def test_again_for_an_outcome_takes_those_rows_again_and_leaves_the_others(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS), tmp_path / "ds"
    assert (await run(catalog, dataset, sandbox)).refused == 1
    before = charges_so_far(sandbox)
    for _ in range(2):  # the scenario refuses each model's first call
        await run(catalog, dataset, sandbox, again=True, only="refused")
    assert [charge["prompt"][:6] for charge in charged(sandbox, before)] == ["a pond"]
    assert takes(dataset)["refused"] == (2, "succeeded")
    assert {row: takes(dataset)[row] for row in ("fine", "other")} == dict.fromkeys(("fine", "other"), (1, "succeeded"))
    assert sorted(row["take"] for row in read_manifest(dataset).to_pylist() if row["row_id"] == "refused") == [1, 2]


async def test_again_of_one_run_raises_takes_once_however_often_the_run_is_retried(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS[:2]), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    asked = session_for(catalog, dataset, sandbox, again=True, rows=("fine",))
    for _ in range(2):  # what a retry in the Prefect UI does: the same run plans anew
        session = new_session(asked.options, asked.settings, asked.run_id, say=asked.say)
        plan = await session.make_plan()
        assert plan.summary.new == 1
        assert plan.takes == {("c", "fine"): 2}
        async with session.opened():
            pass
        forget(session.run_id)


async def test_a_limit_leaves_what_is_beyond_it_as_it_was(tmp_path: Path, sandbox: SandboxProcess) -> None:
    refused = [{"id": i, "prompt": f"door {i} [[scenario:content_policy]]", "model": "dall-e-2"} for i in "abc"]
    catalog, dataset = write_catalog(tmp_path / "c.csv", [*ROWS[:2], *refused]), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    result = await run(catalog, dataset, sandbox, only="refused", limit=1)
    assert (result.succeeded, result.refused, result.pending) == (2, 3, 0)
    before = charges_so_far(sandbox)
    result = await run(catalog, dataset, sandbox, again=True, limit=1)
    assert (result.succeeded, result.refused, result.pending) == (2, 3, 0)
    assert len(charged(sandbox, before)) == 1
    assert [take for take, _ in takes(dataset).values()].count(2) == 1


async def test_what_the_budget_does_not_reach_stays_refused_and_the_same_command_goes_on(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", refused_at_first("gate", "abc")), tmp_path / "ds"
    assert (await run(catalog, dataset, sandbox)).refused == 3
    asked = {"only": "refused", "max_spend_micros": 20_000, "concurrency": 1}
    for bought in (1, 2):
        result = await run(catalog, dataset, sandbox, **asked)
        assert (result.succeeded, result.refused, result.pending) == (bought, 3 - bought, 0)
    before = charges_so_far(sandbox)
    await run(catalog, dataset, sandbox)
    assert charged(sandbox, before) == []


async def test_a_closed_row_is_reopened_in_one_write_with_its_intent(tmp_path: Path, sandbox: SandboxProcess) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", refused_at_first("arch", "ab")), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    assert (await run(catalog, dataset, sandbox, only="refused")).succeeded == 2
    segments = [decode_segment(file.read_bytes()).events for file in (dataset / "journal").rglob("*") if file.is_file()]
    reopening = [events for events in segments if any(event.kind == "released" for event in events)]
    assert reopening
    for events in reopening:
        opened = {event.key for event in events if event.kind == "released"}
        assert opened == {event.key for event in events if event.kind == "intent"}


async def test_a_row_whose_model_is_gone_before_it_could_be_tried_stays_refused(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", refused_at_first("wall", "ab")), tmp_path / "ds"
    assert (await run(catalog, dataset, sandbox)).refused == 2
    with SandboxProcess("--scenario", "model_not_found", latency_scale=0) as other:
        result = await run(catalog, dataset, other, only="refused", concurrency=1)
    assert (result.failed, result.refused, result.pending) == (1, 1, 0)


async def test_a_picture_taken_again_on_another_model_stays_until_the_catalog_names_one(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS[:2]), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    await run(catalog, dataset, sandbox, again=True, rows=("fine",), model="flux-2-pro")
    before = charges_so_far(sandbox)

    async def made() -> tuple[str, int]:
        await run(catalog, dataset, sandbox)
        return next((row["model"], row["take"]) for row in current_rows(dataset) if row["row_id"] == "fine")

    assert await made() == ("flux-2-pro", 2)
    write_catalog(catalog, [{**ROWS[0], "model": "flux-2-pro"}, ROWS[1]])
    assert await made() == ("flux-2-pro", 2)
    assert charged(sandbox, before) == []
    write_catalog(catalog, [{**ROWS[0], "model": "dall-e-3"}, ROWS[1]])
    assert await made() == ("dall-e-3", 1)


async def test_a_model_for_every_row_raises_takes_on_that_model_only(tmp_path: Path, sandbox: SandboxProcess) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS[:2]), tmp_path / "ds"
    await run(catalog, dataset, sandbox)
    await run(catalog, dataset, sandbox, again=True, model="flux-2-pro")
    before = charges_so_far(sandbox)
    await run(catalog, dataset, sandbox)
    assert takes(dataset) == {"fine": (1, "succeeded"), "other": (1, "succeeded")}
    await run(catalog, dataset, sandbox, model="flux-2-pro")
    assert takes(dataset) == {"fine": (2, "succeeded"), "other": (2, "succeeded")}
    assert charged(sandbox, before) == []
