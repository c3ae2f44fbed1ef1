from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.money import (
    format_usd,
    json_usd,
    parse_usd,
    pico_of,
    round_half_even,
    round_up,
    split_micros,
    usd_decimal,
)

AMOUNTS = st.integers(min_value=0, max_value=10**15)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1.80", 1_800_000),
        ("$0.035", 35_000),
        (" 0.01 ", 10_000),
        ("0", 0),
        (".5", 500_000),
        ("1,250.75", 1_250_750_000),
        ("12,345,678", 12_345_678_000_000),
        ("0.000001", 1),
        ("0.0100000000", 10_000),
        ("007", 7_000_000),
    ],
)
def test_an_amount_as_people_type_it_is_read_exactly(text: str, micros: int):
    assert parse_usd(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "$", ".", "-1", "+1", "1e3", "nan", "inf", "NaN", "0x10", "1.2.3", "1,5", "1,00.5", "12,34,567"),
        *("1_000", "1 000", "１", "٣", "1.0000001", "$$1", "1$", "USD 1", "1.", "1\n2", "--1"),
    ],
)
def test_anything_else_is_refused_rather_than_guessed(text: str):
    with pytest.raises(ValueError, match=r"USD|micro-dollar"):
        parse_usd(text)


@given(AMOUNTS)
@settings(max_examples=200, deadline=None)
def test_what_is_shown_reads_back_as_the_same_amount(micros: int):
    assert parse_usd(format_usd(micros)) == micros
    assert usd_decimal(micros) * 1_000_000 == micros


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (35_000, "$0.035"),
        (1_800_000, "$1.80"),
        (1_234_567_890_000, "$1,234,567.89"),
        (-10_000, "-$0.01"),
        (None, "unknown"),
    ],
)
def test_an_amount_is_shown_exactly_and_an_unknown_one_never_as_zero(micros: int | None, shown: str):
    assert format_usd(micros) == shown


def test_a_decimal_amount_always_has_six_places_as_the_manifest_column_has():
    assert str(usd_decimal(1_800_000)) == "1.800000"
    assert str(usd_decimal(0)) == "0.000000"
    assert str(usd_decimal(-1)) == "-0.000001"


@given(AMOUNTS, st.integers(min_value=1, max_value=16))
@settings(max_examples=200, deadline=None)
def test_shares_add_up_and_only_sample_0_differs(total: int, n: int):
    shares = split_micros(total, n)
    assert sum(shares) == total
    assert len(shares) == n
    assert len(set(shares[1:])) <= 1
    assert 0 <= shares[0] - shares[-1] < n


def test_the_odd_micro_dollars_fall_on_sample_0():
    assert split_micros(100_003, 4) == [25_003, 25_000, 25_000, 25_000]
    assert split_micros(2, 3) == [2, 0, 0]


@pytest.mark.parametrize(("total", "n"), [(1, 0), (1, -1), (-1, 2)])
def test_a_split_that_makes_no_sense_is_an_error(total: int, n: int):
    with pytest.raises(ValueError, match="cannot split"):
        split_micros(total, n)


@pytest.mark.parametrize(
    ("pico", "half_even", "up"),
    [
        (0, 0, 0),
        (1, 0, 1),
        (499_999, 0, 1),
        (500_000, 0, 1),
        (500_001, 1, 1),
        (1_000_000, 1, 1),
        (1_500_000, 2, 2),
        (2_500_000, 2, 3),
        (2_500_001, 3, 3),
    ],
)
def test_charges_round_half_to_even_and_caps_round_up(pico: int, half_even: int, up: int):
    assert round_half_even(pico) == half_even
    assert round_up(pico) == up


@given(st.integers(min_value=0, max_value=10**18))
@settings(max_examples=200, deadline=None)
def test_a_cap_is_never_below_the_charge_for_the_same_amount(pico: int):
    assert 0 <= round_up(pico) - round_half_even(pico) <= 1


def test_a_price_too_fine_to_be_kept_exactly_is_a_mistake_in_the_table():
    assert pico_of(Decimal("0.000000000001")) == 1
    with pytest.raises(ValueError, match="finer"):
        pico_of(Decimal("0.0000000000001"))


@pytest.mark.parametrize(
    ("micros", "text"), [(0, "0.00"), (35_000, "0.035"), (1_800_000, "1.80"), (1_234_567_891, "1234.567891")]
)
def test_json_shows_the_exact_amount_without_signs(micros: int, text: str) -> None:
    assert json_usd(micros) == text
    assert parse_usd(json_usd(micros)) == micros
