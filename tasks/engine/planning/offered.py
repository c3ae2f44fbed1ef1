"""Which of a plan's models the gateway lists in ``GET /models``, where it answers that; never a reason to fail."""

import asyncio

from catalogs.models import names_of
from tasks.engine.planning.planned import Plan
from tasks.protocols.http import Gateway
from tasks.settings import Settings

_PATIENCE_S = 5.0


async def not_offered(plan: Plan, settings: Settings) -> list[str]:
    """One warning for each model that is to be bought and that the gateway does not list; none without a key."""
    wanted = [name for name, share in sorted(plan.summary.models.items()) if share.new]
    if not wanted or not settings.api_key or not settings.provider.base_url:
        return []
    listed = await _listed(settings.provider.base_url, settings.api_key)
    if not listed:
        return []
    return [
        f"{name} is not among the {len(listed):,} models that {settings.provider.name} lists: its rows may fail as "
        "model_unavailable (nothing is paid then)"
        for name in wanted
        if not any(spelling.casefold() in listed for spelling in names_of(plan.table.get(name)))
    ]


async def _listed(base_url: str, api_key: str) -> set[str]:
    """What the gateway lists, folded; empty if it does not answer, or not in time."""
    try:
        gateway = Gateway(base_url, api_key)
    except ValueError:
        return set()  # a key that cannot be sent: the run says so
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return {name.casefold() for name in await gateway.models() or ()}
    except TimeoutError:
        return set()
    finally:
        await gateway.aclose()
