"""A finished dataset answers "nothing to do" quickly, in little memory, without a call and without a server."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.sandbox.process import SandboxProcess
from tests.faults.finished import build_finished
from tests.faults.nursery import ROOT

CPU_S, RSS_MB = 10.0, 500.0
MEASURED = """
import sys, time
from deployments.cli.main import main
code = main(sys.argv[1:])
# not ru_maxrss, which a child takes over from the process that started it
largest_kb = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print("USED", time.process_time(), int(largest_kb) / 1024, "prefect" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("rows", [300, pytest.param(100_000, marks=pytest.mark.slow)])
async def test_a_finished_dataset_has_nothing_to_do_and_says_so_cheaply(
    rows: int, gateway: SandboxProcess, tmp_path: Path, figures: Callable[..., None]
) -> None:
    catalog, dataset = tmp_path / "c.csv", tmp_path / "ds"
    with catalog.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "prompt", "model", "size", "tag:night"])
        writer.writerows((f"r{i}", f"lighthouse number {i} by the sea", "dall-e-2", "256x256", i) for i in range(rows))
    await build_finished(catalog, dataset, tmp_path / "spool")
    said = run_command(catalog, dataset, gateway, tmp_path)
    result = json.loads(said.stdout.splitlines()[-1])
    cpu_s, rss_mb, prefect = said.stderr.split("USED ")[1].split()
    figures(f"resume of {rows:,} finished rows", cpu_s=float(cpu_s), max_rss_mb=float(rss_mb), exit=said.returncode)
    assert said.returncode == 0, said.stderr
    assert (result["rows"], result["reused"], result["succeeded"]) == (rows, rows, rows)
    assert gateway.log("/v1/images") == []
    assert prefect == "False"
    assert not (tmp_path / "prefect").exists(), "a Prefect server was started"
    assert float(cpu_s) <= CPU_S
    assert float(rss_mb) <= RSS_MB


async def test_one_new_row_is_not_nothing(gateway: SandboxProcess, tmp_path: Path) -> None:
    """The control: the same command sees what is missing."""
    catalog, dataset = tmp_path / "c.csv", tmp_path / "ds"
    catalog.write_text("id,prompt,model,size\nr0,a lighthouse,dall-e-2,256x256\n")
    await build_finished(catalog, dataset, tmp_path / "spool")
    catalog.write_text("id,prompt,model,size\nr0,a lighthouse,dall-e-2,256x256\nr1,another,dall-e-2,256x256\n")
    said = run_command(catalog, dataset, gateway, tmp_path, verb="plan", yes=False)
    assert json.loads(said.stdout.splitlines()[-1])["new"] == 1


def run_command(
    catalog: Path, dataset: Path, gateway: SandboxProcess, tmp_path: Path, *, verb: str = "run", yes: bool = True
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, which tells on stderr what it has used."""
    more = ["--yes"] if yes else []
    return subprocess.run(
        [sys.executable, "-c", MEASURED, verb, str(catalog), "--dataset", str(dataset), "--json", *more],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(tmp_path / "prefect"),
             "PRINTROOM_PROVIDER": "sandbox", "PRINTROOM_BASE_URL": gateway.base_url},
    )  # fmt: skip
