"""Keys by content: equal requests have equal keys, different ones have not."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.keys import call_key, canonical_json, result_key, waiting_key

_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def _shuffled(value):
    if isinstance(value, dict):
        return {k: _shuffled(value[k]) for k in reversed(list(value))}
    return tuple(map(_shuffled, value)) if isinstance(value, list) else value


@given(_JSON)
@settings(max_examples=200, deadline=None)
def test_order_of_keys_and_kind_of_sequence_do_not_matter(value):
    assert canonical_json(value) == canonical_json(_shuffled(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}'),
        ({"seed": 7.0}, '{"seed":7}'),
        ({"zero": -0.0}, '{"zero":0}'),
        (0.1, "0.1"),
        ("赛博朋克\n", '"赛博朋克\\n"'),
        ({"é": 1, "z": 2}, '{"z":2,"é":1}'),
    ],
)
def test_the_canonical_form_is_fixed(value, text):
    assert canonical_json(value) == text.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70, "\ud800", {1: "a"}, {"a": object()}, {"b": b"x"}])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError, match="canonical"):
        canonical_json(value)


def test_a_call_key_is_the_sha256_of_the_request():
    request = {"prompt": "a cat", "n": 1}
    assert call_key(request) == hashlib.sha256(b'{"n":1,"prompt":"a cat"}').hexdigest()
    assert call_key(request) != call_key({**request, "take": 2})


def test_results_of_one_call_differ_and_stay_in_its_partition():
    key = call_key({"prompt": "a cat"})
    results = {result_key(key, sample) for sample in range(10)}
    assert len(results | {key}) == 11
    assert {(r[:8], len(r)) for r in results} == {(key[:8], 64)}


def test_a_waiting_row_has_a_key_of_its_own():
    assert waiting_key("a", "b", 1) == waiting_key("a", "b", 1)
    assert len({waiting_key("a", "b", 1), waiting_key("a", "b", 2), waiting_key("ab", "", 1)}) == 3
