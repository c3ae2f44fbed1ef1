"""The end of the process, with the exit code that was meant."""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Exit:
    """Made before anything else, so that its hook runs after all others; ``code`` is set when it is known.

    obstore's threads may still hold Python objects when a request has just failed, and an interpreter that is taken
    down at that moment aborts (134) half of the time. So where obstore was used, nothing is taken down.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._leave)

    def _leave(self) -> None:
        if self.code is None or "obstore" not in sys.modules:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM do what SIGINT does, where it would end the process without a word.

    Where SIGINT is ignored, as in a script's background, SIGTERM stays as it is.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def is_interrupt(error: BaseException) -> bool:
    """Whether this is how a signal ends a command: Prefect has an exception of its own for SIGTERM."""
    import asyncio  # no quick command needs it

    prefect = sys.modules.get("prefect.exceptions")
    ends = (KeyboardInterrupt, asyncio.CancelledError)
    return isinstance(error, ends if prefect is None else (*ends, prefect.TerminationSignal))
