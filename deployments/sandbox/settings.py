"""How a sandbox behaves: what the command line sets at the start and ``POST /__scenario`` changes later."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Flavour = Literal["openai", "one-api", "new-api", "shellapi"]
Reader = Literal["rapidocr", "embedded"]
FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)
READERS: tuple[Reader, ...] = get_args(Reader)
ANY_MODEL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The behaviour of a gateway; every field has the value of one that works and sets no limit."""

    flavour: Flavour = "shellapi"
    seed: int = 0
    latency_scale: float = 0.0  # times the family's latency; 0 = answers at once
    ttl_scale: float = 1.0  # times the life of signed URLs
    rpm: Mapping[str, int] = field(default_factory=dict)  # model (or *) -> requests per window
    rpm_window_s: float = 60.0
    concurrency: Mapping[str, int] = field(default_factory=dict)  # model (or *) -> requests in flight
    balance_micros: int | None = None  # None = no end
    bad_keys: tuple[str, ...] = ("sk-bad",)
    scenarios: tuple[str, ...] = ()  # name[:rate][@first_attempts]
    picture_bytes: int | None = None  # serve ready-made noise of about this size instead of drawing
    picture_side_px: int | None = None  # the same number of bytes spread over so many pixels, as a real picture's are
    reader: Reader = "rapidocr"
    workers: int = 2  # processes that draw; 0 = a thread of the server


def now_s() -> float:
    """Wall-clock seconds since 1970 (UTC), as signed URLs and the bill count them."""
    return time.time()
