import random

import pytest

from tasks.protocols.retry import Retries, RetryBudget, RetryPolicy, next_delay
from tasks.protocols.wire import Failure
from tests.tasks.protocols.failures import failure

NO_CONNECTION = failure("transient", reason="connection", resend=True)


def delays(
    what: Failure, count: int, *, budget: RetryBudget | None = None, seed: int = 0, **options
) -> list[float | None]:
    rng, budget = random.Random(seed), budget or RetryBudget()
    return [next_delay(what, resend, budget, rng, **options) for resend in range(1, count + 1)]


@pytest.mark.parametrize(
    ("what", "resends"),
    [
        (failure("refused"), 0),
        (failure("invalid"), 0),
        (failure("auth"), 0),
        (failure("quota"), 0),
        (failure("no_image"), 0),
        (failure("unknown", paid="unknown"), 0),
        (failure("model_unavailable"), 0),
        (failure("transient", resend=True), 2),
        (failure("transient", resend=False), 0),
        (failure("transient", resend=True, max_resends=5), 5),
        (failure("transient", resend=True, max_resends=0), 0),
        (failure("model_unavailable", resend=True, max_resends=2), 2),
        (failure("quota", resend=True, max_resends=1, retry_after_s=60), 1),
        (failure("rate_limited", resend=True), 50),
        (failure("rate_limited", resend=True, max_resends=3), 3),
        (NO_CONNECTION, 50),
    ],
    ids=lambda value: f"{value.error_class}-{value.resend}-{value.max_resends}" if isinstance(value, Failure) else None,
)
def test_each_kind_of_failure_is_resent_so_often(what, resends):
    allowed = [delay is not None for delay in delays(what, 50)]
    assert allowed == [True] * resends + [False] * (50 - resends)


def test_the_backoff_is_spread_over_the_whole_interval_that_doubles_up_to_a_minute():
    for resend in range(1, 12):
        most_s = min(60.0, 2.0 ** (resend - 1))
        drawn = sorted(
            next_delay(failure("rate_limited", resend=True), resend, RetryBudget(), random.Random(seed))
            for seed in range(200)
        )
        assert 0 <= drawn[0] < 0.1 * most_s
        assert 0.9 * most_s < drawn[-1] <= most_s
        assert 0.4 * most_s < sum(drawn) / 200 < 0.6 * most_s


@pytest.mark.parametrize(("asked_s", "waits_s"), [(1.0, 1.0), (17.0, 17.0), (54_749.0, 300.0)])
def test_retry_after_wins_over_the_backoff_and_is_capped(asked_s, waits_s):
    for error_class in ("rate_limited", "transient"):
        assert delays(failure(error_class, resend=True, retry_after_s=asked_s), 2) == [waits_s, waits_s]


@pytest.mark.parametrize("asked_s", [0.0, 0.25])
def test_a_retry_after_of_next_to_nothing_does_not_switch_the_backoff_off(asked_s):
    limited = failure("rate_limited", resend=True, retry_after_s=asked_s)
    waits = delays(limited, 50)
    assert min(waits) >= asked_s
    assert max(waits) > 30


@pytest.mark.parametrize("what", [failure("rate_limited", resend=True), NO_CONNECTION], ids=["429", "down"])
def test_what_costs_nothing_is_repeated_for_an_hour_instead_of_a_number(what):
    assert delays(what, 1, waited_s=3600) != [None]
    assert delays(what, 1, waited_s=3601) == [None]


def test_a_server_error_is_repeated_however_late():
    assert delays(failure("transient", resend=True), 1, waited_s=100_000) != [None]


def test_a_backoff_of_the_thousandth_resend_is_still_a_minute_at_most():
    assert 0 <= next_delay(NO_CONNECTION, 5000, RetryBudget(), random.Random(0)) <= 60


# -- the retry budget


def within(requests: int, retries: int) -> bool:
    budget = RetryBudget(requests=requests, retries=retries)
    return budget.take()


@pytest.mark.parametrize(
    ("requests", "retries", "fits"),
    [(0, 49, True), (0, 50, False), (500, 49, True), (500, 50, False), (1000, 99, True), (1000, 100, False)],
)
def test_retries_are_a_tenth_of_the_requests_and_never_below_fifty(requests, retries, fits):
    assert within(requests, retries) is fits


def test_a_used_up_budget_delays_a_retry_and_fails_none():
    spent = RetryBudget(requests=100, retries=50)
    for delay in delays(failure("transient", resend=True), 2, budget=spent):
        assert 30 <= delay <= 60
    assert spent.retries == 52


def test_a_used_up_budget_never_shortens_what_the_gateway_asked_for():
    spent = RetryBudget(retries=50)
    assert delays(failure("transient", resend=True, retry_after_s=200), 1, budget=spent) == [200]


def test_rate_limits_neither_use_nor_feel_the_budget():
    spent = RetryBudget(retries=50)
    assert max(delays(failure("rate_limited", resend=True), 4, budget=spent, seed=3)) < 8
    assert spent.retries == 50


def test_the_budget_opens_again_as_requests_catch_up():
    run = Retries(rng=random.Random(0))
    run.budget.retries = 50
    assert run.row().after(failure("transient", resend=True)) >= 30
    for _ in range(600):
        run.sent()
    assert run.row().after(failure("transient", resend=True)) <= 1
    assert run.snapshot() == {"requests": 600, "retries": 52, "exhausted": False}


# -- one row


def test_a_row_counts_each_kind_of_failure_for_itself():
    row = Retries(rng=random.Random(0)).row()
    for _ in range(20):
        assert row.after(failure("rate_limited", resend=True)) is not None
        assert row.after(NO_CONNECTION) is not None
    answers = [row.after(failure("transient", resend=True)) is not None for _ in range(3)]
    assert answers == [True, True, False]


def test_a_row_grows_impatient_by_its_own_clock():
    now = [0.0]
    row = Retries(RetryPolicy(patience_s=100), clock=lambda: now[0], rng=random.Random(0)).row()
    limited = failure("rate_limited", resend=True)
    assert row.after(limited) is not None
    now[0] = 99
    assert row.after(limited) is not None
    now[0] = 101
    assert row.after(limited) is None


def test_a_repetition_decided_elsewhere_backs_off_and_counts_as_a_retry():
    run = Retries(rng=random.Random(0))
    row = run.row()
    assert 0 <= row.again() <= 1
    assert 0 <= row.again() <= 2
    assert run.budget.retries == 2
