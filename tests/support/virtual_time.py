"""An event loop whose clock jumps to the next timer instead of sleeping: minutes pass in milliseconds, always alike."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    jump: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("every task waits, and no timer will wake any of them")
        self.jump(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` starts at 0 and moves only when nothing else is left to do."""

    def __init__(self) -> None:
        selector = _Jumping()
        selector.jump = self._jump
        self._now_s = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self._now_s

    def _jump(self, timeout_s: float) -> None:
        self._now_s += timeout_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` in virtual time. A deadlock raises instead of hanging."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def now_s() -> float:
    """The virtual time of the running loop: hand it on as a clock."""
    return asyncio.get_running_loop().time()
