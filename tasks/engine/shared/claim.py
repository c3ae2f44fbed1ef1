"""Who may spend a run's budget in some partitions: of several processes with one run id, the one that came last.

A counter in each of them would let every one spend the whole budget. So each claims its partitions before it reads what
was spent there, and looks for a later claim each time it has opened a partition, before it buys anything in it.
"""

from dataclasses import dataclass

import orjson

from tasks.storage.store import Store


@dataclass(slots=True)
class Claim:
    """``number`` orders the claims of a run; 0 = not made yet."""

    store: Store
    run_id: str
    partitions: frozenset[int]
    number: int = 0

    async def take(self) -> bool:
        """Claim the partitions; whether the run had claims before. May be done again if it failed."""
        body = orjson.dumps(sorted(self.partitions))
        while True:
            listed = await self.store.list(self._name())
            newest = int(listed[-1].key.rpartition("/")[2]) if listed else 0
            if await self.store.create(self._name(newest + 1), body):
                self.number = newest + 1
                return newest > 0

    async def replaced(self) -> bool:
        """Whether a later claim holds one of the partitions."""
        for listed in await self.store.list(self._name(), start_after=self._name(self.number)):
            if self.partitions & set(orjson.loads(await self.store.get(listed.key))):
                return True
        return False

    def _name(self, number: int | None = None) -> str:
        return f"journal/claims/{self.run_id}/" + ("" if number is None else f"{number:08d}")
