"""Workflows call verbs, lock files are whole and in step, dependencies have reasons, nothing runs what it reads."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deployments.locks import both_ways

ROOT = Path(__file__).parents[1]
ROOMS = ("catalogs", "flows", "tasks", "deployments")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-chores.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
COME_WITH_OTHERS = {"botocore", "yarl"}  # the types of boto3's and aiohttp's interfaces
NOT_IMPORTED = {"fastapi", "sqlalchemy", "onnxruntime", "manimgx-fonts-cjk"}  # caps, what another package runs on, data


# --- workflows and hooks ---------------------------------------------------------------------------------------------


def verbs() -> set[str]:
    """What the Makefile can do."""
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)) | {"setup-test"}


def commands(job: Mapping[str, Any]) -> Iterator[str]:
    """The job's commands, once for each cell of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for step in job["steps"]:
        if "run" in step:
            found = re.search(r"\$\{\{ matrix\.(\w+) \}\}", step["run"])
            values = matrix[found[1]] if found else [""]
            yield from (step["run"].replace(found[0], str(value)) if found else step["run"] for value in values)


def jobs(workflow: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(workflow.read_text())["jobs"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_verbs_of_the_makefile_and_nothing_else(workflow: Path) -> None:
    ran = [command for job in jobs(workflow).values() for command in commands(job)]
    assert ran
    assert [command for command in ran if command.split() != ["make", command.split()[-1]]] == []
    assert {command.split()[1] for command in ran} <= verbs()


def test_the_workflows_together_check_test_and_run_what_is_long() -> None:
    ran = {command for workflow in WORKFLOWS for job in jobs(workflow).values() for command in commands(job)}
    wanted = {f"make {verb}" for verb in ("check", "test", "demo", "coverage", "faults", "mutants", "audit")}
    assert wanted <= ran


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_a_workflow_may_only_read(workflow: Path) -> None:
    text = workflow.read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 120 for job in jobs(workflow).values())


def test_hooks_fetch_nothing_and_call_verbs() -> None:
    [repo] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    assert {hook["entry"].removeprefix("make ") for hook in repo["hooks"]} <= verbs()


# --- lock files ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Locked:
    """One line of a lock file."""

    name: str
    extras: frozenset[str]
    version: Version
    marker: str
    hashes: int


def locked(name: str) -> list[Locked]:
    """Every package of a lock file; one that differs by Python version stands there twice."""
    found = []
    for block in re.split(r"\n(?=\S)", (ROOT / name).read_text()):
        line = Requirement(block.partition("\\")[0].strip())
        [pin] = line.specifier
        assert pin.operator == "=="
        hashes = len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block))
        found.append(
            Locked(canonicalize_name(line.name), frozenset(line.extras), Version(pin.version), str(line.marker), hashes)
        )
    return found


def asked_for(*groups: str) -> list[Requirement]:
    """What pyproject.toml asks for: its own dependencies, and those of the groups."""
    own = PROJECT["project"]["dependencies"] if "chores" not in groups else []
    return [Requirement(text) for text in (*own, *(each for g in groups for each in PROJECT["dependency-groups"][g]))]


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_its_hashes_and_no_index_is_named(name: str) -> None:
    assert [each.name for each in locked(name) if each.hashes == 0] == []
    assert len(locked(name)) > 20
    assert "://" not in (ROOT / name).read_text()


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("requirements.lock", ["build"]),
        ("requirements-test.lock", ["build", "test", "check"]),
        ("requirements-chores.lock", ["chores"]),
    ],
)
def test_a_lock_file_has_what_pyproject_asks_for_and_otherwise_make_lock_was_forgotten(
    name: str, groups: list[str]
) -> None:
    versions: dict[str, list[Version]] = {}
    for each in locked(name):
        versions.setdefault(each.name, []).append(each.version)
    for wanted in asked_for(*groups):
        found = versions.get(canonicalize_name(wanted.name), [])
        assert found, f"{wanted.name} is missing: run make lock"
        assert all(wanted.specifier.contains(version) for version in found), f"{wanted}: run make lock"


def test_the_lock_files_agree() -> None:
    run, test, chores = (
        {(each.name, each.marker): each.version for each in locked(name)} for name in LOCKS
    )  # fmt: skip
    assert {key: test.get(key) for key in run} == run
    assert {key: version for key, version in chores.items() if key in test and test[key] != version} == {}


def missing_extras(lines: list[Locked], requires: Mapping[str, list[str]]) -> list[str]:
    """What locked packages ask of others with extras that the lock does not name.

    pip takes a requirement with extras that is not locked so for a new one, looks for its newest version, and then
    refuses that for want of a hash: an installation that worked breaks on the day a newer version appears.
    """
    extras: dict[str, frozenset[str]] = {}
    for each in lines:
        extras[each.name] = extras.get(each.name, frozenset()) | each.extras
    missing = []
    for each in lines:
        for text in requires.get(each.name, []):
            wanted, name = Requirement(text), canonicalize_name(Requirement(text).name)
            environments = [{**default_environment(), "extra": extra} for extra in ("", *each.extras)]
            if wanted.marker and not any(wanted.marker.evaluate(env) for env in environments):
                continue
            if name in extras and not wanted.extras <= extras[name]:
                missing.append(f"{each.name} asks for {name}[{','.join(sorted(wanted.extras))}]")
    return missing


def installed() -> dict[str, list[str]]:
    """What each installed package asks for."""
    return {canonicalize_name(dist.name): dist.requires or [] for dist in importlib.metadata.distributions()}


@pytest.mark.parametrize("name", LOCKS[:2])
def test_what_is_asked_for_with_extras_is_locked_with_them(name: str) -> None:
    requires = installed()
    assert any(Requirement(text).extras for texts in requires.values() for text in texts)
    assert missing_extras(locked(name), requires) == []


def test_a_lock_without_its_extras_would_be_noticed() -> None:
    bare = [Locked(each.name, frozenset(), each.version, each.marker, each.hashes) for each in locked(LOCKS[1])]
    found = missing_extras(bare, installed())
    assert "pytest-cov asks for coverage[toml]" in found
    assert "prefect asks for httpx[http2]" in found


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_locked_with_extras_stands_there_without_them_too_and_first(name: str) -> None:
    lines = [(each.name, each.version, each.hashes, each.extras) for each in locked(name)]
    with_extras = [line for line in lines if line[3]]
    assert with_extras
    assert all(lines.index((*line[:3], frozenset())) < lines.index(line) for line in with_extras)


def test_a_lock_file_is_completed_once() -> None:
    text = "a[x]==1 \\\n    --hash=sha256:00\nb==2 ; marker\n"
    whole = "a==1 \\\n    --hash=sha256:00\n" + text
    assert both_ways(text) == both_ways(whole) == whole


# --- dependencies ----------------------------------------------------------------------------------------------------


def table(title: str) -> list[list[str]]:
    """The rows of the table under a heading of docs/dependencies.md, as cells."""
    text = DEPENDENCIES.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def imports() -> set[str]:
    """The distributions that the rooms import."""
    names: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names.add(node.module.partition(".")[0])
    ours = names - set(sys.stdlib_module_names) - set(ROOMS) - {"_typeshed"}
    known = importlib.metadata.packages_distributions()
    return {canonicalize_name(known[name][0]) for name in ours}


def test_every_dependency_has_a_reason_a_role_and_an_end() -> None:
    listed = {row[0].strip("`"): row for row in table("Run time")}
    assert set(listed) == {canonicalize_name(wanted.name) for wanted in asked_for()}
    assert all(len(row) == 4 and all(row) for row in listed.values())


def test_every_package_of_a_group_is_listed() -> None:
    listed: dict[str, set[str]] = {}
    for group, packages, _ in table("Build, tests, checks, chores"):
        listed.setdefault(group.strip("`"), set()).update(re.findall(r"`([^`]+)`", packages))
    groups = {g: {Requirement(text).name for text in texts} for g, texts in PROJECT["dependency-groups"].items()}
    assert listed == groups


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    declared = {canonicalize_name(wanted.name) for wanted in asked_for()}
    assert imports() - declared == COME_WITH_OTHERS
    assert declared - imports() == NOT_IMPORTED


def test_nothing_locked_is_below_its_floor() -> None:
    floors = {row[0].strip("`"): Version(row[1]) for row in table("Floors")}
    for name in LOCKS:
        below = [each for each in locked(name) if each.name in floors and each.version < floors[each.name]]
        assert below == []
    stated = [*asked_for(), *map(Requirement, PROJECT["tool"]["uv"]["constraint-dependencies"])]
    lowest = {canonicalize_name(each.name): [Version(s.version) for s in each.specifier if s.operator == ">="]
              for each in stated}  # fmt: skip
    assert {name: max(lowest[name]) for name in floors} == floors, "pyproject.toml and docs/dependencies.md differ"


# --- code ------------------------------------------------------------------------------------------------------------

UNSAFE_IMPORTS = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "os.system", "os.popen", "pd.read_pickle"}


def unsafe(source: str) -> list[str]:
    """What in a module could run code that is not ours."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = {alias.name.partition(".")[0] for alias in node.names} | {module.partition(".")[0]}
            found += sorted(names & UNSAFE_IMPORTS)
        if isinstance(node, ast.Call):
            found += [name for name in [ast.unparse(node.func)] if name in UNSAFE_CALLS]
            found += ["shell" for word in node.keywords if word.arg == "shell"]
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_can_be_made_to_run_what_it_reads(room: str) -> None:
    paths = sorted((ROOT / room).rglob("*.py"))
    assert paths
    assert {str(path): unsafe(path.read_text(encoding="utf-8")) for path in paths} == {str(path): [] for path in paths}


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from marshal import loads", "import yaml\nyaml.load(text)", "eval(text)",
     "subprocess.run(text, shell=True)"],
)  # fmt: skip
def test_what_is_unsafe_would_be_noticed(source: str) -> None:
    assert len(unsafe(source)) == 1
