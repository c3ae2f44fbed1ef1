"""Who may spend a run's budget in some partitions: of several processes with one run id, the one that came last.

A counter in each of them would let every one spend the whole budget. So each claims its partitions before it reads what
was spent there, and looks for a later claim each time it has opened a partition, before it buys anything in it.
"""

from dataclasses import dataclass

import orjson

from tasks.journal.names import CLAIMS, claim_name, claims_prefix
from tasks.storage.store import Store

FORGET_AFTER_S = 30 * 86_400.0  # by the store's clock; no run lasts that long


@dataclass(slots=True)
class Claim:
    """``number`` orders the claims of a run; 0 = not made yet."""

    store: Store
    run_id: str
    partitions: frozenset[int]
    number: int = 0

    async def take(self) -> bool:
        """Claim the partitions; whether the run had claims before. May be done again if it failed.

        Claims of runs that are long over are deleted.
        """
        body, mine = orjson.dumps(sorted(self.partitions)), claims_prefix(self.run_id)
        while True:
            listed = await self.store.list(CLAIMS)
            ours = [each.key for each in listed if each.key.startswith(mine)]
            newest = int(ours[-1].rpartition("/")[2]) if ours else 0
            if await self.store.create(claim_name(self.run_id, newest + 1), body):
                self.number = newest + 1
                break
        latest = max((each.modified_at for each in listed), default=0.0)
        for each in listed:
            if latest - each.modified_at > FORGET_AFTER_S and not each.key.startswith(mine):
                await self.store.delete(each.key)
        return newest > 0

    async def replaced(self) -> bool:
        """Whether a later claim holds one of the partitions."""
        last = claim_name(self.run_id, self.number)
        for listed in await self.store.list(claims_prefix(self.run_id), start_after=last):
            if self.partitions & set(orjson.loads(await self.store.get(listed.key))):
                return True
        return False
