"""The test's side of the nursery: start a run, kill it, stop it, wait for it, read what it reported."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.runner import Job, as_line

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("PRINTROOM_", "PREFECT_", "AWS_", "APIYI_", "OPENAI_")


@dataclass(frozen=True)
class End:
    """How a child ended: its exit code (negative = that signal), its CPU seconds, its largest memory."""

    code: int
    cpu_s: float
    max_rss_mb: float


@dataclass
class Child:
    """One run. ``end`` is set once it is over."""

    pid: int
    job: Job
    end: End | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; False if the child was over already."""
        if self.end is not None:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> bool:
        """SIGKILL and wait. True if it died of that, False if it had ended by itself."""
        self.signal(signal.SIGKILL)
        return self.wait(30).code == -signal.SIGKILL

    def wait(self, timeout_s: float = 120.0) -> End:
        """The child's end. ``TimeoutError`` with what it said last."""
        if not self._over.wait(timeout_s):
            raise TimeoutError(f"run {self.pid} is still going after {timeout_s:g} s:\n{self.log()[-3000:]}")
        assert self.end is not None
        return self.end

    def ended(self, end: End) -> None:
        self.end = end
        self._over.set()

    def log(self) -> str:
        """What the run said."""
        path = Path(f"{self.job.report}.log")
        return path.read_text() if path.exists() else ""

    def report(self) -> dict[str, Any]:
        """What the run reported; an error with its log if it came to no report."""
        end = self.wait()
        path = Path(self.job.report)
        assert path.exists(), f"exit {end.code}, no report:\n{self.log()[-4000:]}"
        values: dict[str, Any] = json.loads(path.read_text())
        return values


class Nursery:
    """Starts runs as children of one process that has everything imported."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._count = folder, 0
        self._one = threading.Lock()
        self._starting: Job | None = None
        self._born: queue.Queue[Child] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.runner"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT,
            env={**environment, "PYTHONPATH": str(ROOT)}, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def start(self, catalog: Path | str | tuple[str, ...], dataset: Path | str, base_url: str, **more: Any) -> Child:
        """Start one run; ``more`` are fields of ``Job``. Its spool is the nursery's own unless one is given."""
        assert self._process.stdin is not None
        with self._one:
            self._count += 1
            self._starting = Job(
                catalogs=catalog if isinstance(catalog, tuple) else (str(catalog),),
                dataset=str(dataset),
                base_url=base_url,
                report=str(self._folder / f"run-{self._count:04d}.json"),
                **{"spool": str(self._folder / "spool"), **more},
            )
            self._process.stdin.write(as_line(self._starting))
            return self._born.get(timeout=60)

    def close(self) -> None:
        """Kill every child that is left, and the nursery."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _listen(self) -> None:
        children: dict[int, Child] = {}
        assert self._process.stdout is not None
        for line in self._process.stdout:
            news = json.loads(line)
            if news.get("ended"):
                children.pop(news["pid"]).ended(End(news["code"], news["cpu_s"], news["max_rss_mb"]))
                continue
            assert self._starting is not None
            children[news["pid"]] = child = Child(news["pid"], self._starting)
            self._born.put(child)


@contextmanager
def nursery(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Nursery]:
    """A nursery for as long as the context lasts; runs see ``environment`` and nothing of this machine's keys."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    nursing = Nursery(folder, {**plain, **(environment or {})})
    try:
        yield nursing
    finally:
        nursing.close()
