"""What a dataset remembers of the user's words: which model an ``auto:`` row got, and which takes were raised."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import orjson

from tasks.engine.planning.overriding import selective
from tasks.engine.planning.planned import Plan
from tasks.engine.planning.remembered import (
    Retake,
    bare_rows_key,
    choice_key,
    kept_key,
    own_takes_key,
    retakes_key,
    takes_key,
)
from tasks.storage.store import Store


async def fix_choices(plan: Plan, store: Store) -> None:
    """Keep the models that this plan chose, for every later plan. The first run to come decides.

    The model of ``--model`` is that of the rows that name none, until another is given to every row.
    """
    for word, model in plan.choices.items():
        await store.create(choice_key(word), model.encode())
    if plan.options.model:
        keep = store.create if selective(plan.options) else store.put
        for origin in plan.origins:
            await keep(bare_rows_key(origin.name), plan.options.model.strip().encode())


async def fix_takes(plan: Plan, store: Store) -> None:
    """Keep the takes that ``--again`` raised, so that the next plain run does not fall back to the catalog's.

    One that was made on the model of ``--model`` is kept with it: on another model nobody asked for that take.
    """
    raised: dict[str, dict[str, int]] = defaultdict(dict)
    for (catalog, row_id), take in plan.takes.items():
        raised[catalog][row_id] = take
    for catalog, takes in raised.items():
        if plan.options.again:
            await store.create(own_takes_key(catalog, plan.run_id), orjson.dumps(takes))
        elsewhere = {row_id: plan.read_as[catalog, row_id] for row_id in takes if (catalog, row_id) in plan.read_as}
        if own := {row_id: take for row_id, take in takes.items() if row_id not in elsewhere}:
            await _merge(store, takes_key(catalog), own)
        if elsewhere:
            made = {row_id: (own, Retake(model, takes[row_id])) for row_id, (own, model) in elsewhere.items()}
            await _merge_retakes(store, retakes_key(catalog), made)


async def fix_kept(plan: Plan, store: Store) -> None:
    """Keep the accepted takes of rows that need several, so that the next plain run finds them current."""
    kept: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for (catalog, row_id), takes in plan.kept.items():
        if takes:
            kept[catalog][row_id] = {str(take): key for take, key in takes.items()}
    for catalog, rows in kept.items():
        await _update(store, kept_key(catalog), lambda known, rows=rows: known | rows)  # type: ignore[misc]  # a dict


async def _merge(store: Store, key: str, takes: dict[str, int]) -> None:
    def raised(known: dict[str, Any]) -> dict[str, Any]:
        return known | {row_id: max(take, known.get(row_id, 1)) for row_id, take in takes.items()}

    await _update(store, key, raised)


async def _merge_retakes(store: Store, key: str, made: dict[str, tuple[str, Retake]]) -> None:
    def merged(known: dict[str, Any]) -> dict[str, Any]:
        return known | {row_id: {**known.get(row_id, {}), own: retake} for row_id, (own, retake) in made.items()}

    await _update(store, key, merged)


async def _update(store: Store, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Replace a small JSON object by what ``change`` makes of it; of two writers, neither's words are lost."""
    while True:
        known: dict[str, Any] = {}
        etag: str | None = None
        try:
            body, etag = await store.get_with_etag(key)
            known = orjson.loads(body)
        except FileNotFoundError:
            pass
        try:
            if await store.replace(key, orjson.dumps(change(known), option=orjson.OPT_SORT_KEYS), etag=etag):
                return
        except TimeoutError:
            continue  # done or not: the next look tells
