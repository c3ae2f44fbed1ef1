"""The usage flow on a real Prefect server: a page, tables, and figures with charts on the run's page."""

import os
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.support.prefect_server import ROOT, PrefectServer
from tests.support.runs import run, write_catalog

pytestmark = pytest.mark.server

PROGRAM = """
import asyncio, sys
from datetime import date
from flows.usage_report import usage_report
state = asyncio.run(usage_report(sys.argv[2:], to=sys.argv[1], since=date(2020, 1, 1), return_state=True))
print(state.name, state.message)
"""
MODELS = ("dall-e-2", "flux-kontext-pro", "gpt-image-1")


async def test_the_flow_shows_what_datasets_used_and_writes_it_for_bi_tools(
    server: PrefectServer, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    rows = [{"id": model, "prompt": f"a door, {model}", "model": model} for model in MODELS]
    sets = [str(tmp_path / name) for name in ("spring", "summer")]
    for uri in sets:
        await run(write_catalog(tmp_path / "c.csv", rows), uri, sandbox)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "both-seasons"), *sets], cwd=ROOT, text=True, check=False,
        capture_output=True, timeout=120, env={**os.environ, **server.environment, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.startswith("Completed"), done.stderr
    assert {path.suffix for path in (tmp_path / "both-seasons/report/usage").iterdir()} == {".parquet", ".csv"}
    with server.client() as client:
        asked = {"artifacts": {"key": {"like_": "both-seasons-usage"}}, "limit": 10}
        found = {each["key"]: each for each in client.post("/artifacts/filter", json=asked).json()}
        named = client.post(
            "/flow_runs/filter", json={"flow_runs": {"name": {"any_": [f"usage of {', '.join(sets)}"]}}}
        )
    assert len(named.json()) == 1
    shown = found["both-seasons-usage"]["data"]
    assert f"`{sets[0]}`" in shown
    charts = re.findall(r"!\[(.*?)\]\(data:image/png;base64,(\S+)\)", shown)
    assert {"Cost by model", "How results ended"} <= {title for title, _ in charts}
    assert all(b64decode(body).startswith(b"\x89PNG") for _, body in charts)
    assert "flux-kontext-pro" in found["both-seasons-usage-by-model"]["data"]
