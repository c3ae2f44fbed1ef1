"""How many partitions are open at once: as few as it takes to keep the limits full.

The fold of each is in memory, 4 KB a row, and the more there are, the less has group commit to group: 1.1 puts a row
with 4 open, 2.9 with 64.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PartitionGate:
    """Opens a partition while none is open, or while those that are have fewer than ``rows_wanted`` rows left."""

    def __init__(self, rows_wanted: int) -> None:
        self._rows_wanted = rows_wanted
        self._open = 0
        self._rows_left = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @asynccontextmanager
    async def open(self, rows: int) -> AsyncIterator["OpenPartition"]:
        """Wait for a place; call ``row_done`` on what comes back as rows end."""
        if self._waiting or not self._has_room():
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((turn, rows))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave(rows)
                raise
        else:
            self._enter(rows)
        partition = OpenPartition(self, rows)
        try:
            yield partition
        finally:
            self._leave(partition.rows_left)

    def row_done(self) -> None:
        """One row of an open partition has ended."""
        self._rows_left -= 1
        self._admit()

    def _has_room(self) -> bool:
        return not self._open or self._rows_left < self._rows_wanted

    def _enter(self, rows: int) -> None:
        self._open += 1
        self._rows_left += rows

    def _leave(self, rows_left: int) -> None:
        self._open -= 1
        self._rows_left -= rows_left
        self._admit()

    def _admit(self) -> None:
        """Let partitions in; one counts from here on, not from when it comes to run: more rows may end before that."""
        while self._waiting and self._has_room():
            turn, rows = self._waiting.popleft()
            if not turn.done():
                self._enter(rows)
                turn.set_result(None)


class OpenPartition:
    """One partition's rows that are still to end."""

    __slots__ = ("_gate", "rows_left")

    def __init__(self, gate: PartitionGate, rows: int) -> None:
        self._gate, self.rows_left = gate, rows

    def row_done(self) -> None:
        """One of its rows has ended."""
        if self.rows_left:
            self.rows_left -= 1
            self._gate.row_done()
