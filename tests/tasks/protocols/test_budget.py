import asyncio
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tasks.protocols.budget import Budget, BudgetExhausted, Reservation
from tests.support.virtual_time import VirtualLoop, run


async def fits_now(budget: Budget, cap_micros: int) -> bool | None:
    """True: reserved (and cancelled again); False: never will; None: would have to wait."""
    try:
        reservation = await asyncio.wait_for(budget.reserve(cap_micros), 1)
    except BudgetExhausted:
        return False
    except TimeoutError:
        return None
    reservation.cancel()
    return True


@pytest.mark.parametrize(
    ("limit", "spent", "in_flight", "cap", "expected"),
    [
        (100, 0, 0, 100, True),
        (100, 0, 0, 101, False),
        (100, 90, 0, 10, True),
        (100, 90, 0, 11, False),
        (100, 0, 60, 40, True),
        (100, 0, 60, 41, None),
        (100, 50, 40, 50, None),
        (100, 51, 40, 50, False),
        (0, 0, 0, 0, True),
        (0, 0, 0, 1, False),
        (None, 10**12, 10**12, 10**12, True),
    ],
)
def test_a_call_fits_now_or_later_or_never(limit, spent, in_flight, cap, expected):
    async def play() -> bool | None:
        budget = Budget(limit, spent)
        await budget.reserve(in_flight)
        return await fits_now(budget, cap)

    assert run(play()) is expected


@pytest.mark.parametrize(
    ("end", "spent", "at_risk"),
    [
        (lambda r: r.settle(30), 30, 0),
        (lambda r: r.settle(0), 0, 0),
        (lambda r: r.settle(None), 50, 50),
        (lambda r: r.settle(30, at_risk=True), 50, 50),
        (lambda r: r.cancel(), 0, 0),
        (lambda r: (r.settle(30), r.cancel(), r.settle(None)), 30, 0),
        (lambda r: (r.cancel(), r.settle(30)), 0, 0),
    ],
)
def test_a_reservation_ends_once_and_what_may_be_charged_counts_as_spent(end, spent, at_risk):
    async def play() -> dict:
        budget = Budget(100)
        end(await budget.reserve(50))
        return budget.snapshot()

    assert run(play()) == {
        "limit_micros": 100, "spent_micros": spent, "at_risk_micros": at_risk, "reserved_micros": 0, "waiting": 0,
    }  # fmt: skip


def test_a_waiting_call_goes_on_when_one_in_flight_turns_out_cheaper():
    async def play() -> int:
        budget = Budget(100)
        first = await budget.reserve(60)
        asyncio.get_running_loop().call_later(5, first.settle, 10)
        await budget.reserve(60)
        return budget.spent_micros + budget.reserved_micros

    assert run(play()) == 70


def test_a_waiting_call_gives_up_the_moment_it_can_no_longer_fit():
    async def play() -> float:
        budget = Budget(100)
        first, _ = await budget.reserve(50), await budget.reserve(40)
        asyncio.get_running_loop().call_later(5, first.settle, 50)
        with pytest.raises(BudgetExhausted):
            await budget.reserve(60)
        return asyncio.get_running_loop().time()

    assert run(play()) == 5, "although another call is still in flight"


def test_a_small_call_does_not_overtake_a_large_one():
    async def play() -> list[str]:
        budget, order = Budget(100), []
        first = await budget.reserve(60)

        async def call(name: str, cap: int) -> None:
            reservation = await budget.reserve(cap)
            order.append(name)
            reservation.settle(0)

        tasks = [asyncio.create_task(call("large", 90)), asyncio.create_task(call("small", 5))]
        await asyncio.sleep(1)
        first.settle(0)
        await asyncio.gather(*tasks)
        return order

    assert run(play()) == ["large", "small"]


def test_a_cancelled_wait_frees_the_queue_behind_it():
    async def play() -> bool | None:
        budget = Budget(100)
        await budget.reserve(60)
        large = asyncio.create_task(budget.reserve(90))
        await asyncio.sleep(0)
        small = asyncio.create_task(budget.reserve(40))
        await asyncio.sleep(0)
        large.cancel()
        await asyncio.wait_for(small, 1)
        return large.cancelled()

    assert run(play())


def test_a_wait_cancelled_in_the_moment_it_ends_gives_its_room_back():
    async def play() -> dict:
        budget = Budget(100)
        first = await budget.reserve(60)
        waiter = asyncio.create_task(budget.reserve(90))
        await asyncio.sleep(0)
        first.settle(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        return budget.snapshot()

    assert run(play())["reserved_micros"] == 0


def test_the_warning_comes_once_at_four_fifths():
    async def play() -> list[tuple[int, int]]:
        heard: list[tuple[int, int]] = []
        budget = Budget(100, 50, on_warning=lambda spent, limit: heard.append((spent, limit)))
        for cost, expected in [(29, 0), (1, 1), (5, 1)]:
            (await budget.reserve(cost)).settle(cost)
            assert len(heard) == expected
        return heard

    assert run(play()) == [(80, 100)]


def test_a_bill_above_the_cap_is_counted_in_full_and_stops_what_follows():
    async def play() -> tuple[int, bool | None]:
        budget = Budget(100)
        (await budget.reserve(50)).settle(120)
        return budget.spent_micros, await fits_now(budget, 1)

    assert run(play()) == (120, False)


def test_amounts_below_zero_are_refused():
    async def play() -> None:
        budget = Budget(100)
        with pytest.raises(ValueError, match="below zero"):
            await budget.reserve(-1)
        reservation = await budget.reserve(1)
        with pytest.raises(ValueError, match="below zero"):
            reservation.settle(-1)

    run(play())


class Spending(RuleBasedStateMachine):
    """Any order of reserving, settling, cancelling and giving up, against a plain sum."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.budget = Budget(1000)
        self.spent = 0
        self.open: list[Reservation] = []
        self.tasks: list[asyncio.Task[Reservation]] = []

    def teardown(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.settle_loop()
        self.loop.close()

    def settle_loop(self) -> None:
        for _ in range(4):
            self.loop.run_until_complete(asyncio.sleep(0))
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            if not task.cancelled() and task.exception() is None:
                self.open.append(task.result())
            elif not task.cancelled():
                assert isinstance(task.exception(), BudgetExhausted)

    @rule(cap=st.integers(0, 600))
    def reserve(self, cap: int) -> None:
        async def wait() -> Reservation:
            return await self.budget.reserve(cap)

        self.tasks.append(self.loop.create_task(wait()))
        self.settle_loop()

    @rule(pick=st.randoms(use_true_random=False), part=st.floats(0, 1), risk=st.booleans(), unknown=st.booleans())
    def settle(self, pick: random.Random, part: float, risk: bool, unknown: bool) -> None:
        if self.open:
            reservation = self.take(pick)
            cost = int(reservation.cap_micros * part)
            self.spent += reservation.cap_micros if risk or unknown else cost
            reservation.settle(None if unknown else cost, at_risk=risk)
            self.settle_loop()

    @rule(pick=st.randoms(use_true_random=False))
    def cancel(self, pick: random.Random) -> None:
        if self.open:
            self.take(pick).cancel()
            self.settle_loop()

    @rule(pick=st.randoms(use_true_random=False))
    def give_up(self, pick: random.Random) -> None:
        if self.tasks:
            pick.choice(self.tasks).cancel()
            self.settle_loop()

    def take(self, pick: random.Random) -> Reservation:
        reservation = pick.choice(self.open)
        self.open.remove(reservation)
        return reservation

    @invariant()
    def the_sums_agree_and_stay_within_the_limit(self) -> None:
        assert self.budget.spent_micros == self.spent
        assert self.budget.reserved_micros == sum(reservation.cap_micros for reservation in self.open)
        assert self.budget.spent_micros + self.budget.reserved_micros <= 1000

    @invariant()
    def nobody_waits_while_nothing_is_in_flight(self) -> None:
        assert self.open or not self.tasks


Spending.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, database=None
)
TestSpending = Spending.TestCase


def test_sixty_four_calls_at_once_spend_up_to_the_limit_and_not_a_micro_dollar_more():
    async def play() -> tuple[int, int]:
        budget, rng, charged = Budget(3_700_000), random.Random(7), []

        async def row() -> None:
            try:
                reservation = await budget.reserve(12_345)
            except BudgetExhausted:
                return
            await asyncio.sleep(rng.uniform(0.1, 3))
            cost = rng.choice([12_345, 10_000, 0])
            charged.append(cost)
            reservation.settle(cost)

        async def worker(count: int) -> None:
            for _ in range(count):
                await row()

        await asyncio.gather(*(worker(16) for _ in range(64)))
        return sum(charged), budget.spent_micros

    charged, spent = run(play())
    assert charged == spent <= 3_700_000
    assert spent > 3_700_000 - 12_345 - 1, "nothing that still fitted was left out"


def test_a_counter_that_is_checked_before_and_added_to_after_overspends():
    async def play() -> int:
        spent = 0

        async def row() -> None:
            nonlocal spent
            if spent + 10 <= 100:
                await asyncio.sleep(1)
                spent += 10

        await asyncio.gather(*(row() for _ in range(64)))
        return spent

    assert run(play()) > 100
