"""Which model a row really gets: an ``auto:`` word's, fixed by the dataset, or a retired model's successor."""

from datetime import date

from catalogs.checks import on_model
from catalogs.guide import AUTO
from catalogs.guide import choose as choose_model
from catalogs.models import successor
from catalogs.types import Model, Row
from tasks.engine.planning.keying import bucket_of, plan_row, resolve_sources_of
from tasks.engine.planning.planned import Plan
from tasks.engine.planning.remembered import fixed_choice
from tasks.engine.planning.replacing import fitted
from tasks.engine.planning.request import CatalogOrigin
from tasks.journal.fold import outcome
from tasks.journal.inspect import load_fold


async def with_choice(plan: Plan, row: Row) -> Row:
    """The row with its ``auto:`` model fixed: the dataset's earlier choice, else the guide's today."""
    if not row.model.startswith(AUTO):
        return row
    word = f"{row.model.removeprefix(AUTO)}-{row.operation}"
    model = plan.choices.get(word)
    if model is None:
        model = await fixed_choice(plan.store, word) if plan.dataset else None
        today = date.today()  # noqa: DTZ011 - a life cycle has days, not zones
        plan.choices[word] = model = model or choose_model(row.model, row.operation, today).id
    return on_model(row, plan.table.get(model))


async def with_successor(plan: Plan, row: Row, origin: CatalogOrigin, take: int, made: "Ended") -> Row:
    """The row on its retired model's successor, if that is asked for and its picture was not made before."""
    today = date.today()  # noqa: DTZ011 - a life cycle has days, not zones
    model = replacement_for(plan, row, today)
    if model is None:
        return row
    word = f"replace-{row.model}-{row.operation}"
    fixed = plan.choices.get(word) or (await fixed_choice(plan.store, word) if plan.dataset else None)
    plan.choices[word] = fixed = fixed or model.id
    new, changes = fitted(row, plan.table.get(fixed))
    sources = await resolve_sources_of(plan, row)
    before = None
    if sources is not None:
        before = plan_row(plan, row, origin, 0, take, sources)
        if await made.has(before.wanted.key, bucket_of(plan, before.wanted)):
            return row
    after = plan_row(plan, new, origin, 0, take, sources or [])
    plan.summary.replaced(
        row, new, (before.estimate_micros if before else None) or 0, after.estimate_micros or 0, changes
    )
    return new


def replacement_for(plan: Plan, row: Row, today: date) -> Model | None:
    """The successor of a retired model, if ``--replace-retired`` asks for it and one is known."""
    if not plan.options.replace_retired:
        return None
    model = plan.table.get(row.model)
    if model.retired_on is None or model.retired_on > today:
        return None
    return successor(model, row.operation, today)


class Ended:
    """Which call keys of a dataset ended in one way (succeeded, say); a partition is read once, when asked for."""

    def __init__(self, plan: Plan, way: str) -> None:
        self._plan, self._way = plan, way
        self._keys: dict[int, set[str]] = {}

    async def has(self, key: str | None, partition: int) -> bool:
        """Whether the call with this key ended so."""
        dataset = self._plan.dataset
        if key is None or dataset is None:
            return False
        if partition not in self._keys:
            fold = await load_fold(self._plan.store, dataset.partition_names[partition])
            self._keys[partition] = {k for k, state in fold.keys.items() if outcome(state)[0] == self._way}
        return key in self._keys[partition]
