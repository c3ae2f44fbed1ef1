"""A small run in virtual time: every row goes through ``Traffic`` as the real step does, the gateway counts POSTs."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tasks.protocols.breaker import ProviderStopped
from tasks.protocols.limits import Limit
from tasks.protocols.pacing import Pacer
from tasks.protocols.retry import Retries
from tasks.protocols.traffic import ModelGivenUp, Traffic
from tasks.protocols.wire import Failure
from tests.support.virtual_time import now_s, run
from tests.tasks.protocols.failures import failure

Script = Callable[[int, int], Failure | None]  # (row, its how many-th POST) -> what comes back

POLICY = failure("refused", reason="policy", http_status=400)
KEY = failure("auth", reason="provider_stopped", http_status=401)
PURSE = failure("quota", reason="provider_stopped", http_status=403)
SOMEONES_PURSE = failure(
    "quota", reason="provider_stopped", resend=True, max_resends=1, retry_after_s=60, http_status=429
)
LIMITED = failure("rate_limited", reason="rate_limited", resend=True, http_status=429)
BROKEN = failure("transient", resend=True, max_resends=2, http_status=500)
NO_MODEL = failure("model_unavailable", reason="model_unavailable", http_status=404)
NO_CHANNEL = failure("model_unavailable", reason="model_unavailable", resend=True, max_resends=2, http_status=503)
NO_PICTURE = failure("no_image", reason="no_image", paid="unknown", http_status=200)
INVALID = failure("invalid", reason="invalid_request", http_status=400)
REFUSED_CONNECTION = failure("transient", reason="connection", resend=True)
CUT = failure("unknown", reason="connection_lost", paid="unknown")


@dataclass
class Run:
    """What a run of ``count`` rows did: POSTs by row and time, how each row ended."""

    script: Script
    count: int = 20
    concurrency: int = 8
    rpm: float | None = None
    latency_s: float = 1.0
    posts: list[tuple[float, int]] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    traffic: Traffic = field(init=False)
    seen: dict = field(init=False)
    over_s: float = 0.0

    async def go(self) -> "Run":
        pacer = Pacer({}, default=Limit(self.rpm, self.concurrency), clock=now_s, rng=random.Random(0))
        self.traffic = Traffic(pacer, retries=Retries(clock=now_s, rng=random.Random(0)))
        async with asyncio.TaskGroup() as group:
            for number in range(self.count):
                group.create_task(self.row(number))
        self.seen, self.over_s = self.traffic.snapshot(), now_s()
        return self

    async def row(self, number: int) -> None:
        try:
            self.ends[await self.outcome(number)] += 1
        except ProviderStopped:
            self.ends["stopped"] += 1
        except ModelGivenUp:
            self.ends["given up"] += 1

    async def outcome(self, number: int) -> str:
        retries, calls = self.traffic.retries.row(), 0
        while True:
            async with self.traffic.call("m") as call:
                await asyncio.sleep(0.02)  # the intent
                await call.start()
                calls += 1
                self.posts.append((now_s(), number))
                failed = self.script(number, calls)
                await asyncio.sleep(self.latency_s)
                call.ended(failed)
            delay_s = retries.after(failed) if failed else None
            if failed is None or delay_s is None:
                return failed.reason if failed else "succeeded"
            await self.traffic.stop.sleep(delay_s)

    def per_row(self) -> Counter[int]:
        return Counter(Counter(number for _, number in self.posts).values())


def run_of(script: Script, **options) -> Run:
    return run(Run(script, **options).go())


def always(what: Failure | None) -> Script:
    return lambda _row, _call: what


def first(what: Failure, times: int = 1) -> Script:
    return lambda _row, call: what if call <= times else None


@pytest.mark.parametrize(
    ("script", "ends", "posts_per_row"),
    [
        (always(None), {"succeeded": 20}, {1: 20}),
        (always(POLICY), {"policy": 20}, {1: 20}),
        (always(INVALID), {"invalid_request": 20}, {1: 20}),
        (always(NO_PICTURE), {"no_image": 20}, {1: 20}),
        (always(CUT), {"connection_lost": 20}, {1: 20}),
        (always(BROKEN), {"server_error": 20}, {3: 20}),
        (first(BROKEN), {"succeeded": 20}, {2: 20}),
        (first(LIMITED), {"succeeded": 20}, {2: 20}),
        (first(LIMITED, 2), {"succeeded": 20}, {3: 20}),
    ],
    ids=[
        "ok",
        "policy",
        "invalid",
        "no image",
        "cut",
        "500",
        "500 once",
        "429 once",
        "429 twice",
    ],
)
def test_each_outcome_costs_each_row_so_many_calls(script, ends, posts_per_row):
    done = run_of(script)
    assert done.ends == ends
    assert done.per_row() == posts_per_row


def test_a_connection_that_was_never_made_is_tried_until_it_is():
    done = run_of(first(REFUSED_CONNECTION, 5), count=2)
    assert done.ends == {"succeeded": 2}
    assert done.per_row() == {6: 2}


@pytest.mark.parametrize("rpm", [None, 10])
@pytest.mark.parametrize("what", [KEY, PURSE], ids=["key", "purse"])
def test_a_rejected_key_or_an_empty_purse_stops_the_run_within_the_calls_in_flight(what, rpm):
    done = run_of(lambda row, _: what if row >= 3 else None, count=500, rpm=rpm)
    first_answer_s = next(at_s for at_s, row in done.posts if row >= 3) + 1
    assert len(done.posts) <= 3 + 8
    assert max(at_s for at_s, _ in done.posts) <= first_answer_s
    assert done.over_s <= first_answer_s + 1, "rows that wait for their turn do not wait any longer"
    assert done.ends["succeeded"] == 3
    assert done.ends["stopped"] >= 500 - 3 - 8
    assert done.seen["stopped"] == "…"


def test_rows_asleep_before_a_resend_are_woken_by_the_stop():
    limited = failure("rate_limited", reason="rate_limited", resend=True, retry_after_s=300, http_status=429)
    done = run_of(lambda row, _: limited if row < 4 else KEY, count=8)
    assert done.ends["stopped"] == 4
    assert max(at_s for at_s, _ in done.posts) < 1


def test_a_purse_that_may_be_the_resellers_is_asked_once_more_after_a_minute():
    done = run_of(always(SOMEONES_PURSE), count=100)
    times = [at_s for at_s, _ in done.posts]
    assert len([at_s for at_s in times if at_s < 60]) == 8
    assert min(at_s for at_s in times if at_s > 2) >= 60
    assert len(times) <= 16
    assert done.traffic.stop.failure is SOMEONES_PURSE


def test_a_purse_that_paid_in_between_is_asked_once_more_each_time():
    done = run_of(lambda row, call: SOMEONES_PURSE if row in (0, 99) and call == 1 else None, count=100, concurrency=1)
    assert done.ends == {"succeeded": 100}


def test_a_retry_after_of_nothing_is_not_answered_with_a_storm():
    at_once = failure("rate_limited", reason="rate_limited", resend=True, retry_after_s=0.0, http_status=429)
    done = run_of(lambda _row, _call: at_once if now_s() < 600 else None, latency_s=0.1)
    assert sum(at_s < 600 for at_s, _ in done.posts) < 100
    assert done.ends == {"succeeded": 20}


def test_and_if_it_is_filled_by_then_nothing_is_stopped():
    done = run_of(lambda _row, call: SOMEONES_PURSE if now_s() < 30 else None, count=100)
    assert done.ends == {"succeeded": 100}


@pytest.mark.parametrize("stop", ["run", "model"])
@pytest.mark.parametrize("step", ["entering", "starting"])
def test_a_call_whose_turn_comes_in_the_moment_of_a_stop_does_not_go(step, stop):
    async def play() -> int:
        limit = Limit(None, 1) if step == "entering" else Limit(600, 2)
        traffic, sent = Traffic(Pacer({}, default=limit, clock=now_s)), []

        async def row() -> None:
            async with traffic.call("m") as call:
                if step == "entering":
                    sent.append("intent")
                await call.start()
                sent.append("call")

        def strike() -> None:
            if stop == "run":
                traffic.stop.trip(KEY)
            else:
                traffic.report("m", NO_MODEL, started_at_s=0)

        async with traffic.call("m") as first_call:
            await first_call.start()
            task = asyncio.create_task(row())
            if step == "starting":  # the start falls due at 0.102 s, and the stop comes before the row's task runs
                asyncio.get_running_loop().call_at(0.102 + 1e-10, strike)
                await asyncio.sleep(1)
            await asyncio.sleep(0)
        strike()
        with pytest.raises((ProviderStopped, ModelGivenUp)):
            await task
        return len(sent)

    assert run(play()) == 0


@pytest.mark.parametrize(("what", "round_trips"), [(NO_MODEL, 1), (NO_CHANNEL, 3)], ids=["404", "no channel"])
def test_a_model_that_is_not_offered_is_given_up_within_the_calls_in_flight(what, round_trips):
    done = run_of(always(what), count=300)
    assert len(done.posts) <= 8 * (round_trips + 1)
    assert done.ends["given up"] + done.ends["model_unavailable"] == 300
    assert done.seen["models_given_up"] == {"m": "…"}


def test_a_model_whose_channel_comes_back_is_not_given_up():
    done = run_of(lambda _row, _call: NO_CHANNEL if now_s() < 1 else None, count=50)
    assert done.ends == {"succeeded": 50}


def test_an_outage_of_five_minutes_fails_no_row_and_is_probed_gently():
    done = run_of(lambda _row, _call: REFUSED_CONNECTION if 10 < now_s() < 310 else None, count=200, latency_s=1.0)
    assert done.ends == {"succeeded": 200}
    probes = [at_s for at_s, _ in done.posts if 15 < at_s < 310]
    assert len(probes) < 15
    assert max(at_s for at_s, _ in done.posts) < 310 + 60 + 60 + 30


@pytest.mark.parametrize("what", [REFUSED_CONNECTION, CUT], ids=["refuses", "loses"])
def test_a_gateway_that_only_loses_calls_gets_few_and_stops_the_run_after_ten_minutes(what):
    done = run_of(always(what), count=400, concurrency=4)
    assert len(done.posts) <= 5 + 4 + 16
    assert 600 < max(at_s for at_s, _ in done.posts) < 720
    assert done.ends["stopped"] >= 400 - 25
    assert "ten minutes" in done.seen["stopped"]


def test_a_bad_night_ends_with_every_row_accounted_for():
    rng = random.Random(11)
    night = [LIMITED] * 10 + [BROKEN] * 3 + [REFUSED_CONNECTION] * 3 + [POLICY] * 2 + [None] * 82
    done = run_of(lambda _row, _call: rng.choice(night), count=1000, concurrency=32, rpm=600)
    assert sum(done.ends.values()) == 1000
    assert set(done.ends) <= {"succeeded", "policy", "server_error"}
    assert done.ends["server_error"] <= 2
    assert done.seen["models"]["m"]["in_flight"] == 0
    retried = done.seen["retries"]
    assert retried["requests"] == len(done.posts)
    assert retried["retries"] <= 0.12 * retried["requests"]


def test_a_cancelled_run_leaves_nothing_in_flight():
    async def play() -> dict:
        going = Run(always(None), count=100, latency_s=60)
        task = asyncio.create_task(going.go())
        await asyncio.sleep(30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return going.traffic.snapshot()["models"]["m"]

    seen = run(play())
    assert (seen["in_flight"], seen["waiting"], seen["started"]) == (0, 0, 8)
