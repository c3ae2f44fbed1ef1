"""Money is an int of micro-dollars (1 USD = 1,000,000); USD is a Decimal or text only where people read or type it.

Rounding: what may be charged (a cap) rounds up; what was charged rounds half to even. Never a float. Sums that are not
yet rounded are pico-dollars: at $1 per million tokens, one token costs exactly 1,000,000 of them.
"""

import re
from decimal import Decimal

MICROS_PER_USD = 1_000_000
PICO_PER_MICRO = 1_000_000
_USD = re.compile(r"\$?(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.(?P<fraction>[0-9]+))?", re.ASCII)


def parse_usd(text: str) -> int:
    """Micro-dollars of an amount as people type it: ``1.80``, ``$0.035``, ``1,250``.

    Raises ValueError for anything else: a sign, an exponent, or a figure finer than a micro-dollar.
    """
    match = _USD.fullmatch(text.strip())
    if match is None or not (match["whole"] or match["fraction"]):
        raise ValueError(f"{text!r} is not an amount in USD such as 1.80")
    fraction = (match["fraction"] or "").rstrip("0")
    if len(fraction) > 6:
        raise ValueError(f"{text!r} is finer than a micro-dollar (6 decimals)")
    return int((match["whole"] or "0").replace(",", "")) * MICROS_PER_USD + int(fraction.ljust(6, "0"))


def format_usd(micros: int | None) -> str:
    """``$1.80``, ``$0.035``, ``-$0.01``: at least 2 decimals, exact; None, a cost nobody knows, is ``unknown``."""
    if micros is None:
        return "unknown"
    whole, fraction = divmod(abs(micros), MICROS_PER_USD)
    decimals = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}${whole:,}.{decimals}"


def usd_decimal(micros: int) -> Decimal:
    """The exact USD amount with six decimals, as the manifest's decimal(18,6) holds it."""
    sign, digits = ("-", -micros) if micros < 0 else ("", micros)
    whole, fraction = divmod(digits, MICROS_PER_USD)
    return Decimal(f"{sign}{whole}.{fraction:06d}")


def json_usd(micros: int) -> str:
    """``1.80``, ``0.035``: the exact amount as ``--json`` shows it, at least 2 decimals, no sign of currency."""
    return format_usd(micros).replace("$", "").replace(",", "")


def split_micros(total_micros: int, n: int) -> list[int]:
    """``n`` shares of one charge that add up to it: equal, the odd micro-dollars on sample 0.

    Raises ValueError for a negative total or fewer than one share.
    """
    if n < 1 or total_micros < 0:
        raise ValueError(f"cannot split {total_micros} micro-dollars into {n} shares")
    share, odd = divmod(total_micros, n)
    return [share + odd] + [share] * (n - 1)


def pico_of(usd: Decimal) -> int:
    """Pico-dollars of an amount in USD. Raises ValueError for a finer amount: a mistake in a price table."""
    numerator, denominator = usd.as_integer_ratio()
    pico, rest = divmod(numerator * MICROS_PER_USD * PICO_PER_MICRO, denominator)
    if rest:
        raise ValueError(f"a price of {usd} USD is finer than a pico-dollar")
    return pico


def round_up(pico: int) -> int:
    """Micro-dollars, for a cap."""
    return -(-pico // PICO_PER_MICRO)


def round_half_even(pico: int) -> int:
    """Micro-dollars, for an estimate or a charge."""
    micros, rest = divmod(pico, PICO_PER_MICRO)
    half = PICO_PER_MICRO // 2
    return micros + 1 if rest > half or (rest == half and micros % 2) else micros
