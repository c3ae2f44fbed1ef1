"""Wrong use of the command line: one clear line, exit code 2, nothing sent. One row per mistake."""

import asyncio
import json
from importlib.metadata import version
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.cli.arguments import options_from
from deployments.cli.main import EXIT_CODES, VERBS, main, verb_parser
from deployments.cli.run import cut_short
from deployments.sandbox.process import SandboxProcess
from tasks.engine.options import form_of, options_of
from tasks.engine.running.session import forget
from tasks.journal.errors import JournalProblem
from tasks.settings import read_settings
from tests.support.connects import recorded_connects
from tests.support.moto import S3Server
from tests.support.runs import run, session_for, write_catalog

PROVIDER = {"pla": ["--provider", "sandbox"], "run": ["--provider", "sandbox"]}
PLAN = ["plan", "{good}", "--dataset", "{ds}"]
MISTAKES = {
    "no verb": ([], ["usage: printroom VERB", "exit codes", "--provider sandbox"]),
    "verb": (["runn"], ["unknown verb 'runn'", "did you mean 'run'?"]),
    "no arguments": (["run"], ["required: CATALOG, --dataset", "printroom run --help"]),
    "option": ([*PLAN, "--max-spent", "3"], ["unknown option '--max-spent'", "did you mean '--max-spend'?"]),
    "abbreviation": ([*PLAN, "--max", "3"], ["unknown option '--max'"]),
    "extra word": (["status", "{ds}", "--dataset", "{ds}"], ["unknown argument"]),
    "no key": (
        ["run", "{good}", "--dataset", "{ds}"],
        ["set APIYI_API_KEY", "--provider sandbox"],
    ),
    "no key for openai": (["run", "{good}", "--dataset", "{ds}", "--provider", "openai"], ["set OPENAI_API_KEY"]),
    "provider": ([*PLAN, "--provider", "apiyy"], ["unknown provider 'apiyy'", "did you mean 'apiyi'?"]),
    "model": ([*PLAN, "--model", "sora_imag"], ["'sora_imag'", "did you mean 'sora_image'?"]),
    "money with an exponent": ([*PLAN, "--max-spend", "1e5"], ["--max-spend: '1e5' is not an amount in USD"]),
    "negative money": ([*PLAN, "--max-spend=-1"], ["--max-spend: '-1' is not an amount"]),
    "too fine money": ([*PLAN, "--approve-above", "0.0000001"], ["--approve-above", "finer than a micro-dollar"]),
    "rpm without model": ([*PLAN, "--rpm", "10"], ["--rpm: '10' is not MODEL=NUMBER"]),
    "negative rpm": ([*PLAN, "--rpm", "dall-e-3=-3"], ["--rpm: '-3' for dall-e-3 is not a number above 0"]),
    "rpm that is no number": ([*PLAN, "--rpm", "dall-e-3=nan"], ["--rpm: 'nan' for dall-e-3"]),
    "rpm of an unknown model": ([*PLAN, "--rpm", "dalle-3x=3"], ["unknown model 'dalle-3x'"]),
    "price": ([*PLAN, "--price", "dall-e-3=cheap"], ["--price: 'cheap' is not an amount"]),
    "reader": ([*PLAN, "--ocr", "gpt4-o"], ["--ocr: unknown model 'gpt4-o'", "did you mean 'gpt-4o'?"]),
    "no rows": ([*PLAN, "--rows", " , "], ["--rows: ' , ' names nothing"]),
    "no model": ([*PLAN, "--model", ""], ["--model: '' is not a name"]),
    "catalog name for a terminal": (
        [*PLAN, "--catalog-name", "a\x1b[31m"],
        ["--catalog-name: 'a\\x1b[31m' is not a name"],
    ),
    "dataset of spaces": (["plan", "{good}", "--dataset", " "], ["--dataset: ' ' names no place"]),
    "limit": ([*PLAN, "--limit", "x"], ["--limit: 'x' is not a whole number of 0 or more"]),
    "concurrency": ([*PLAN, "--concurrency", "0"], ["--concurrency: '0' is not a whole number of 1 or more"]),
    "grace": ([*PLAN, "--grace", "nan"], ["--grace: 'nan' is not a number of seconds"]),
    "only": ([*PLAN, "--only", "all"], ["--only: 'all' is none of", "all-but-succeeded"]),
    "many": (
        [*PLAN, "--only", "faild", "--limit", "x", "--max-spend", "much", "--rpm", "q=1", "--fast"],
        [
            "did you mean 'failed'?",
            "--limit: 'x'",
            "--max-spend: 'much'",
            "--rpm: unknown model 'q'",
            "option '--fast'",
        ],
    ),
    "value and missing argument": (["run", "--limit", "x"], ["--limit: 'x'", "required: CATALOG, --dataset"]),
    "row": ([*PLAN, "--rows", "harbour"], ["good.csv, column id: found no row 'harbour'; --rows takes ids of rows"]),
    "no catalog": (["plan", "{ds}/none.csv", "--dataset", "{ds}"], ["none.csv: found No such file", "1 problem;"]),
    "no catalog beside a wrong one": (
        ["plan", "{ds}/none.csv", "{column}", "--dataset", "{ds}"],
        ["none.csv: found No such file", "column promt", "2 problems;"],
    ),
    "catalog is a folder": (["plan", "{folder}", "--dataset", "{ds}"], ["Is a directory"]),
    "catalog twice": (["plan", "{good}", "{good}", "--dataset", "{ds}"], ["'good' twice", "--catalog-name"]),
    "column": (["plan", "{column}", "--dataset", "{ds}"], ["column promt", "tag:promt", "did you mean 'prompt'?"]),
    "dataset is a file": (["plan", "{good}", "--dataset", "{good}"], ["is a file; a dataset is a folder"]),
    "dataset elsewhere": (["plan", "{good}", "--dataset", "gs://x/y"], ["cannot open 'gs://x/y'", "s3://bucket"]),
    "dataset with a nameless folder": (["plan", "{good}", "--dataset", "s3://b/x//y"], ["'s3://b/x//y' cannot hold"]),
    "rule on the commit": ([*PLAN, "--accept", "manifest_commit > 0"], ["no column 'manifest_commit'"]),
    "S3 without credentials": (["plan", "{good}", "--dataset", "s3://b/x"], ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"]),
    "status of nothing": (["status", "--dataset", "{ds}"], ["{ds}: there is no dataset here yet", "printroom run"]),
    "verify of nothing": (["verify", "--dataset", "{ds}"], ["{ds}: there is no dataset here yet"]),
    "cost of nothing": (["models", "--cost", "0"], ["--cost: '0' is not a whole number of 1 or more"]),
    "scenario": (["sandbox", "--scenario", "nope"], ["no scenario is called 'nope'", "--list-scenarios"]),
}


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    (tmp_path / "good.csv").write_text("prompt,model\na hill,dall-e-3\n")
    (tmp_path / "column.csv").write_text("promt,model\na hill,dall-e-3\n")
    return {
        "good": tmp_path / "good.csv", "column": tmp_path / "column.csv", "folder": tmp_path, "ds": tmp_path / "ds",
    }  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_in_one_line_exits_2_and_sends_nothing(
    mistake: str, places: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words, expected = MISTAKES[mistake]
    with recorded_connects() as connects:
        code = main([word.format(**places) for word in words])
    said = capsys.readouterr()
    assert code == 2
    assert [text for text in expected if text.format(**places) not in said.err] == []
    assert "Traceback" not in said.err
    assert said.out == ""
    assert connects == []
    assert not places["ds"].exists()


@pytest.mark.parametrize("mistake", ["option", "no key", "provider", "no catalog", "column", "dataset is a file"])
def test_with_json_the_last_line_of_a_mistake_is_an_object_of_problems(
    mistake: str, places: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words, _ = MISTAKES[mistake]
    assert main([*(word.format(**places) for word in words), "--json"]) == 2
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(found) == ["problems"]
    assert all(problem["found"] for problem in found["problems"])


def test_a_base_url_that_is_none_is_named_by_its_variable(
    places: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", "gateway.example")
    assert main([word.format(**places) for word in PLAN]) == 2
    assert "PRINTROOM_BASE_URL: the base URL must look like" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["gateway.example", "192.0.2.7:8399", "localhost.example", "[2001:db8::1]"])
def test_a_rehearsal_goes_to_no_other_machine(
    host: str, places: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", f"https://{host}/v1")
    monkeypatch.setenv("PRINTROOM_API_KEY", "sk-of-another-gateway")
    with recorded_connects() as connects:
        assert main(["run", str(places["good"]), "--dataset", str(places["ds"]), *PROVIDER["run"], "--yes"]) == 2
    said = capsys.readouterr().err
    assert ("is not this machine" in said, "PRINTROOM_ALLOW_HOSTS" in said, said.count("\n")) == (True, True, 1)
    assert connects == []


@pytest.mark.parametrize("host", ["127.0.0.1:8399", "127.0.0.2", "localhost:1", "[::1]:8399", "Sandbox:8399"])
def test_a_rehearsal_goes_to_this_machine_and_to_hosts_that_are_allowed(host: str) -> None:
    named = {"PRINTROOM_BASE_URL": f"http://{host}", "PRINTROOM_ALLOW_HOSTS": "example.org, sandbox"}
    assert read_settings("sandbox", named).provider.base_url == f"http://{host}/v1"


def test_a_key_that_cannot_be_sent_is_refused_in_one_line_that_does_not_show_it(
    places: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRINTROOM_API_KEY", "sk-42…")
    assert main(["run", str(places["good"]), "--dataset", str(places["ds"]), "--yes"]) == 2
    said = capsys.readouterr().err
    assert ("cannot be sent" in said, "sk-42" in said, said.count("\n")) == (True, False, 1)


def test_a_prefect_server_that_does_not_answer_is_named_in_one_line_before_anything_is_sent(
    places: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PRINTROOM_BASE_URL", "http://127.0.0.1:9/v1")
    words = ["run", str(places["good"]), "--dataset", str(places["ds"]), "--provider", "sandbox", "--yes", "--json"]
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(words) == 2
    [problem] = json.loads(capsys.readouterr().out.splitlines()[-1])["problems"]
    assert problem["found"].startswith("PREFECT_API_URL: no Prefect server answers at http://127.0.0.1:9/api")
    assert not places["ds"].exists()


def test_damage_that_shows_before_money_was_spent_is_no_result(
    places: dict[str, Path], sandbox: SandboxProcess
) -> None:
    session = session_for(places["good"], places["ds"], sandbox)
    with pytest.raises(JournalProblem):
        cut_short(session, JournalProblem("torn"))
    forget(session.run_id)


@pytest.mark.parametrize("verb", ["plan {good}", "run {good} --yes", "status", "verify"])
def test_a_bucket_that_is_not_there_is_said_at_once(
    verb: str,
    places: dict[str, Path],
    s3: S3Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", "http://127.0.0.1:9/v1")
    with s3.as_environment():
        words = [*verb.format(**places).split(), "--dataset", "s3://no-such-bucket/x", *PROVIDER.get(verb[:3], [])]
        assert main(words) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "s3://no-such-bucket/x: The specified bucket does not exist" in line]


def test_forty_problems_of_a_catalog_are_listed_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = tmp_path / "bad.csv"
    catalog.write_text("prompt,model,size\n" + "".join(f"hill {i},dall-e-3,{i}x{i}\n" for i in range(1, 41)))
    assert main(["plan", str(catalog), "--dataset", str(tmp_path / "ds"), "--json"]) == 2
    said = capsys.readouterr()
    assert "40 problems; nothing was spent" in said.err
    problems = json.loads(said.out)["problems"]
    assert [problem["row_number"] for problem in problems] == list(range(1, 41))
    assert {problem["column"] for problem in problems} == {"size"}


def test_what_is_right_is_not_taken_for_a_mistake(places: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*(word.format(**places) for word in PLAN), "--max-spend", "$1.80", "--rpm", "dall-e-3=5"]) == 0
    assert "1 new" in capsys.readouterr().out


def test_help_names_every_verb_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert [word for word in (*VERBS, *map(str, EXIT_CODES)) if word not in said] == []


def test_a_home_that_prefect_cannot_have_is_named_in_one_line_before_anything_is_sent(
    places: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "prefect"))
    monkeypatch.setenv("PRINTROOM_BASE_URL", "http://127.0.0.1:9/v1")
    words = ["run", str(places["good"]), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox", "--yes"]
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("name a folder in PREFECT_HOME")
    assert not (tmp_path / "ds").exists()


def test_many_retired_models_are_named_in_one_line_and_only_to_who_buys(
    tmp_path: Path, sandbox: SandboxProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ["dall-e-2", "gpt-4o-image", "sora_image", "gpt-image-1"]
    rows = [{"id": name, "model": name, "prompt": "a red door"} for name in old]
    catalog = write_catalog(tmp_path / "old.csv", rows)
    monkeypatch.setenv("PRINTROOM_BASE_URL", sandbox.base_url)
    words = ["plan", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox"]
    assert main(words) == 0
    [note] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note:")]
    assert all(name in note for name in old)
    asyncio.run(run(catalog, tmp_path / "ds", sandbox))
    assert main(words) == 0
    assert capsys.readouterr().err == ""


def test_the_version_is_told_without_a_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"printroom {version('printroom')}\n"


def test_a_home_in_a_datasets_name_is_spelled_out_wherever_it_is_asked_for() -> None:
    asked = options_from(verb_parser("run").parsed(["c.csv", "--dataset", "~/pictures"]))
    assert asked.dataset == str(Path.home() / "pictures")
    assert options_of({**form_of(asked), "dataset": "~/pictures"}).dataset == asked.dataset
    assert options_from(verb_parser("run").parsed(["c.csv", "--dataset", "s3://b/~x"])).dataset == "s3://b/~x"
