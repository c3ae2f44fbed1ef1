"""How full the fullest window of a log of times is; used on our own starts and on a gateway's log."""

from collections.abc import Iterable


def busiest_window(times_s: Iterable[float], window_s: float) -> int:
    """The most entries that any half-open window ``[t, t + window_s)`` holds; 0 for an empty log."""
    ordered = sorted(times_s)
    most, first = 0, 0
    for last, at_s in enumerate(ordered):
        while at_s - ordered[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
