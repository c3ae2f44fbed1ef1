"""What a contender prints at its end (CPU of its process tree, wall time, peak memory), and how it is started."""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployments.sandbox.process import ROOT


class Meter:
    """CPU and wall seconds from here on; ``report`` prints one JSON line."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._began_cpu_s = _cpu_s()

    def report(self, *, images_in: Path | None = None, **more: Any) -> None:
        """CPU of this process and its ended children, in all and since the meter was made; wall since then.

        The pictures below ``images_in`` are counted after that: looking at thousands of names is no contender's work.
        """
        cpu_s = _cpu_s()
        found: dict[str, Any] = {
            "cpu_s": cpu_s,
            "since_start_cpu_s": cpu_s - self._began_cpu_s,
            "wall_s": time.monotonic() - self._began_s,
            "rss_mb": peak_mb(),
        }
        if images_in is not None:
            found["images"] = sum(1 for _ in images_in.rglob("*.png"))
        print(json.dumps(found | more), flush=True)


def _cpu_s() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def peak_mb() -> float:
    """The most memory that this process has had. ``ru_maxrss`` begins with what its parent had when it started it."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def measured(module: str, *arguments: object, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What ``python -m tests.benchmarks.<module> …`` reports, run in a process of its own."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
    environment = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{module} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def cpu_of_tree_s(pid: int) -> float:
    """CPU seconds so far of a living process, its living descendants, and those of them that have ended."""
    ticks, children, todo = 0, _children(), [pid]
    while todo:
        one = todo.pop()
        todo += children.get(one, [])
        fields = _stat(one)
        ticks += sum(map(int, fields[11:15])) if fields else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            found.setdefault(int(fields[1]), []).append(int(entry.name))
    return found


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
