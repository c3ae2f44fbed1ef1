"""SIGINT and SIGTERM drain a run; a second one ends it at once, which is as safe, but leaves unknowns."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.engine.shared.stopping import StopSignal


@contextmanager
def draining_on_signals(stop: StopSignal, grace_s: float, say: Callable[[str], None]) -> Iterator[None]:
    """Set ``stop`` at the first signal; end its grace after ``grace_s``, or at the second."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        if stop.reason == "interrupted":
            stop.end_grace()
            return
        say(f"stopping: calls in flight get {grace_s:g} s, nothing new is started (again: at once)")
        stop.stop("interrupted", "interrupted")
        loop.call_later(grace_s, stop.end_grace)

    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        for name in before:
            loop.add_signal_handler(name, interrupt)
    except (ValueError, RuntimeError):  # not the main thread: whoever owns it stops us through ``stop``
        yield
        return
    try:
        yield
    finally:
        for name, handler in before.items():
            loop.remove_signal_handler(name)
            if handler is not None:
                signal.signal(name, handler)  # Prefect's engine has its own and expects to find it again
