"""What the README and docs/ say is true: commands run against the sandbox, tables equal the code, links lead somewhere.

``printroom run`` is taken through its own option parser and then to ``execute``, the flow's steps without a Prefect
server; the flow itself is tried in tests/flows.
"""

import asyncio
import json
import os
import re
import shlex
import shutil
import uuid
from argparse import SUPPRESS
from collections.abc import Iterator, Sequence
from itertools import dropwhile
from pathlib import Path

import pytest

from catalogs.columns import COLUMNS
from catalogs.guide import GUIDE
from catalogs.models import MODELS
from catalogs.templates import styles, templates
from deployments import docs, docs_json, docs_words
from deployments.cli.arguments import options_from
from deployments.cli.main import VERBS, main, verb_parser
from deployments.cli.parsing import UsageMistake
from deployments.cli.preparing import settings_for
from deployments.sandbox.process import SandboxProcess
from tasks.engine.analysis.accepting import Acceptance, accept_rule
from tasks.engine.running.execute import execute
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import forget, new_session
from tasks.manifest.schema import CALL_COLUMNS as CALLS
from tasks.manifest.schema import COLUMNS as MANIFEST
from tasks.manifest.usage_export import header_names
from tasks.protocols import error_table
from tests.support.moto import S3Server
from tests.support.runs import current_rows

ROOT = Path(__file__).parents[1]
BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "deployments/README.md")
PAGES = [*(ROOT / name for name in BESIDE), *sorted((ROOT / "docs").rglob("*.md"))]
OWN_TESTS = {"analytics.md"}  # its blocks build on one another: tests/test_analytics.py
FOR_ENGINEERS = {"dependencies.md", "releasing.md", "mutation.md"}  # nothing in them is a user's command
TASK_PAGES = [
    page
    for page in PAGES
    if page.parent.name == "docs"
    and f"docs/{page.name}" not in docs.whole_pages()
    and page.name not in OWN_TESTS | FOR_ENGINEERS
]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RAN = {0, 3, 4}  # a page may show a run that its own budget stops


def fenced(page: Path, *languages: str) -> list[tuple[str, str]]:
    """The page's blocks in these languages: (language, text)."""
    return [(lang, text) for lang, text in FENCE.findall(page.read_text(encoding="utf-8")) if lang in languages]


def commands(text: str) -> list[list[str]]:
    """The words of each ``printroom`` command, comments and settings before it left out."""
    lines = (shlex.split(os.path.expandvars(line), comments=True) for line in text.splitlines())
    bare = (list(dropwhile(lambda word: "=" in word or word == "$", words)) for words in lines)
    return [words[1:] for words in bare if words[:1] == ["printroom"]]


def run_command(words: Sequence[str]) -> int:
    if words[0] != "run":
        try:
            return main(words)
        except SystemExit as end:  # argparse, after printing a list
            return int(end.code or 0)
    options = options_from(verb_parser("run").parsed(words[1:]))
    session = new_session(options, settings_for(options), str(uuid.uuid4()), say=lambda _: None)
    try:
        return asyncio.run(execute(session)).exit_code
    finally:
        forget(session.run_id)


@pytest.fixture
def workplace(tmp_path: Path, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, s3: S3Server) -> Iterator[Path]:
    """A folder with the README's catalog as prompts.csv, a bucket, and the sandbox as the gateway."""
    [(_, catalog)] = fenced(ROOT / "README.md", "csv")
    (tmp_path / "prompts.csv").write_text(catalog, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRINTROOM_PROVIDER", "sandbox")
    monkeypatch.setenv("PRINTROOM_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("BUCKET", "s3://" + s3.make_bucket(f"docs-{uuid.uuid4().hex[:8]}"))
    with s3.as_environment():
        yield tmp_path


@pytest.mark.parametrize("page", TASK_PAGES, ids=lambda page: page.stem)
def test_every_command_and_program_of_a_task_page_works(page: Path, workplace: Path) -> None:
    blocks = fenced(page, "sh", "python")
    assert blocks, "a task page shows how"
    for language, text in blocks:
        if language == "python":
            exec(compile(text, page.name, "exec"), {})
        else:
            assert commands(text), text
            assert {" ".join(words): run_command(words) in RAN for words in commands(text)} == {
                " ".join(words): True for words in commands(text)
            }
    if (workplace / "ds").exists():
        assert {row["outcome"] for row in current_rows(workplace / "ds")} == {"succeeded"}


def test_a_model_that_a_page_offers_for_refused_rows_can_make_those_of_its_catalog(workplace: Path) -> None:
    [(_, *rerun)] = [
        words
        for page in TASK_PAGES
        for _, text in fenced(page, "sh")
        for words in commands(text)
        if "--model" in words and "refused" in words
    ]
    rerun.remove("--only")
    rerun.remove("refused")
    assert run_command(["plan", *rerun]) == 0


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    with pytest.raises(UsageMistake, match=r"--max-spent.*--max-spend"):
        run_command(["run", "prompts.csv", "--dataset", "ds", "--max-spent", "3"])
    assert run_command(["runn"]) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_that_is_only_shown_has_verbs_and_options_that_exist(page: Path) -> None:
    for _, text in fenced(page, "text", "console"):
        for words in commands(text):
            assert words[0] in VERBS
            if words[0] != "sandbox":
                verb_parser(words[0]).parsed(words[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_make_target_that_a_page_names_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for _, text in fenced(page, "sh", "text", "console"):
        for line in text.splitlines():
            for found in re.findall(r"(?:^|&& )make ((?:[a-z-]+ ?)+)", line.partition("#")[0]):
                assert set(found.split()) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", docs.pages())
def test_what_is_generated_equals_the_code_and_otherwise_make_docs_was_forgotten(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == docs.pages()[name], "run make docs"


def test_every_decision_is_listed_once_under_its_number() -> None:
    pages = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\1-[\w-]+\.md)\)", (ROOT / "docs/decisions/README.md").read_text(), re.MULTILINE
    )
    assert [name for _, name in listed] == pages
    assert len({number for number, _ in listed}) == len(pages)


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            links = re.findall(r"\]\(([^)#:]+)", page.read_text(encoding="utf-8"))
            ahead += [(page.parent / link).resolve() for link in links]
    assert [page for page in PAGES if page not in seen] == []


def test_the_catalog_that_shows_edits_and_questions_is_bought_and_answered_whole(workplace: Path) -> None:
    [(_, catalog)] = fenced(ROOT / "docs/catalog.md", "csv")
    (workplace / "flowers.csv").write_text(catalog, encoding="utf-8")
    (workplace / "photos").mkdir()
    shutil.copy(ROOT / "catalogs/quickstart/vase.png", workplace / "photos")
    assert run_command(["run", "flowers.csv", "--dataset", "ds"]) == 0
    assert {row["row_id"]: row["operation"] for row in current_rows(workplace / "ds")} == {
        "vase": "generate",
        "tulips": "edit",
        "night": "edit",
        "count": "vision",
    }


def test_every_rule_on_the_page_about_judging_can_be_read() -> None:
    page = (ROOT / "docs/judge-and-refill.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.*?) \| ", page.partition("| write | for |")[2], re.MULTILINE)
    rules = [first or second for cell in cells[:-1] for first, second in re.findall(r"`` (.+?) ``|`([^`]+)`", cell)]
    assert len(rules) > 10
    assert [accept_rule(rule) is not None for rule in rules] == [True] * len(rules)


def test_every_header_that_a_bill_may_have_is_listed_on_the_page_about_bills() -> None:
    page = (ROOT / "docs/keep-a-budget.md").read_text(encoding="utf-8")
    assert [name for name, _ in header_names() if f"`{name}`" not in page] == []


def test_every_option_says_what_it_is_for() -> None:
    silent = [(verb, action.dest) for verb in VERBS for action in docs._parser(verb)._actions if not action.help]
    assert silent == []


def test_the_keys_listed_for_json_are_the_ones_that_each_verb_prints(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "bill.csv").write_text("time,model,usd\n2026-01-01,flux-2-pro,0.03\n")
    (workplace / "night.toml").write_text('[columns]\nmodel = "flux-2-pro"\n[axes]\nprompt = ["a", "b"]\n')
    assert run_command(["run", "prompts.csv", "--dataset", "ds"]) == 0
    result = RunResult(
        run_id="", dataset="", manifest="", rows=0, succeeded=0, reused=0, refused=0, failed=0, unknown=0, held=0,
        pending=0, acceptance=Acceptance(rule=""),
    )  # fmt: skip
    printed = {"run": set(result.as_dict())}
    for command in (
        "plan prompts.csv --dataset ds --compare", "status --dataset ds", "verify --dataset ds", "models",
        "models --cost 2", "expand night.toml -o night.csv", "reconcile bill.csv --dataset ds",
        "export --dataset ds --format csv --to out",
    ):  # fmt: skip
        verb = command.partition(" ")[0]
        assert main([*command.split(), "--json"]) == (verb == "reconcile")
        printed.setdefault(verb, set()).update(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert {verb: set(keys) for verb, keys in docs_json.KEYS.items()} == printed


def test_every_catalog_column_has_its_line() -> None:
    assert set(docs_words.COLUMNS) == set(COLUMNS)


def test_every_reason_that_a_rule_gives_is_explained() -> None:
    rules = [rule for rule in vars(error_table).values() if isinstance(rule, error_table.Rule)]
    assert len(rules) > 10
    assert {rule.reason for rule in rules} <= docs_words.REASONS.keys()


def test_the_generated_pages_leave_nothing_out() -> None:
    pages = docs.pages()
    rules = [name.lower() for name, rule in vars(error_table).items() if isinstance(rule, error_table.Rule)]
    told = {
        "docs/errors.md": [*(f"| `{rule}` |" for rule in rules), *(f"`{code}`" for code in error_table.CODES)],
        "docs/models.md": [f"## `{name}`" for name in MODELS],
        "docs/manifest.md": [f"| `{column.name}` |" for column in (*MANIFEST, *CALLS) if not column.internal],
        "docs/commands.md": [f"## `printroom {verb}`" for verb in VERBS],
        "docs/catalog.md": [
            *(f"| `auto:{word}` |" for word in GUIDE),
            *(f"`{name}`" for known in (*templates(), *styles()) for name in known.names),
        ],
    }
    for page, lines in told.items():
        assert len(lines) > 8
        assert [line for line in lines if line not in pages[page]] == []
    for verb in VERBS:
        section = pages["docs/commands.md"].partition(f"## `printroom {verb}`\n")[2].partition("\n## ")[0]
        options = [
            o for action in docs._parser(verb)._actions if action.help != SUPPRESS for o in action.option_strings
        ]
        assert [o for o in options if o not in section and o not in ("-h", "--help")] == []


def test_a_page_that_is_stale_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert docs.main(["--check"]) == 0
    monkeypatch.setattr(docs, "pages", lambda: {"docs/errors.md": "older"})
    assert docs.main(["--check"]) == 1
    assert "docs/errors.md: stale, run make docs" in capsys.readouterr().out


def test_every_variable_that_the_code_reads_is_documented() -> None:
    code = [
        path.read_text(encoding="utf-8") for room in ("tasks", "deployments") for path in (ROOT / room).rglob("*.py")
    ]
    read = set(re.findall(r"PRINTROOM_[A-Z_]*[A-Z]", "".join(code)))
    assert {"PRINTROOM_PROVIDER", "PRINTROOM_ALERT_BLOCK"} <= read
    assert read <= docs_words.ENVIRONMENT.keys()
