"""Rows whose inputs a plan cannot see yet, as the dataset has them: what they were made from, and what became of it."""

from collections import defaultdict

from catalogs.keys import waiting_key
from catalogs.types import Row
from tasks.engine.planning.keying import plan_row
from tasks.engine.planning.planned import Plan
from tasks.engine.planning.request import CatalogOrigin
from tasks.engine.planning.spill import InputSource
from tasks.journal.events import Wanted
from tasks.journal.fold import outcome
from tasks.journal.inspect import load_fold


class Recorded:
    """The requests of a dataset that were made from pictures; read once, when they are asked for."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests: dict[tuple[str, str, int], list[tuple[Wanted, str]]] | None = None

    async def outcome(self, row: Row, origin: CatalogOrigin, take: int) -> str | None:
        """What became of the newest request that is the row's own, edits of the catalog considered; None if none is."""
        if self._requests is None:
            self._requests = await self._read()
        found = self._requests.get((origin.name, row.row_id, take), [])
        for wanted, end in sorted(found, key=lambda pair: pair[0].at, reverse=True):
            fed = [InputSource(sha256=sha256, kind="store", location="") for sha256 in wanted.input_sha256s]
            if wanted.mask_sha256 is not None:
                fed.append(InputSource(sha256=wanted.mask_sha256, kind="store", location="", mask=True))
            if not fed or plan_row(self._plan, row, origin, 0, take, fed).wanted.key == wanted.key:
                return end
        return None

    async def _read(self) -> dict[tuple[str, str, int], list[tuple[Wanted, str]]]:
        plan, names = self._plan, {origin.name for origin in self._plan.origins}
        requests: dict[tuple[str, str, int], list[tuple[Wanted, str]]] = defaultdict(list)
        for name in plan.dataset.partition_names if plan.dataset else ():
            fold = await load_fold(plan.store, name)
            for (catalog, row_id, take, key), want in fold.wants.items():
                if key is None or catalog not in names:
                    continue
                if want.event.input_sha256s or key == waiting_key(catalog, row_id, take):  # or the input never came
                    requests[catalog, row_id, take].append((want.event, outcome(fold.keys.get(key))[0]))
        return requests
