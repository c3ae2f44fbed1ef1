"""The flat tables behind ids and repeats, against a dict."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.identity import BROKEN, Claimed, Ids, Repeats, Table

marks = st.integers(0, 2**64 - 1) | st.integers(0, 50) | st.integers(0, 40).map(lambda i: i * 1024)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(marks, st.integers(1, 2**63)), max_size=60))
def test_a_table_keeps_the_first_value_of_every_mark(pairs: list[tuple[int, int]]) -> None:
    table, model = Table(), dict[int, int]()
    for mark, value in pairs:
        assert table.add(mark, value) == model.get(mark or 1, 0)
        model.setdefault(mark or 1, value)
    assert len(table) == len(model)
    assert all(table.get(mark) == value for mark, value in model.items())


def test_a_table_grows_without_losing_anything() -> None:
    table = Table()
    for i in range(20_000):
        assert not table.add(hash(str(i)) & (2**64 - 1), i + 1)
    assert all(table.get(hash(str(i)) & (2**64 - 1)) == i + 1 for i in range(20_000))
    assert not table.get(hash("other") & (2**64 - 1))


def test_an_id_belongs_to_the_row_that_came_first() -> None:
    ids = Ids()
    assert ids.claim("a", 1, 10) is None
    assert ids.claim("b", 2_000_000, BROKEN) is None
    assert ids.claim("a", 3, 1) == Claimed(1, 10)
    assert ids.find("b") == Claimed(2_000_000, BROKEN)
    assert ids.find("c") is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5)))
def test_repeats_are_counted(values: list[int]) -> None:
    repeats, seen = Repeats(), Counter[int]()
    for value in values:
        assert repeats.count(value + 1) == seen[value]
        seen[value] += 1
