"""Threads for blocking work beside an event loop, which is woken once for all that is done meanwhile.

``run_in_executor`` wakes the loop for each job, through a socket, and makes two futures and three callbacks of it: with
four jobs a picture that was a quarter of the loop's CPU.
"""

import asyncio
import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

R = TypeVar("R")


class Crew:
    """At most ``threads`` threads, started as they are needed; may serve several loops. Jobs begin in order."""

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._most = threads
        self._working = 0
        self._turn = threading.Lock()
        self._jobs: deque[tuple[Callable[[], Any], asyncio.Future[Any], _Mailbox]] = deque()
        self._mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox] = weakref.WeakKeyDictionary()

    def run(self, work: Callable[[], R]) -> "asyncio.Future[R]":
        """What ``work`` returns or raises. One that was begun goes on to its end even if nobody waits any more."""
        loop = asyncio.get_running_loop()
        mailbox = self._mailboxes.get(loop)
        if mailbox is None:
            mailbox = self._mailboxes[loop] = _Mailbox(loop)
        future: asyncio.Future[R] = loop.create_future()
        with self._turn:
            self._jobs.append((work, future, mailbox))
            more = self._working < self._most
            self._working += more
        if more:
            self._threads.submit(self._work)
        return future

    def close(self) -> None:
        """End the threads, once they have finished what they are at."""
        self._threads.shutdown()

    def _work(self) -> None:
        while True:
            with self._turn:
                if not self._jobs:
                    self._working -= 1
                    return
                work, future, mailbox = self._jobs.popleft()
            if future.cancelled():
                continue
            try:
                mailbox.post(future, work(), None)
            except BaseException as error:  # noqa: BLE001 - it is the caller's
                mailbox.post(future, None, error)
            del work, future, mailbox  # an idle thread keeps no picture in memory


class _Mailbox:
    """Results on their way to one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._called = False

    def post(self, future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        """Called by the threads. Whoever posts before the loop has come shares its way."""
        self._done.append((future, result, error))
        if self._called:
            return
        self._called = True
        loop = self._loop()
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        self._called = False  # first: what is posted from here on calls again
        while self._done:
            future, result, error = self._done.popleft()
            if future.done():
                continue  # whoever waited was cancelled
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
