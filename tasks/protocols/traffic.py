"""Everything a call passes on its way out, in the right order, and where its outcome is reported: once, here.

async with traffic.call(model) as call:         # stop? → room in flight → connection → model offered?
    ... journal the intent ...
    await call.start()                          # the moment itself; raises if the run was stopped meanwhile
    ... POST ...
    call.ended(None)                            # or call.ended(failure)
    call.returned()
    ... journal the outcome ...                 # only then another call has this one's place
"""

from types import TracebackType
from typing import Any, Self

from tasks.protocols.breaker import ModelBreaker, ProviderStopped, Stop
from tasks.protocols.circuit import Circuit
from tasks.protocols.pacing import Pacer
from tasks.protocols.retry import Retries
from tasks.protocols.wire import Failure

_SERVED = frozenset({"refused", "no_image"})  # a reply that took its time and room like any picture
_FATAL = frozenset({"auth", "quota"})
_UNCONNECTED = frozenset({"connection", "connection_lost"})


class ModelGivenUp(Exception):
    """The gateway does not offer the model; ``failure`` is the row's, and costs nothing."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Traffic:
    """The pacer, breakers and retry counts of one run and one gateway account, for all its partitions in a process.

    ``address``: the gateway's host and port, for people.
    """

    def __init__(
        self, pacer: Pacer, *, retries: Retries | None = None, stop: Stop | None = None, address: str = ""
    ) -> None:
        self.pacer, self._address = pacer, address
        self.retries = retries or Retries()
        self.stop = stop or Stop()
        self.models = ModelBreaker()
        self.circuit = Circuit(on_patience_lost=self._unreachable)
        # An empty purse that may be somebody else's is asked once more, after the pause its failure names.
        self._purse = ModelBreaker(trips_after=2)
        self.stop.then(self._close)

    def call(self, model: str) -> "TrafficCall":
        """One call's way out. Entering raises ``ProviderStopped`` or ``ModelGivenUp``, at once or while it waits."""
        return TrafficCall(self, model)

    def check(self, model: str) -> None:
        """Raise ``ProviderStopped`` or ``ModelGivenUp`` if there is no point in calling ``model``."""
        self.stop.check()
        given_up = self.models.given_up(model)
        if given_up:
            raise ModelGivenUp(given_up)

    def report(self, model: str, failure: Failure | None, *, started_at_s: float) -> None:
        """What one call's outcome means for all others; the slot and the circuit have been told already."""
        now_s = self.pacer.clock()
        if failure is None or failure.error_class in _SERVED:
            self.models.succeeded(model)
            self._purse.succeeded("")
        elif failure.error_class == "model_unavailable":
            self.models.failed(model, failure, started_at_s=started_at_s, now_s=now_s)
            if self.models.given_up(model):
                self.pacer.close(lambda: ModelGivenUp(failure), model=model)
        elif failure.error_class in _FATAL:
            self._purse.failed("", failure, started_at_s=started_at_s, now_s=now_s)
            if self._purse.given_up(""):
                self.stop.trip(failure)

    def snapshot(self) -> dict[str, Any]:
        """For status and artifacts: limits per model, retries, and what is stopped and why. Plain values."""
        return {
            "models": self.pacer.snapshot(),
            "retries": self.retries.snapshot(),
            "waiting_for_connection": self.circuit.is_open,
            "unreachable": self._waiting_words() if self.circuit.is_open else None,
            "models_given_up": self.models.snapshot(),
            "stopped": self.stop.failure.message if self.stop.failure else None,
        }

    def _waiting_words(self) -> str:
        left_s = self.circuit.gives_up_in_s
        left = f"{left_s:.0f} s" if left_s < 90 else f"{left_s / 60:.0f} min"
        return f"the gateway{self._at()} cannot be reached: one call at a time tries, for another {left} at most"

    def _at(self) -> str:
        return f" at {self._address}" if self._address else ""

    def _unreachable(self) -> None:
        message = f"the gateway{self._at()} could not be reached for ten minutes; run again later to go on"
        self.stop.trip(
            Failure(error_class="transient", reason="provider_stopped", resend=False, paid="no", message=message)
        )

    def _close(self, failure: Failure) -> None:
        self.pacer.close(lambda: ProviderStopped(failure))
        self.circuit.close(lambda: ProviderStopped(failure))


class TrafficCall:
    """One call: enter, ``start``, POST, ``ended``; ``queue_ms`` is what it waited."""

    __slots__ = ("_circuit", "_model", "_slot", "_traffic")

    def __init__(self, traffic: Traffic, model: str) -> None:
        self._traffic = traffic
        self._model = model
        self._slot = traffic.pacer.slot(model)
        self._circuit = traffic.circuit.call()

    @property
    def queue_ms(self) -> int:
        """Milliseconds waited for room and for the start."""
        return self._slot.queue_ms

    async def enter(self) -> None:
        """Wait for room. Raises ``ProviderStopped`` or ``ModelGivenUp``; afterwards ``leave``, whatever happens."""
        self._traffic.check(self._model)
        # Room first: else thousands would pass a closed circuit and still be on their way when it opens.
        await self._slot.enter()
        try:
            await self._circuit.enter()
            self._traffic.check(self._model)
        except BaseException:
            self.leave()
            raise

    async def start(self) -> None:
        """Wait for the moment to POST. Raises ``ProviderStopped`` or ``ModelGivenUp``: then withdraw the intent."""
        await self._slot.start()
        self._traffic.check(self._model)
        self._traffic.retries.sent()

    def ended(self, failure: Failure | None) -> None:
        """Report the outcome of the POST, once; None = it was served. A call never sent is ended by leaving."""
        started_at_s = self._slot.started_at_s
        if failure is None or failure.error_class in _SERVED:
            self._slot.succeeded()
        elif failure.error_class == "rate_limited" or (failure.error_class == "quota" and failure.resend):
            self._slot.rate_limited(failure.retry_after_s)
        else:
            self._slot.failed()
        self._tell_circuit(failure)
        assert started_at_s is not None
        self._traffic.report(self._model, failure, started_at_s=started_at_s)

    def returned(self) -> None:
        """Leave the room at the gateway to a call that is ready; the place is given back when the block ends.

        Say ``ended`` first: what it tells may be the reason why the next call must not go.
        """
        self._slot.returned()

    def leave(self) -> None:
        """Give the room back; a call that told nothing was not sent."""
        self._circuit.leave()
        self._slot.release()

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def _tell_circuit(self, failure: Failure | None) -> None:
        if failure is None or failure.http_status is not None:
            self._circuit.replied()
        elif failure.reason in _UNCONNECTED:
            self._circuit.lost()
