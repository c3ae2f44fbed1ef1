"""Figures as people read them; what is not known is a dash, never 0."""

from typing import Any

import pandas as pd


def money(value: Any) -> str:
    """Dollars to the micro-dollar, at least two places; an unknown is a dash."""
    if pd.isna(value):
        return "–"
    whole, _, places = f"{value:,.6f}".partition(".")
    return f"${whole}.{places.rstrip('0').ljust(2, '0')}"


def count(value: Any) -> str:
    """A whole number."""
    return "–" if pd.isna(value) else f"{int(value):,}"


def percent(value: Any) -> str:
    """A share of 1."""
    return "–" if pd.isna(value) else f"{value:.1%}"


def span(value: Any) -> str:
    """Milliseconds, as seconds from one second on."""
    if pd.isna(value):
        return "–"
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.1f} s"
