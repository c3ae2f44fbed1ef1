"""How soon: the CPU from ``printroom run`` to its first paid call, and that of the commands that call nothing."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from deployments.sandbox.process import ROOT, SandboxProcess
from tests.benchmarks.catalogs import write_csv
from tests.benchmarks.finding import Finding
from tests.benchmarks.measuring import cpu_of_tree_s
from tests.support.prefect_server import prefect_server

PRINTROOM = (sys.executable, "-m", "deployments.cli.main")
LOOK_EVERY_S = 0.02
GIVE_UP_S = 300


def findings(folder: Path, *, scale: float = 1) -> Iterator[Finding]:
    rounds = max(1, round(3 * scale))
    catalog = write_csv(folder / "ten.csv", 10, model="dall-e-2", size="256x256")
    with SandboxProcess("--picture-bytes", "2000", latency_scale=0) as gateway:
        own = _environment(folder, gateway)
        (home := folder / "server").mkdir(exist_ok=True)
        with prefect_server(home) as server:
            spent = [
                _first_call(gateway, catalog, folder / f"run-{n}", own | server.environment) for n in range(rounds)
            ]
        yield Finding(
            what="cold start to the first paid call, Prefect server running: CPU", value=median(spent), unit="CPU-s",
            bar=6, goal=4, note="process tree of printroom run, 10 rows",
        )  # fmt: skip
        homes = [{"PREFECT_HOME": str(folder / f"home-{n}")} for n in range(rounds)]
        spent = [_first_call(gateway, catalog, folder / f"own-{n}", own | home) for n, home in enumerate(homes)]
        yield Finding(
            what="the same with the embedded server, no database yet: CPU", value=median(spent), unit="CPU-s", bar=22,
            goal=16,
        )  # fmt: skip
        for words in (("--help",), ("models",), ("status", "--dataset", str(folder / "run-0"))):
            value = min(_cpu_of(words, own) for _ in range(3))
            yield Finding(what=f"printroom {words[0]}: CPU", value=value, unit="CPU-s", bar=0.5, goal=0.2)


def _environment(folder: Path, gateway: SandboxProcess) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PRINTROOM_"))}
    return kept | {
        "PRINTROOM_BASE_URL": gateway.base_url, "PRINTROOM_PROVIDER": "sandbox",
        "PRINTROOM_SPOOL": str(folder / "spool"), "PREFECT_HOME": str(folder / "home"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        "PRINTROOM_ALLOW_HOSTS": "127.0.0.1",
    }  # fmt: skip


def _first_call(gateway: SandboxProcess, catalog: Path, dataset: Path, environment: Mapping[str, str]) -> float:
    """CPU seconds of the whole process tree when the gateway has been asked for the first picture."""
    gateway.reset()
    command = [*PRINTROOM, "run", str(catalog), "--dataset", str(dataset), "--provider", "sandbox", "--yes"]
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    give_up_at = time.monotonic() + GIVE_UP_S
    while not (gateway.health()["charges"] or gateway.health()["in_hand"]):
        if child.poll() is not None or time.monotonic() > give_up_at:
            child.kill()
            raise SystemExit(f"no paid call was made:\n{child.communicate()[0].decode()[-2000:]}")
        time.sleep(LOOK_EVERY_S)
    spent_s = cpu_of_tree_s(child.pid)
    said = child.communicate(timeout=GIVE_UP_S)[0].decode()
    if child.returncode:
        raise SystemExit(f"the run ended with {child.returncode}:\n{said[-2000:]}")
    return spent_s


def _cpu_of(words: tuple[str, ...], environment: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*PRINTROOM, *words], cwd=ROOT, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
