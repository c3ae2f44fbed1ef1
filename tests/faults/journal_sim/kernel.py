"""Time, tasks and processes of the simulated world. One heap decides who runs next; nothing else does."""

from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from types import coroutine
from typing import Any

MOST_STEPS = 10_000  # fifty times as many as a schedule takes
INFINITY = float("inf")
LAST_BEATS = 3  # of 20 ticks; a look comes every 30 to 50
Start = Callable[["Task"], None]


@coroutine
def wait(start: Start) -> Generator[Start, Any, Any]:
    """Suspend the running task; ``start`` is called with it and sees to it that it is resumed."""
    return (yield start)


class Process:
    """A simulated process: it runs, is stopped until ``wake_at``, or is no more."""

    def __init__(self, number: int, host: str, run_id: str, rows: int) -> None:
        self.number, self.host, self.run_id, self.rows = number, host, run_id, rows
        self.token = f"t{number}"
        self.alive, self.exited = True, False
        self.wake_at = self.stopped_for = 0.0
        self.started_at = 0.0
        self.heart: Heart | None = None


class Task:
    """One coroutine of a process."""

    __slots__ = ("coro", "process")

    def __init__(self, process: Process, coro: Coroutine[Any, Any, Any]) -> None:
        self.process, self.coro = process, coro


class Heart:
    """A process's heartbeat, the production coroutine, run only when somebody looks at it or its process changes.

    Most beats are never looked at, and they would be a fifth of all steps. Those done happen at their own time; of many
    between two looks only the last ones are, for nobody could tell.
    """

    __slots__ = ("_coro", "_due", "_every", "_kernel")

    def __init__(self, kernel: "Kernel", coro: Coroutine[Any, Any, Any]) -> None:
        self._kernel, self._coro = kernel, coro
        self._due: float = kernel.now + kernel.faults.tie()
        self._every = INFINITY

    def catch_up(self) -> None:
        """Do the beats that were due by now."""
        kernel, now = self._kernel, self._kernel.now
        if now - self._due > LAST_BEATS * self._every:
            self._due += self._every * ((now - self._due) // self._every - LAST_BEATS + 1)
        while self._due <= now:
            kernel.now = self._due
            self._every = self._coro.send(None)
            self._due += self._every
        kernel.now = now

    def stop(self, until: float) -> None:
        """Beat up to now, and not again before ``until``; infinity = never."""
        self.catch_up()
        self._due = max(self._due, until)
        if until == INFINITY:
            self._coro.close()


class SimFuture:
    """What ``asyncio.Future`` is in production."""

    __slots__ = ("_done", "_error", "_kernel", "_value", "_waiting")

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel, self._waiting = kernel, []
        self._done, self._value, self._error = False, None, None

    def done(self) -> bool:
        return self._done

    def set_result(self, value: Any) -> None:
        self._settle(value, None)

    def set_error(self, error: Exception) -> None:
        self._settle(None, error)

    def _settle(self, value: Any, error: Exception | None) -> None:
        assert not self._done
        self._done, self._value, self._error = True, value, error
        if error is not None:
            self._kernel.errors.append(error)
        for task in self._waiting:
            self._kernel.resume_later(0, task, value, error)

    def __await__(self) -> Generator[Start, Any, Any]:
        if not self._done:
            return (yield self._waiting.append)
        if self._error is not None:
            raise self._error
        return self._value


class Kernel:
    """Runs tasks in the order of a simulated clock; ``faults`` says when a process crashes or is stopped."""

    def __init__(self, faults: Any) -> None:
        self.now = 0.0
        self.faults = faults
        self.eventful: Any = faults.eventful  # steps at which something befalls the process
        self.steps = 0
        self.trace: list[tuple[Any, ...]] | None = None
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0
        self._tasks: list[Task] = []
        self.errors: list[BaseException] = []

    def log(self, *what: Any) -> None:
        if self.trace is not None:
            self.trace.append((round(self.now, 1), *what))

    def later(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        self._order += 1
        heappush(self._heap, (self.now + delay, self._order, call, args))

    def resume_later(self, delay: float, task: Task, value: Any = None, error: BaseException | None = None) -> None:
        self._order += 1
        heappush(self._heap, (self.now + delay, self._order, self.resume, (task, value, error)))

    def spawn(self, process: Process, coro: Coroutine[Any, Any, Any]) -> None:
        task = Task(process, coro)
        self._tasks.append(task)
        self.resume_later(self.faults.tie(), task)

    def resume(self, task: Task, value: Any, error: BaseException | None) -> None:
        process = task.process
        if not process.alive:
            return
        if self.now < process.wake_at:
            self.later(process.wake_at - self.now, self.resume, task, value, error)
            return
        self.steps += 1
        fate = None
        if self.steps in self.eventful:
            fate = self.faults.step(self, process)
            if fate == "stopped":
                if process.heart is not None:
                    process.heart.stop(process.wake_at)
                self.later(process.wake_at - self.now, self.resume, task, value, error)
                return
            if fate == "dead":
                return
        try:
            start = task.coro.send(value) if error is None else task.coro.throw(error)
        except StopIteration:
            return
        except Exception as failure:
            self.failed(process, failure)
            return
        start(task)
        if fate is not None:  # it dies, right after this step
            self.faults.kill(self, process)

    def run(self, until: float) -> bool:
        """Run until nothing is left to do (True) or the clock passes ``until`` (False)."""
        heap = self._heap
        while heap:
            if heap[0][0] > until or self.steps > MOST_STEPS:
                return False
            self.now, _, call, args = heappop(heap)
            call(*args)
        return True

    def end(self, process: Process) -> None:
        """The process runs no more, however it ended."""
        if process.heart is not None:
            process.heart.stop(INFINITY)
            process.heart = None
        process.alive = False

    def failed(self, process: Process, failure: Exception) -> None:
        """A task of the process ended with an error that nobody expects."""
        raise failure

    def close(self) -> None:
        """Let go of the coroutines of dead processes."""
        for task in self._tasks:
            self.end(task.process)
        for task in self._tasks:
            task.coro.close()
        self._tasks.clear()
        self._heap.clear()
        for error in self.errors:  # else their frames would keep the whole world alive, and be garbage to be looked for
            error.__traceback__ = error.__context__ = error.__cause__ = None
