"""Step: what a run shows while it lasts: the plan, live progress, and events for automations.

The Prefect server may be away for a while: what cannot be shown is left out, the work goes on.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.events import emit_event

from catalogs.money import json_usd
from tasks.engine.problems import InvalidCatalog
from tasks.engine.running.session import Session
from tasks.engine.showing.plan_digest import plan_markdown, problems_markdown
from tasks.engine.showing.progress_digest import progress_markdown, refusals_jumped

EVERY_S = 5.0
log = logging.getLogger("printroom")


def artifact_key(dataset: str, what: str) -> str:
    """``summer-plan`` for ``s3://images/summer``: the runs on one dataset form one time line."""
    name = re.sub(r"[^a-z0-9]+", "-", dataset.rstrip("/").rpartition("/")[2].lower()).strip("-")
    return f"{name[:60] or 'dataset'}-{what}"


async def show(dataset: str, what: str, markdown: str, description: str) -> UUID | None:
    """A markdown artifact on the run's page; None if the server cannot be reached."""
    try:
        made = await acreate_markdown_artifact(markdown, key=artifact_key(dataset, what), description=description)
    except httpx.HTTPError as error:
        log.warning("not shown now (%s): %s", what, error)
        return None
    return made if isinstance(made, UUID) else None


async def show_plan(session: Session) -> None:
    """The plan, where the run's page shows it."""
    description = f"Plan for {', '.join(session.options.catalogs)}"
    await show(session.options.dataset, "plan", plan_markdown(session.ready_plan), description)


async def show_problems(dataset: str, error: InvalidCatalog) -> None:
    """Every problem of the catalogs."""
    await show(dataset, "problems", problems_markdown(error), f"{error.total:,} problems")


@asynccontextmanager
async def shown(session: Session) -> AsyncIterator[None]:
    """Live progress on the run's page and events for automations, until the block ends."""
    description = f"Live progress of {', '.join(session.options.catalogs)}"
    artifact = await show(session.options.dataset, "progress", progress_markdown(session), description)
    told: set[str] = set()
    async with get_client() as client:  # one for the whole run: making one costs more than asking with it
        watch = asyncio.create_task(_watch(session, client, artifact, told))
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            tell(session, told)
            await _update(client, artifact, progress_markdown(session))


async def _watch(session: Session, client: PrefectClient, artifact: UUID | None, told: set[str]) -> None:
    before = ""
    while True:
        await asyncio.sleep(EVERY_S)
        tell(session, told)
        markdown = progress_markdown(session)
        if markdown != before:
            await _update(client, artifact, markdown)
            before = markdown


async def _update(client: PrefectClient, artifact: UUID | None, markdown: str) -> None:
    """Replace the text in place, by a plain request: the client's own method also stores an event with all of it."""
    if artifact is None:
        return
    try:
        await client.request("PATCH", "/artifacts/{id}", path_params={"id": artifact}, json={"data": markdown})
    except httpx.HTTPError as error:
        log.warning("progress not shown now: %s", error)


def tell(session: Session, told: set[str]) -> None:
    """Emit each event whose moment has come, once a run. See deployments/README.md for automations on them."""
    for event in _due(session):
        if event not in told:
            told.add(event)
            _emit(session, event)


def _due(session: Session) -> list[str]:
    due = ["printroom.refusals.jumped"] if refusals_jumped(session) else []
    if session.stop.reason == "budget":
        due.append("printroom.budget.reached")
    elif session.stop.reason == "store_down":
        due.append("printroom.store.down")
    elif session.stop.reason == "provider_stopped":
        words = {"auth": "printroom.key.rejected", "quota": "printroom.balance.exhausted"}
        due.append(words.get(session.stop.cause, "printroom.provider.stopped"))
    return due


def _emit(session: Session, event: str) -> None:
    progress, dataset = session.services.progress, session.options.dataset
    emit_event(
        event=event,
        resource={"prefect.resource.id": f"printroom.dataset.{dataset}", "prefect.resource.name": dataset},
        payload={
            "run_id": session.run_id,
            "message": session.services.redactor.text(session.stop.message),
            "done": progress.bought,
            "planned": progress.planned,
            "refused": progress.outcomes["refused"],
            "cost_usd": json_usd(progress.cost_micros),
            "cost_at_risk_usd": json_usd(progress.at_risk_micros),
        },
    )
