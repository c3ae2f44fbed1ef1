"""How slow this machine is while something is measured: its cores are shared, and a CPU second buys now more, now less.

``python -m tests.benchmarks.slowness`` is a child that does the same small piece of work five times a second (2 % of
one core) and prints when, and what CPU it took. A figure is divided by what the piece took in the same seconds.
"""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean
from threading import Thread

from deployments.sandbox.process import ROOT

EVERY_S = 0.2
USUAL_MS = 0.75  # what the piece takes on the machine the figures in docs/decisions were taken on, when it is quiet


@dataclass(slots=True)
class Slowness:
    """What the piece of work took, as it went."""

    seen: list[tuple[float, float]] = field(default_factory=list)  # monotonic seconds, CPU milliseconds

    def between(self, began_s: float, ended_s: float) -> float:
        """How much longer than usual the piece took between two moments of ``time.monotonic``."""
        took_ms = [ms for at, ms in self.seen if began_s <= at <= ended_s]
        if not took_ms:
            raise ValueError("nothing was measured in that time")
        return fmean(took_ms) / USUAL_MS

    def read(self, child: "subprocess.Popen[str]") -> None:
        """Take down what the child says, until it ends."""
        assert child.stdout is not None
        for line in child.stdout:
            at, ms = map(float, line.split())
            self.seen.append((at, ms))


@contextmanager
def slowness() -> Iterator[Slowness]:
    """Keeps the child for as long as the block lasts."""
    found = Slowness()
    child = subprocess.Popen([sys.executable, "-m", __spec__.name], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    reading = Thread(target=found.read, args=(child,), daemon=True)
    reading.start()
    try:
        yield found
    finally:
        child.kill()
        child.wait()
        reading.join()


def piece() -> int:
    """Some of what a row is made of: JSON, dictionaries, a hash."""
    total = 0
    for row in range(60):
        text = json.dumps({"row_id": f"r{row}", "prompt": "a lighthouse at dusk, " * 8, "params": {"n": [1, 2, row]}})
        known = {f"{name}-{row}": value for name, value in json.loads(text).items()}
        total += len(known) + hashlib.sha256(text.encode() * 12).digest()[0]
    return total


if __name__ == "__main__":
    while True:
        began_s = time.thread_time()
        piece()
        print(time.monotonic(), 1000 * (time.thread_time() - began_s), flush=True)
        time.sleep(EVERY_S)
