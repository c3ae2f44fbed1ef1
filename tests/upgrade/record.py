"""Write the dataset of one release, with every outcome in it, by that release's own command line.

``python tests/upgrade/record.py TO``, with the checkout of the release as working directory and on ``PYTHONPATH``: this
file is read from here, everything it calls from there. What a run is made to leave behind is listed at ``record``.
Only the command line and the sandbox's switches are used, so that the next release can be recorded by the same file.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deployments.sandbox.process import SandboxProcess

HERE = Path.cwd()
ANSWER_BYTES = 20_000  # a picture in base64; the spool of a run without an answer holds hardly anything
SMALL = {"model": "dall-e-2", "size": "256x256"}


def rows() -> list[dict[str, str]]:
    """The catalog ``night``: one row for each thing that can become of a row."""
    return [
        {"id": "plain", "prompt": "a red door", "tag:shelf": "A"},
        {"id": "pair", "prompt": "一扇蓝色的门", "n": "2", "tag:shelf": "B"},
        {"id": "edited", "prompt": "a hill"},
        {"id": "sign", "prompt": 'a sign that reads "OPEN"', "ocr": "true", "expected_text": "OPEN"},
        {"id": "rose", "operation": "edit", "prompt": "a rose", "images": "vase.png", "mask": "vase-mask.png"},
        {"id": "chained", "operation": "edit", "prompt": "at night", "images": "row:plain"},
        {"id": "asked", "operation": "vision", "model": "gpt-4o", "size": "", "vision": "ask",
         "prompt": "What is on the table?", "images": "vase.png"},
        {"id": "read", "operation": "vision", "model": "gpt-4o", "size": "", "vision": "ocr", "images": "row:sign"},
        {"id": "refused", "prompt": "nobody draws this [[scenario:content_policy]]"},
        {"id": "invalid", "prompt": "nothing fits [[scenario:size_not_supported]]"},
        {"id": "empty", "prompt": "an answer without a picture [[scenario:empty_data]]"},
        {"id": "stumbled", "prompt": "a gateway that stumbles"},
        {"id": "on-hold", "prompt": "a gateway that gives up", "tag:shelf": "C"},
        {"id": "exhausted", "prompt": "a gateway that gives up twice"},
        {"id": "cut", "prompt": "a call that outlasts the grace"},
        {"id": "killed", "prompt": "a call that outlives its run"},
        {"id": "spooled", "prompt": "an answer that its run could not record"},
        {"id": "left", "prompt": "a row that nobody came to"},
        {"id": "left-too", "operation": "edit", "prompt": "in winter", "images": "row:left"},
    ]  # fmt: skip


class Release:
    """The command line of the release in a folder of its own."""

    def __init__(self, folder: Path, sandbox: SandboxProcess) -> None:
        self.folder, self.sandbox = folder, sandbox
        self.environment = {
            **os.environ, "PYTHONPATH": str(HERE), "PRINTROOM_BASE_URL": sandbox.base_url,
            "PRINTROOM_SPOOL": str(folder / "spool"), "PREFECT_HOME": str(folder / "prefect"),
        }  # fmt: skip

    def catalog(self, name: str, wanted: Sequence[dict[str, str]]) -> None:
        """Write one catalog; an empty cell is a cell."""
        full = [{**SMALL, **row} for row in wanted]
        columns = list(dict.fromkeys(name for row in full for name in row))
        with (self.folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, columns)
            writer.writeheader()
            writer.writerows(full)

    def start(self, *words: str, catalog: str = "night") -> "subprocess.Popen[bytes]":
        """``printroom run`` as a process."""
        call = [sys.executable, "-m", "deployments.cli.main", "run", f"{catalog}.csv", "--dataset", "ds"]
        return subprocess.Popen(
            [*call, "--provider", "sandbox", "--yes", "--partitions", "2", *words],
            cwd=self.folder, env=self.environment,
        )  # fmt: skip

    def run(self, *words: str, code: int, catalog: str = "night") -> None:
        """A run to its end, which must be this one."""
        found = self.start(*words, catalog=catalog).wait()
        assert found == code, f"{words} ended with {found}, not {code}"

    @contextmanager
    def in_hand(self, *words: str, **change: object) -> Iterator["subprocess.Popen[bytes]"]:
        """A run whose paid call the gateway is working on; the gateway is its old self afterwards."""
        before = len(self.sandbox.bill()["charges"])
        self.sandbox.switch(**change)
        child = self.start(*words)
        until(lambda: len(self.sandbox.bill()["charges"]) > before or self.sandbox.health()["in_hand"] > 0)
        try:
            yield child
        finally:
            child.wait()
            self.sandbox.switch(scenarios=[], latency_scale=0)


def until(true: Callable[[], bool], timeout_s: float = 90) -> None:
    """Wait for the world."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def record(release: Release) -> None:
    """Runs that leave every outcome, an edited and a retaken row, a reused one, and what a crash leaves."""
    sandbox, whole = release.sandbox, rows()
    first = ",".join(row["id"] for row in whole[: [row["id"] for row in whole].index("stumbled")])
    release.catalog("night", whole)
    release.run("--rows", first, code=3)
    release.catalog("night", [{**row, "prompt": "a hill at dawn"} if row["id"] == "edited" else row for row in whole])
    release.run("--rows", "edited", code=3)
    release.run("--rows", "pair", "--again", code=3)
    release.catalog("other", [{"id": "same", "prompt": "a red door"}])
    release.run(catalog="other", code=0)
    release.run("--max-spend", "0.001", code=4)
    for scenario, row, more in (
        ("server_error", "stumbled,invalid", ()),
        ("cloudflare_524", "on-hold", ("--on-unknown", "hold")),
        ("cloudflare_524", "exhausted", ()),
    ):
        sandbox.switch(scenarios=[scenario])
        release.run("--rows", row, *more, code=3)
    with release.in_hand("--rows", "cut", "--grace", "0.5", scenarios=["hang"]) as child:
        child.send_signal(signal.SIGINT)
    with release.in_hand("--rows", "killed", scenarios=["hang"]) as child:
        child.kill()
    with release.in_hand("--rows", "spooled", scenarios=["b64"], latency_scale=0.2) as child:
        journal = release.folder / "ds" / "journal"
        journal.rename(release.folder / "away")
        journal.write_text("in the way")
        until(lambda: sum(path.stat().st_size for path in (release.folder / "spool").rglob("*")) > ANSWER_BYTES)
        child.kill()
        child.wait()
        journal.unlink()
        (release.folder / "away").rename(journal)


def main() -> None:
    """Record into the folder named on the command line, which must not be there."""
    to = Path(sys.argv[1]).absolute()
    assert not to.exists(), f"{to} is there already"
    assert HERE in Path(sys.modules[SandboxProcess.__module__].__file__ or "").parents, "set PYTHONPATH to the release"
    with tempfile.TemporaryDirectory() as made, SandboxProcess("--reader", "embedded", latency_scale=0) as sandbox:
        folder = Path(made)
        for name in ("vase.png", "vase-mask.png"):
            shutil.copy(HERE / "catalogs" / "quickstart" / name, folder)
        record(Release(folder, sandbox))
        shutil.rmtree(folder / "prefect", ignore_errors=True)
        shutil.rmtree(folder / "ds" / "report", ignore_errors=True)
        shutil.copytree(folder, to)


if __name__ == "__main__":
    main()
