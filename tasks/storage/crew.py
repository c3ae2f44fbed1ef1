"""Threads for blocking work beside an event loop, which is woken once for all that is done meanwhile.

``run_in_executor`` wakes the loop for each job, through a socket, and makes two futures and three callbacks of it: with
four jobs a picture that was a quarter of the loop's CPU.
"""

import asyncio
import contextlib
import threading
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

J = TypeVar("J")
R = TypeVar("R")


class _Threads(ABC, Generic[J]):
    """At most ``threads`` threads, started as they are needed; may serve several loops. Jobs begin in order."""

    def __init__(self, threads: int, name: str, *, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._most = threads
        self._at_once = at_once
        self._working = 0
        self._turn = threading.Lock()
        self._jobs: deque[tuple[J, asyncio.Future[Any], _Mailbox]] = deque()
        self._mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox] = weakref.WeakKeyDictionary()

    def close(self) -> None:
        """End the threads, once they have finished what they are at."""
        self._threads.shutdown()

    def _hand_in(self, job: J) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        mailbox = self._mailboxes.get(loop)
        if mailbox is None:
            mailbox = self._mailboxes[loop] = _Mailbox(loop)
        future: asyncio.Future[Any] = loop.create_future()
        with self._turn:
            self._jobs.append((job, future, mailbox))
            more = not self._working or (self._working < self._most and len(self._jobs) >= self._at_once)
            self._working += more
        if more:
            self._threads.submit(self._work)
        return future

    def _work(self) -> None:
        while True:
            with self._turn:
                if not self._jobs:
                    self._working -= 1
                    return
                taken = [self._jobs.popleft() for _ in range(min(self._at_once, len(self._jobs)))]
            taken = [job for job in taken if not job[1].cancelled()]
            for (_, future, mailbox), (result, error) in zip(taken, self._done([job[0] for job in taken]), strict=True):
                mailbox.post(future, result, error)
            taken.clear()  # an idle thread keeps no picture in memory

    @abstractmethod
    def _done(self, jobs: Sequence[J]) -> Sequence[tuple[Any, BaseException | None]]:
        """The result or the error of each job."""


class Crew(_Threads[Callable[[], Any]]):
    """Threads for work of any kind, one job at a time each."""

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, name, at_once=1)

    def run(self, work: Callable[[], R]) -> "asyncio.Future[R]":
        """What ``work`` returns or raises. One that was begun goes on to its end even if nobody waits any more."""
        return self._hand_in(work)

    def _done(self, jobs: Sequence[Callable[[], Any]]) -> Sequence[tuple[Any, BaseException | None]]:
        return [_outcome(job) for job in jobs]


class GroupCrew(_Threads[J]):
    """Threads that do jobs of one kind together: all that came while they were at work, up to ``at_once``.

    ``work`` does some jobs and gives for each what went wrong, or None.
    """

    def __init__(
        self, work: Callable[[Sequence[J]], Sequence[BaseException | None]], threads: int, name: str, *, at_once: int
    ) -> None:
        super().__init__(threads, name, at_once=at_once)
        self._together = work

    def run(self, job: J) -> "asyncio.Future[None]":
        """Done when the job is."""
        return self._hand_in(job)

    def _done(self, jobs: Sequence[J]) -> Sequence[tuple[Any, BaseException | None]]:
        try:
            return [(None, error) for error in self._together(jobs)]
        except BaseException as error:  # noqa: BLE001 - it is the callers'
            return [(None, error)] * len(jobs)


def _outcome(work: Callable[[], R]) -> tuple[R | None, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - it is the caller's
        return None, error


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
