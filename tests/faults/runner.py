"""One run of the engine in a process that may be killed: no Prefect, no imports to wait for.

``python -m tests.faults.runner`` is a nursery: it has imported everything, has no thread, and forks a child for every
job it reads from stdin. A child is an ordinary process with a pid, a start time and a spool; to kill it is to kill a
run. 200 kills would otherwise spend three minutes importing libraries.
"""

import asyncio
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# what a run imports late; the nursery must have it before it forks
import aiohttp
import obstore.store
import pandas as pd  # pyarrow imports it with the first array it makes
import PIL.Image
import pyarrow.compute
import pyarrow.parquet

import tasks.engine.analysis.reporting
from tasks.engine.options import RunOptions
from tasks.engine.running.execute import execute
from tasks.engine.running.session import Session
from tasks.engine.shared.pace import Pace
from tasks.journal.ports import Timing
from tasks.settings import at_address, read_settings
from tasks.storage.open import open_store
from tests.faults.split_store import journal_in_memory
from tests.support.counting_store import CountingStore

_PRELOADED = (aiohttp, obstore.store, pd, PIL.Image, pyarrow.compute, pyarrow.parquet, tasks.engine.analysis.reporting)
CRASHED = 70


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: what, where, at which gateway. ``report`` is a path; ``<report>.log`` gets what the run says."""

    catalogs: tuple[str, ...]
    dataset: str
    base_url: str
    spool: str
    report: str
    options: Mapping[str, Any] = field(default_factory=dict)  # of RunOptions
    timing: Mapping[str, float] = field(default_factory=dict)  # of the journal's Timing
    commit_every_s: float = 30.0
    environment: Mapping[str, str] = field(default_factory=dict)
    gallery: bool = False  # write gallery and usage report at the end: half of what a small run takes
    counted: bool = False  # report what was put where
    journal: str = "dataset"  # or "memory": the same code, nothing of it durable


async def run(job: Job) -> dict[str, Any]:
    """Plan and execute; the run's result and what it counted, as plain values."""
    settings = at_address(read_settings("sandbox"), job.base_url)
    options = RunOptions(catalogs=tuple(job.catalogs), dataset=job.dataset, provider="sandbox", **job.options)
    store = open_store(job.dataset) if job.journal == "dataset" else journal_in_memory(job.dataset)
    counting = CountingStore(store) if job.counted else None
    store = counting or store  # type: ignore[assignment] - it passes everything on
    pace = Pace(Timing(**job.timing), job.commit_every_s)
    session = Session(options, settings, str(uuid.uuid4()), store, say=_say, pace=pace)
    session.reports = job.gallery
    began, cpu = time.monotonic(), time.process_time()
    try:
        result = await execute(session)
    finally:
        if session.plan is not None:
            session.plan.discard()
    progress = session.services.progress if session.is_open else None
    return {
        **result.as_dict(),
        "exit_code": result.exit_code,
        "stopped": result.stopped,
        "cost_micros": result.cost_micros,
        "at_risk_micros": result.at_risk_micros,
        "posts": progress.posts if progress else 0,
        "puts": counting.puts() if counting else {},
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.monotonic() - began,
        "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _say(text: str) -> None:
    print(f"{time.time():.3f} {text}", flush=True)


def work(job: Job) -> int:
    """A child's whole life; its exit code."""
    for name, value in job.environment.items():
        os.environ[name] = value
    os.environ["PRINTROOM_SPOOL"] = job.spool
    try:
        report = asyncio.run(run(job))
    except BaseException:
        traceback.print_exc()
        return CRASHED
    Path(job.report).write_text(json.dumps(report))
    return int(report["exit_code"])


def serve() -> None:
    """Fork a child per line of stdin, tell its pid at once and its end when it comes; end with stdin."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    alive: set[int] = set()
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _reap(alive)
        if 0 in ready:
            line = sys.stdin.readline()
            if not line:
                break
            values = json.loads(line)
            alive.add(pid := _fork(Job(**values)))
            print(json.dumps({"pid": pid}), flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _fork(job: Job) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.default_int_handler)
    log = os.open(f"{job.report}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = CRASHED
    try:
        code = work(job)
    finally:
        sys.stdout.flush()
        os._exit(code)


def _reap(alive: set[int]) -> None:
    while alive:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == 0:
            return
        alive.discard(pid)
        end = {"pid": pid, "code": os.waitstatus_to_exitcode(status), "cpu_s": usage.ru_utime + usage.ru_stime}
        print(json.dumps({**end, "ended": True, "max_rss_mb": usage.ru_maxrss / 1024}), flush=True)


def as_line(job: Job) -> str:
    """The line that asks the nursery for a job."""
    return json.dumps(asdict(job)) + "\n"


if __name__ == "__main__":
    serve()
