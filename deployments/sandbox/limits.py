"""Keys, requests per window, requests in flight, and the purse."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deployments.sandbox.flavours import GatewayError
from deployments.sandbox.settings import ANY_MODEL, Settings, now_s
from deployments.sandbox.wording import wrong


def masked(key: str) -> str:
    """A key as it may be shown: its first and last characters."""
    return f"{key[:5]}***{key[-3:]}" if len(key) > 10 else f"{key[:3]}***"


class Limits:
    """What this gateway lets through. Counts are per key and model; a refused request does not count."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.balance_micros = settings.balance_micros
        self._recent: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._active: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._reserved_micros = 0

    def check_key(self, key: str | None) -> str:
        """The key of a request; raises 401 for none or a bad one."""
        if not key:
            raise GatewayError(wrong("missing_key", self.settings.flavour))
        if key in self.settings.bad_keys:
            raise GatewayError(wrong("bad_key", self.settings.flavour, masked_key=masked(key)))
        return key

    def check_rate(self, key: str, model: str) -> None:
        """Count one request against the model's rate; raises 429 with the time until the next free place."""
        limit = _of(self.settings.rpm, model)
        if limit is None:
            return
        recent, now = self._recent[key, model], now_s()
        while recent and recent[0] <= now - self.settings.rpm_window_s:
            recent.popleft()
        if len(recent) >= limit:
            wait_s = max(0.001, recent[0] + self.settings.rpm_window_s - now) if recent else self.settings.rpm_window_s
            raise self._too_many("rate_limited", model, limit, wait_s)
        recent.append(now)

    @contextmanager
    def in_flight(self, key: str, model: str) -> Iterator[None]:
        """Hold one of the model's places; raises 429 when all are taken."""
        limit, place = _of(self.settings.concurrency, model), (key, model)
        if limit is not None and self._active[place] >= limit:
            raise self._too_many("too_many_active", model, limit, 1.0)
        self._active[place] += 1
        try:
            yield
        finally:
            self._active[place] -= 1

    @contextmanager
    def reserved(self, micros: int, *, chat: bool) -> Iterator[None]:
        """Keep the worst case of a call aside while it runs; raises the flavour's empty-purse error."""
        if self.balance_micros is not None and self.balance_micros - self._reserved_micros < micros:
            kind = "balance_empty_chat" if chat else "balance_empty"
            have = (self.balance_micros - self._reserved_micros) // 2  # quota units: 500,000 to the dollar
            raise GatewayError(wrong(kind, self.settings.flavour, have=have, need=micros // 2))
        self._reserved_micros += micros
        try:
            yield
        finally:
            self._reserved_micros -= micros

    def spend(self, micros: int) -> None:
        """Take a charge out of the purse, if it has an end."""
        if self.balance_micros is not None:
            self.balance_micros -= micros

    def _too_many(self, kind: str, model: str, limit: int, wait_s: float) -> GatewayError:
        values = {
            "retry_after_s": f"{wait_s:.3f}".rstrip("0").rstrip("."),
            "retry_after_ms": max(1, round(wait_s * 1000)),
        }
        current = limit + 1
        return GatewayError(wrong(kind, self.settings.flavour, model=model, limit=limit, current=current, **values))


def _of(limits: Mapping[str, int], model: str) -> int | None:
    return limits.get(model, limits.get(ANY_MODEL))
