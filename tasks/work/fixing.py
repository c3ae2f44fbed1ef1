"""What a dataset remembers of the user's words: which model an ``auto:`` row got, and which takes were raised."""

from collections import defaultdict

import orjson

from tasks.storage.store import Store
from tasks.work.plan import Plan
from tasks.work.sources import choice_key, takes_key


async def fix_choices(plan: Plan, store: Store) -> None:
    """Keep the models that this plan chose, for every later plan. The first run to come decides."""
    for word, model in plan.choices.items():
        await store.create(choice_key(word), model.encode())


async def fix_takes(plan: Plan, store: Store) -> None:
    """Keep the takes that ``--again`` raised, so that the next plain run does not fall back to the catalog's."""
    raised: dict[str, dict[str, int]] = defaultdict(dict)
    for (catalog, row_id), take in plan.takes.items():
        raised[catalog][row_id] = take
    for catalog, takes in raised.items():
        await _merge(store, takes_key(catalog), takes)


async def _merge(store: Store, key: str, takes: dict[str, int]) -> None:
    while True:
        known: dict[str, int] = {}
        etag: str | None = None
        try:
            body, etag = await store.get_with_etag(key)
            known = orjson.loads(body)
        except FileNotFoundError:
            pass
        merged = known | {row_id: max(take, known.get(row_id, 1)) for row_id, take in takes.items()}
        try:
            if await store.replace(key, orjson.dumps(merged, option=orjson.OPT_SORT_KEYS), etag=etag):
                return
        except TimeoutError:
            continue  # done or not: the next look tells
