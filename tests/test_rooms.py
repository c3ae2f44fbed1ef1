"""House rules that follow from how Python and Prefect find code."""

import ast
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("catalogs", "flows", "tasks", "deployments")
FLOWS = sorted(path for path in (ROOT / "flows").glob("*.py") if path.name != "__init__.py")


def shipped() -> dict[str, str]:
    """Top-level names that installed distributions ship as packages or modules -> the distribution."""
    found = {}
    for distribution in distributions():
        for file in distribution.files or ():
            top = file.parts[0].removesuffix(".py")
            if top in (*ROOMS, "tests", "yarl") and str(file).endswith(".py"):
                found[top] = distribution.metadata["Name"]
    return found


def test_no_other_distribution_ships_a_room() -> None:
    found = shipped()
    assert found.pop("yarl") == "yarl", "the search itself works"
    assert {name for name in found if name in ROOMS and found[name] != "printroom"} == set()


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_a_flow_file_is_named_by_a_phrase(flow: Path) -> None:
    assert "_" in flow.stem
    assert flow.stem not in sys.stdlib_module_names
    assert flow.stem not in ROOMS


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_a_flow_file_has_no_class_and_no_relative_import(flow: Path) -> None:
    nodes = list(ast.walk(ast.parse(flow.read_text(encoding="utf-8"))))
    assert [node.name for node in nodes if isinstance(node, ast.ClassDef)] == []
    assert [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level] == []
    assert any(isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) for node in nodes)


INNER = (
    *("tasks/protocols", "tasks/storage", "tasks/journal", "tasks/manifest", "tasks/report", "tasks/engine"),
    *(
        f"tasks/engine/{room}"
        for room in ["planning", "shared", "buying", "running", "showing", "analysis", "exporting"]
    ),
)


@pytest.mark.parametrize("room", [*ROOMS, *INNER])
def test_a_room_has_a_sign_and_its_init_loads_nothing(room: str) -> None:
    tree = ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [line for line in imports if not line.startswith("from typing ")] == []


def test_every_folder_of_tests_is_a_package_or_import_tasks_would_find_tests() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists()) == []
