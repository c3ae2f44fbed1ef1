"""What a quick command must not load, and that it ends with the code it means."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.runs import write_catalog

ROOT = Path(__file__).parents[3]
SLOW = ("prefect", "pandas", "pyarrow", "numpy", "aiohttp", "httpx", "boto3", "obstore", "PIL", "rapidocr", "pydantic",
        "matplotlib")  # fmt: skip
RUN = """
import sys
from deployments.cli.main import main
try:
    main(sys.argv[2:])
finally:
    print(*(name for name in sys.argv[1].split(",") if name in sys.modules), file=sys.stderr)
"""


def loaded(words: list[str]) -> list[str]:
    """Which of the slow libraries a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, ",".join((*SLOW, "argparse")), *words],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stderr.splitlines()[-1].split()


QUICK = (
    "--help",
    "plan --help",
    "run --help",
    "sandbox --help",
    "models",
    "models --cost 10",
    "status --dataset /none",
)


@pytest.mark.parametrize("words", QUICK)
def test_a_quick_command_loads_no_slow_library(words: str) -> None:
    assert loaded(words.split()) == ["argparse"]


def test_a_slow_library_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("prompt,model\na hill,dall-e-3\n")
    assert "aiohttp" in loaded(["plan", str(tmp_path / "c.csv"), "--dataset", str(tmp_path / "ds")])


def test_a_store_out_of_reach_ends_with_exit_code_2_and_not_with_an_abort() -> None:
    environment = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    command = [sys.executable, "-m", "deployments.cli.main", "status", "--dataset", "s3://bucket/x"]
    done = [
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, timeout=60, check=False
        )
        for _ in range(3)
    ]
    assert [(one.returncode, b"AWS_ENDPOINT_URL_S3" in one.stderr) for one in done] == [(2, True)] * 3


@pytest.mark.slow  # Prefect's import
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_interrupted_while_prefect_starts_says_how_its_catalog_stands(
    number: signal.Signals, tmp_path: Path, sandbox: SandboxProcess
) -> None:
    catalog = write_catalog(tmp_path / "c.csv", [{"id": "a", "prompt": "a hill", "model": "dall-e-2"}])
    words = ["run", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", "sandbox", "--yes", "--json"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        child = subprocess.Popen(
            [sys.executable, "-m", "deployments.cli.main", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE,
            env={**os.environ, "PRINTROOM_BASE_URL": sandbox.base_url, "PREFECT_API_URL": address},
        )  # fmt: skip
        with silent.accept()[0]:
            child.send_signal(number)
            out, _ = child.communicate(timeout=60)
    assert (child.returncode, json.loads(out.splitlines()[-1])["pending"]) == (130, 1)
