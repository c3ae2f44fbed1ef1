"""Money that may still be spent: the worst case of every call is set aside before it is made.

Amounts are integer micro-dollars. What may have been charged counts as charged.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from catalogs.money import format_usd

_WARN_AT = 0.8


class BudgetExhausted(Exception):
    """The call cannot be paid for even if every call in flight turns out to cost nothing."""

    def __init__(self, cap_micros: int, spent_micros: int, limit_micros: int) -> None:
        super().__init__(
            f"a call of up to {format_usd(cap_micros)} does not fit: {format_usd(spent_micros)} of "
            f"{format_usd(limit_micros)} is spent or at risk"
        )
        self.cap_micros = cap_micros


class Reservation:
    """The worst case of one call, set aside. End it with ``settle`` or ``cancel``; only the first of them counts."""

    __slots__ = ("_budget", "_open", "cap_micros")

    def __init__(self, budget: "Budget", cap_micros: int) -> None:
        self._budget = budget
        self._open = True
        self.cap_micros = cap_micros

    def settle(self, cost_micros: int | None, *, at_risk: bool = False) -> None:
        """The call was made and cost this much. None (nobody knows) or ``at_risk`` counts the whole cap as spent."""
        if cost_micros is not None and cost_micros < 0:
            raise ValueError(f"a cost below zero: {cost_micros}")
        if not self._open:
            return
        self._open = False
        uncertain = at_risk or cost_micros is None
        cost = self.cap_micros if uncertain or cost_micros is None else cost_micros
        self._budget._settle(self.cap_micros, cost, at_risk=uncertain)  # noqa: SLF001 - one unit, two classes

    def cancel(self) -> None:
        """The call was never made; its room is free again. After ``settle``, nothing happens."""
        if self._open:
            self._open = False
            self._budget._settle(self.cap_micros, 0, at_risk=False)  # noqa: SLF001 - one unit, two classes


class Budget:
    """What one run may spend; ``limit_micros`` None = no limit. Shared by all tasks of one event loop.

    ``spent_micros`` is what the run's earlier processes spent, possible charges included. As long as no call costs
    more than its cap, spent + reserved never passes the limit. ``on_warning(spent, limit)`` is called once, when 80 %
    of the limit is spent. First come, first served: a small call does not overtake a large one that waits.
    """

    def __init__(
        self, limit_micros: int | None, spent_micros: int = 0, *, on_warning: Callable[[int, int], None] | None = None
    ) -> None:
        self._limit = limit_micros
        self._on_warning = on_warning
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.spent_micros = spent_micros
        self.reserved_micros = 0
        self.at_risk_micros = 0
        self._warn_if_due()

    async def reserve(self, cap_micros: int) -> Reservation:
        """Set ``cap_micros`` aside, waiting while calls in flight may still leave room for it.

        Raises ``BudgetExhausted`` as soon as it cannot fit any more.
        """
        if cap_micros < 0:
            raise ValueError(f"a cap below zero: {cap_micros}")
        if not self._waiting and self._fits(cap_micros):
            self.reserved_micros += cap_micros
            return Reservation(self, cap_micros)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((cap_micros, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.reserved_micros -= cap_micros
            self._serve()
            raise
        return Reservation(self, cap_micros)

    def snapshot(self) -> dict[str, Any]:
        """Limit, spent (of it at risk), reserved and how many calls wait for room. Plain values, micro-dollars."""
        return {
            "limit_micros": self._limit,
            "spent_micros": self.spent_micros,
            "at_risk_micros": self.at_risk_micros,
            "reserved_micros": self.reserved_micros,
            "waiting": sum(not turn.done() for _, turn in self._waiting),
        }

    def _fits(self, cap_micros: int) -> bool:
        return self._limit is None or self.spent_micros + self.reserved_micros + cap_micros <= self._limit

    def _settle(self, cap_micros: int, cost_micros: int, *, at_risk: bool) -> None:
        self.reserved_micros -= cap_micros
        self.spent_micros += cost_micros
        self.at_risk_micros += cost_micros if at_risk else 0
        self._warn_if_due()
        self._serve()

    def _serve(self) -> None:
        """Answer from the head of the queue all who fit now or can never fit; the first who must wait ends it."""
        while self._waiting:
            cap_micros, turn = self._waiting[0]
            if turn.done():
                pass
            elif self._fits(cap_micros):
                self.reserved_micros += cap_micros
                turn.set_result(None)
            elif self._limit is not None and self.spent_micros + cap_micros > self._limit:
                turn.set_exception(BudgetExhausted(cap_micros, self.spent_micros, self._limit))
            else:
                return
            self._waiting.popleft()

    def _warn_if_due(self) -> None:
        if self._on_warning and self._limit is not None and self.spent_micros >= _WARN_AT * self._limit:
            warn, self._on_warning = self._on_warning, None
            warn(self.spent_micros, self._limit)
