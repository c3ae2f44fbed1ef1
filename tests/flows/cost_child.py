"""``printroom`` in this process, and at its end one line on stderr: CPU seconds of Prefect and in all while it worked.

Shares of one process, so that a busy machine changes both sides alike. Threads are told apart by their own CPU clocks;
in the main thread a sample is Prefect's if Prefect's code is nearer to what runs than ours. Counted from the moment the
run has opened its dataset: starting up is another figure.
"""

import json
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from deployments.cli.main import main
from tasks.engine.running import session

ROOT = str(Path(__file__).resolve().parents[2])
EVERY_S = 0.005


class Sampler:
    """Counts where the CPU of this process goes."""

    def __init__(self) -> None:
        self.mine = self.prefects = 0
        self.began: float | None = None
        self.clocks: dict[str, float] = {}

    def sample(self, _signal: int, frame: FrameType | None) -> None:
        if self.began is None:
            if not any(found.is_open for found in session._sessions.values()):
                return
            self.began = time.process_time()
            self.clocks = thread_clocks()
        if is_prefects(frame):
            self.prefects += 1
        else:
            self.mine += 1

    def report(self) -> dict[str, float]:
        threads = {name: spent - self.clocks.get(name, 0.0) for name, spent in thread_clocks().items()}
        main_thread = threads.pop("MainThread")
        beside = sum(spent for name, spent in threads.items() if not name.startswith("printroom-"))
        share = self.prefects / max(1, self.prefects + self.mine)
        total = time.process_time() - (self.began or 0.0)
        return {"total": total, "prefect": main_thread * share + beside, "main_share": share, "threads": beside}


def is_prefects(frame: FrameType | None) -> bool:
    while frame is not None:
        name = frame.f_code.co_filename
        if "/site-packages/prefect/" in name:
            return True
        if name.startswith(ROOT) and "/site-packages/" not in name:
            return False
        frame = frame.f_back
    return False


def thread_clocks() -> dict[str, float]:
    """CPU seconds of each thread of this process that Python knows, by its name."""
    found: dict[str, float] = {}
    for thread in threading.enumerate():
        assert thread.ident is not None
        clock = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        found[thread.name] = found.get(thread.name, 0.0) + clock
    return found


if __name__ == "__main__":
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler.sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    code = 1
    try:
        code = main(sys.argv[1:])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(sampler.report()), file=sys.stderr)
    sys.exit(code)
