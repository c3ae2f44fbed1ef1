"""Bytes that suffered on their way: cut, changed, doubled."""

from collections.abc import Sequence

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, samples: Sequence[bytes], most: int) -> bytes:
    """One of ``samples``, cut, with bytes changed or doubled in up to ``most`` places."""
    body = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body)
