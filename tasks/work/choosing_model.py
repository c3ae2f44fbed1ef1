"""Which model a row really gets: an ``auto:`` word's, fixed by the dataset, or a retired model's successor."""

from dataclasses import replace
from datetime import date

from catalogs.guide import choose as choose_model
from catalogs.types import Row
from tasks.work.keying import bucket_of, plan_row, resolve_sources_of
from tasks.work.planned import Plan
from tasks.work.remembered import fixed_choice
from tasks.work.replacing import Made, fitted, replacement_for
from tasks.work.request import CatalogOrigin


async def with_choice(plan: Plan, row: Row) -> Row:
    """The row with its ``auto:`` model fixed: the dataset's earlier choice, else the guide's today."""
    if not row.model.startswith("auto:"):
        return row
    word = f"{row.model.removeprefix('auto:')}-{row.operation}"
    model = plan.choices.get(word)
    if model is None:
        model = await fixed_choice(plan.store, word) if plan.dataset else None
        today = date.today()  # noqa: DTZ011 - a life cycle has days, not zones
        plan.choices[word] = model = model or choose_model(row.model, row.operation, today).id
    return replace(row, model=model)


async def with_successor(plan: Plan, row: Row, origin: CatalogOrigin, take: int, made: Made) -> Row:
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
