"""One paid call from decision to durable outcome: reserve, pace, intend, post once, settle, and maybe try again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from catalogs import prices
from catalogs.types import Model
from tasks.engine.buying.settling import ReplyContext, Settler, encode_reply, now
from tasks.engine.shared.services import Services
from tasks.journal import events as ev
from tasks.journal.errors import Lost, NotSent
from tasks.journal.fold import decide, outcome
from tasks.journal.partition import PartitionJournal
from tasks.protocols import http
from tasks.protocols.breaker import ProviderStopped
from tasks.protocols.budget import BudgetExhausted, Reservation
from tasks.protocols.errors import no_reply
from tasks.protocols.formats import build, parse
from tasks.protocols.pictures import most_bytes
from tasks.protocols.retry import RowRetries
from tasks.protocols.traffic import ModelGivenUp, TrafficCall
from tasks.protocols.wire import Call, Failure

T = TypeVar("T")
Result = ev.Answered | ev.Rejected | ev.Unknown | ev.Withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """One call to be bought: who pays, what it can cost, and how to make the call when its turn comes.

    ``reopens``: its key is closed (refused, held, failed) and the user asked for it again. It stays so until then.
    """

    key: str
    purpose: str
    catalog: str
    row_id: str
    take: int
    model: Model
    endpoint: str
    samples: int
    cap_micros: int
    make_call: Callable[[], Awaitable[Call]]
    reopens: bool = False


class _Again:
    """Rows that are being bought, and how long those wait that try again.

    Apart from the buyer, because the settler keeps it: a circle of both would hold a closed partition in memory.
    """

    def __init__(self) -> None:
        self.rows: dict[str, RowRetries] = {}
        self.delays_s: dict[str, float] = {}  # by attempt

    def after(self, intent: ev.Intent, failure: Failure) -> bool:
        """Whether a rejection is followed by another attempt of this run; the delay is kept for the caller."""
        if failure.error_class in ("auth", "quota"):
            return True  # the row is not to blame: it stays pending while the run stops
        row = self.rows.get(intent.key)
        if row is None:
            return failure.resend
        delay_s = row.after(failure)
        if delay_s is None:
            return False
        self.delays_s[intent.attempt] = delay_s
        return True


class Buyer:
    """Buys calls of one partition. Tasks that wait are cancelled when the run stops; those that post get the grace."""

    def __init__(self, services: Services, journal: PartitionJournal, settler: Settler) -> None:
        self._services, self._journal = services, journal
        self._settler = settler
        self._again = _Again()
        settler.will_retry = self._again.after
        self.waiting: set[asyncio.Task[None]] = set()
        self.posting: set[asyncio.Task[None]] = set()

    async def buy(self, purchase: Purchase) -> None:
        """Attempt until there is an answer, a final rejection, or a reason to hold; or until the run stops."""
        self._again.rows[purchase.key] = self._services.traffic.retries.row()
        made = self._attempts_made(purchase.key)
        try:
            await self._until_decided(purchase)
        except ModelGivenUp:
            state = self._journal.fold.keys.get(purchase.key)
            if purchase.reopens and self._attempts_made(purchase.key) == made and outcome(state)[0] != "failed":
                return  # nothing was tried: it stays refused or held
            run_id = self._services.run_id
            await self._journal.append(
                ev.Finished(at=now(), key=purchase.key, outcome="failed", reason="model_unavailable", run_id=run_id)
            )
        except BudgetExhausted as error:
            self._services.stop.stop("budget", str(error))
        except ProviderStopped:
            return  # whoever met it first has stopped the run; this row stays pending
        finally:
            self._again.rows.pop(purchase.key, None)

    def _attempts_made(self, key: str) -> int:
        state = self._journal.fold.keys.get(key)
        return len(state.attempts) if state else 0

    async def hold_if_due(self, key: str) -> None:
        """Mark a key as held if its unknown attempts are used up: it may be one that a killed run left in flight."""
        if decide(self._journal.fold.keys.get(key), self._services.policy) == "hold":
            reason = "on_unknown_hold" if self._services.options.on_unknown == "hold" else "attempts_exhausted"
            await self._journal.hold(key, reason)

    async def _until_decided(self, purchase: Purchase) -> None:
        services, stop = self._services, self._services.stop
        call: Call | None = None
        closed = purchase.reopens
        while not stop.stopped:
            decision = decide(self._journal.fold.keys.get(purchase.key), services.policy)
            if decision != "buy" and not closed:
                await self.hold_if_due(purchase.key)
                return
            call = call or await purchase.make_call()
            result = await self._attempt(purchase, call, closed=closed)
            closed = False
            if isinstance(result, ev.Answered):
                return
            unknown = isinstance(result, ev.Unknown)
            retries, delays_s = self._again.rows[purchase.key], self._again.delays_s
            delay_s = retries.again() if unknown else delays_s.pop(result.attempt, 0.0)
            if delay_s and not stop.stopped:
                await self._waiting(asyncio.sleep(delay_s))

    async def _attempt(self, purchase: Purchase, call: Call, *, closed: bool) -> Result:
        """One attempt, from the place in the queue to the durable outcome, which gives the place back.

        So no more calls than the run may have in flight are ever without an outcome on record.
        """
        services = self._services
        lane = services.traffic.call(purchase.model.id)
        await self._waiting(lane.enter())
        try:
            await self._rested()
            reservation = await self._waiting(services.budget.reserve(purchase.cap_micros))
            try:
                intent = self._intent(purchase)
                reopen = (
                    ev.Released(at=intent.at, key=purchase.key, run_id=services.run_id, keeps_pictures=True)
                    if closed else None
                )  # fmt: skip
                result = await self._journal.buy(
                    intent,
                    turn=lambda: self._turn(intent, lane),
                    post=lambda: self._post(purchase, call, intent, lane),
                    reopen=reopen,
                )
            except BaseException:
                reservation.settle(None, at_risk=True)
                raise
            self._account(reservation, result)
            return result
        finally:
            lane.leave()

    async def _turn(self, intent: ev.Intent, lane: TrafficCall) -> None:
        """Wait for the moment to POST. ``NotSent``: meanwhile it became pointless."""
        if self._services.stop.stopped:  # while the intent was written, which nobody interrupts
            raise asyncio.CancelledError
        try:
            await self._waiting(lane.start())
            await self._rested()
        except (ProviderStopped, ModelGivenUp) as error:
            raise NotSent(self._not_sent(intent, error.failure)) from None

    async def _post(self, purchase: Purchase, call: Call, intent: ev.Intent, lane: TrafficCall) -> bytes:
        """POST once. ``Lost`` and ``NotSent`` tell the journal what a reply would have."""
        services, task = self._services, asyncio.current_task()
        assert task is not None
        services.progress.posted()
        self.posting.add(task)
        started = time.monotonic()
        try:
            reply = await services.gateway.post(
                build(call),
                timeout_s=services.pace.post_timeout_s or purchase.model.timeout_s,
                idempotency_key=f"{intent.key}.{intent.attempt}",
                expected_bytes=most_bytes(call),
            )
            context = _context(purchase, call, lane.queue_ms, started)
            lane.ended(self._settler.look(intent, context, reply))
        except http.NotSent as error:
            failure = no_reply("not_sent", str(error))
            lane.ended(failure)
            raise NotSent(self._not_sent(intent, failure)) from None
        except http.NoReply as error:
            lane.ended(no_reply(error.kind, str(error)))
            if error.partial is None or isinstance(parse(error.partial, call), Failure):
                raise Lost(error.kind, message=str(error)) from None
            reply = error.partial  # cut off, but the pictures are whole: they are paid for
            context = _context(purchase, call, lane.queue_ms, started)
        except asyncio.CancelledError:
            if services.stop.stopped:
                raise Lost("connection_lost", message="given up when the grace was over") from None
            raise
        finally:
            self.posting.discard(task)
            services.progress.returned()
            lane.returned()
        return encode_reply(context, reply)

    def _intent(self, purchase: Purchase) -> ev.Intent:
        state = self._journal.fold.keys.get(purchase.key)
        number = 1 + max((a.intent.number for a in state.attempts.values()), default=0) if state else 1
        price = purchase.model.price
        return ev.Intent(
            at=now(),
            key=purchase.key,
            attempt=f"{number}-{self._journal.owner.token}",
            number=number,
            purpose=purchase.purpose,
            run_id=self._services.run_id,
            catalog=purchase.catalog,
            row_id=purchase.row_id,
            take=purchase.take,
            provider=self._services.family,
            model=purchase.model.id,
            endpoint=purchase.endpoint,
            samples=purchase.samples,
            cap_micros=purchase.cap_micros,
            price_rule=price.name if price else "",
            price_as_of=price.as_of.isoformat() if price else "",
        )

    def _account(self, reservation: Reservation, result: Result) -> None:
        """Turn the reservation into what the call cost, or may have cost."""
        progress, cap = self._services.progress, reservation.cap_micros
        if isinstance(result, ev.Withdrawn) or (isinstance(result, ev.Rejected) and result.billed == "no"):
            reservation.cancel()
        elif isinstance(result, ev.Unknown) or result.cost_micros is None or result.billed == "unknown":
            progress.at_risk_micros += cap
            reservation.settle(None, at_risk=True)
        else:
            progress.cost_micros += result.cost_micros
            reservation.settle(result.cost_micros)

    def _not_sent(self, intent: ev.Intent, failure: Failure) -> ev.Rejected:
        """The event for a call that never reached the gateway: not billed, and no fault of the row."""
        return ev.Rejected(
            at=now(), key=intent.key, attempt=intent.attempt, error_class=failure.error_class, reason=failure.reason,
            final=not self._again.after(intent, failure), message=failure.message,
        )  # fmt: skip

    async def _rested(self) -> None:
        """Wait while the run buys nothing: what was bought before finds no room."""
        stop = self._services.stop
        while stop.rest_s and not stop.stopped:
            await self._waiting(asyncio.sleep(stop.rest_s))

    async def _waiting(self, awaited: Awaitable[T]) -> T:
        """Await something that may be cancelled at once when the run stops."""
        task = asyncio.current_task()
        assert task is not None
        self.waiting.add(task)
        try:
            return await awaited
        finally:
            self.waiting.discard(task)


def _context(purchase: Purchase, call: Call, queue_ms: int, started: float) -> ReplyContext:
    size, quality = call.size or call.params.get("size"), call.params.get("quality")
    size, quality = None if size is None else str(size), None if quality is None else str(quality)
    return ReplyContext(
        operation=call.operation, format=call.format, result=call.result, vision=call.vision, n=purchase.samples,
        size=size, quality=quality, inputs=len(call.images), received_at=now(), queue_ms=queue_ms,
        generate_ms=round(1000 * (time.monotonic() - started)),
        price=prices.quote(purchase.model, call.operation, size, quality),
    )  # fmt: skip
