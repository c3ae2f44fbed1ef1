"""Rows that a run takes out of what is current are announced by its plan."""

from pathlib import Path

from deployments.sandbox.process import SandboxProcess
from tasks.engine.running.session import forget
from tasks.engine.showing.plan_digest import plan_markdown
from tests.support.runs import current_rows, run, session_for, write_catalog

ROWS = [{"id": i, "prompt": f"a lake {i}", "model": "dall-e-2"} for i in "abcd"]


async def leaving(catalog: Path, dataset: Path, sandbox: SandboxProcess) -> str:
    session = session_for(catalog, dataset, sandbox)
    try:
        plan = await session.make_plan()
        said = plan.summary.leaving()
        assert (said in plan_markdown(plan)) is True
        return said
    finally:
        forget(session.run_id)


async def test_a_plan_says_how_many_rows_are_no_longer_current_afterwards(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog, dataset = write_catalog(tmp_path / "c.csv", ROWS), tmp_path / "ds"
    assert await leaving(catalog, dataset, sandbox) == ""
    await run(catalog, dataset, sandbox)
    assert await leaving(catalog, dataset, sandbox) == ""

    write_catalog(catalog, [ROWS[0], {**ROWS[1], "prompt": "a river"}])
    gone = await leaving(catalog, dataset, sandbox)
    assert " 3 rows of the dataset " in gone
    assert gone.endswith(": 2 no longer in the catalog, 1 asked for differently")
    await run(catalog, dataset, sandbox)
    assert [row["row_id"] for row in current_rows(dataset)] == ["a", "b"]
    assert await leaving(catalog, dataset, sandbox) == ""

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = write_catalog(elsewhere / "c.csv", [{"id": "x", "prompt": "a moor", "model": "dall-e-2"}])
    gone = await leaving(other, dataset, sandbox)
    assert gone.endswith(" 2 rows of the dataset out of what is current: 2 no longer in the catalog")
