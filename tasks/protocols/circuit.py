"""When everybody waits: while the gateway cannot be reached, one call at a time goes to see whether it is back."""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

_REST_CAP_S = 60.0


class Circuit:
    """Holds every call back while the gateway cannot be reached: opens after five lost connections in a row.

    Then one call at a time is let through as a probe, after 1 s, 2 s, 4 s … 60 s; any reply to anybody closes it.
    Nothing fails because of it: calls wait. The probe is a paid call like any other and must bring a whole reply,
    because a gateway that takes calls and loses them costs money for each. ``on_patience_lost`` is called once if
    probes are still lost ``patience_s`` after the circuit opened.
    """

    def __init__(
        self,
        *,
        opens_after: int = 5,
        rest_s: float = 1.0,
        patience_s: float = 600.0,
        on_patience_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._patience_s = patience_s
        self._on_patience_lost = on_patience_lost
        self._opened_at_s: float | None = None
        self._opens_after = opens_after
        self._first_rest_s = rest_s
        self._rest_s = rest_s
        self._lost_in_a_row = 0
        self._open = False
        self._resting: asyncio.TimerHandle | None = None
        self._probing = False
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._closed: Callable[[], Exception] | None = None

    def call(self) -> "CircuitCall":
        """``async with circuit.call() as call``: waits while the circuit is open; then report to ``call``."""
        return CircuitCall(self)

    @property
    def is_open(self) -> bool:
        """Whether calls wait for a probe to come back."""
        return self._open

    @property
    def gives_up_in_s(self) -> float:
        """How long probes may still be lost before the patience is; the whole of it while the circuit is closed."""
        if self._opened_at_s is None:
            return self._patience_s
        if math.isinf(self._opened_at_s):  # it is lost, and was told
            return 0.0
        return max(0.0, self._opened_at_s + self._patience_s - asyncio.get_running_loop().time())

    async def enter(self) -> bool:
        """Wait until a call may go; True if it is the probe."""
        if self._closed:
            raise self._closed()
        if not self._open:
            return False
        if not self._probing and self._resting is None:
            self._probing = True
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(probe=turn.result())
            raise

    def close(self, error: Callable[[], Exception]) -> None:
        """Nobody passes any more: who waits or comes gets an exception of its own from ``error``."""
        self._closed = error
        while turn := self._next():
            turn.set_exception(error())

    def replied(self) -> None:
        """Something came back: whatever it says, the gateway can be reached."""
        self._lost_in_a_row = 0
        self._rest_s = self._first_rest_s
        self._open = self._probing = False
        self._opened_at_s = None
        self._stop_resting()
        while turn := self._next():
            turn.set_result(False)

    def lost(self, *, probe: bool) -> None:
        """A connection was refused or broke."""
        if self._open and not probe:
            return
        self._lost_in_a_row += 1
        if self._open or self._lost_in_a_row >= self._opens_after:
            self._rest()

    def leave(self, *, probe: bool) -> None:
        """A call ended without telling anything; if it was the probe, the next in the queue is."""
        if probe and self._open:
            self._probing = False
            self._rested()

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        self._open, self._probing = True, False
        self._stop_resting()
        self._resting = loop.call_later(self._rest_s, self._rested)
        self._rest_s = min(_REST_CAP_S, 2 * self._rest_s)
        if self._opened_at_s is None:
            self._opened_at_s = loop.time()
        elif loop.time() - self._opened_at_s >= self._patience_s:
            self._opened_at_s = math.inf
            self._on_patience_lost()

    def _stop_resting(self) -> None:
        if self._resting:
            self._resting.cancel()
            self._resting = None

    def _rested(self) -> None:
        self._stop_resting()
        if turn := self._next():
            self._probing = True
            turn.set_result(True)

    def _next(self) -> "asyncio.Future[bool] | None":
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                return turn
        return None


class CircuitCall:
    """One call under a circuit. Say ``replied`` or ``lost``; say nothing if it was never sent or cancelled."""

    __slots__ = ("_circuit", "_probe", "_told")

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._probe = False
        self._told = False

    async def enter(self) -> None:
        """Wait while the circuit is open."""
        self._probe = await self._circuit.enter()

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    def replied(self) -> None:
        """A reply came, of any status."""
        self._told = True
        self._circuit.replied()

    def lost(self) -> None:
        """The connection was refused or broke."""
        self._told = True
        self._circuit.lost(probe=self._probe)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """The call is over; the same as leaving the block."""
        if not self._told:
            self._circuit.leave(probe=self._probe)
