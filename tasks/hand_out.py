"""Step: a wave worked in this process, or handed out in parts to child runs of a deployment on the work pool."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Crashed

from tasks.engine.planning.planned import PartitionWork
from tasks.engine.running.groups import share_out
from tasks.engine.running.part import Part, form_for_part, parts_of, split
from tasks.engine.running.session import Session
from tasks.engine.running.sharing import Watch, alone, take_stock
from tasks.generate import generate
from tasks.storage.store import StoreError

DEPLOYMENT = "generate_part/part"
LOOK_EVERY_S, LEAST_STOCK_S, MOST_TRIES, DRAIN_S = 2.0, 10.0, 4, 10.0


async def work_wave(session: Session, wave: int, works: Sequence[PartitionWork]) -> None:
    """Work what ``wave`` asks of the partitions, the way the run's ``runner`` says."""
    if session.options.runner == "local":
        groups = share_out(works, session.ready_plan.partitions)
        await asyncio.gather(*(generate(session.run_id, g.label, wave, g.partitions) for g in groups))
        return
    parts = await shared_parts(session, wave, works)
    if session.options.runner == "dask":
        from tasks.dask_parts import on_dask

        await on_dask(session, parts)
    else:
        await _on_workers(session, parts)
    await take_stock(session)


async def _on_workers(session: Session, parts: Sequence[Part]) -> None:
    watch = asyncio.create_task(_keep_stock(session))
    try:
        ends = await asyncio.gather(*(_until_done(session, part) for part in parts))
    finally:
        watch.cancel()
        await asyncio.wait([watch])
    for state in ends:
        if state is not None and state.name == "StoppedAtBudget":
            session.stop.stop("budget", state.message or "the budget of a part is spent")


async def _keep_stock(session: Session) -> None:
    """Keep the run's progress up with its parts, at a twentieth of the time that looking takes."""
    pause_s = LEAST_STOCK_S
    while True:
        await asyncio.sleep(pause_s)
        began = time.monotonic()
        with contextlib.suppress(StoreError):
            await take_stock(session)
        pause_s = max(LEAST_STOCK_S, 20 * (time.monotonic() - began))


async def shared_parts(session: Session, wave: int, works: Sequence[PartitionWork]) -> list[Part]:
    """The wave in as many parts as there are workers, each with its share of limits and of what is left to spend."""
    if session.options.max_spend_micros is not None:  # parts of an earlier process of this run may still spend
        await alone(session, range(session.ready_plan.partitions), wave)
    stock = await take_stock(session)
    return parts_of(
        session.run_id,
        wave,
        split(works, session.options.workers or 2),
        limit_micros=session.options.max_spend_micros,
        spent_micros=stock.spent_by_partition,
    )


async def _until_done(session: Session, part: Part) -> State | None:
    """Hand the part out, and out again if its process dies; how it ended. What is done is not done again."""
    for _ in range(MOST_TRIES):
        named = replace(part, first_token=f"part-{secrets.token_hex(8)}")
        try:
            state = await _child(session, named)
        except ObjectNotFound:
            session.stop.stop("provider_stopped", f"the server has no deployment {DEPLOYMENT}: make deploy")
            return None
        if session.stop.stopped or state.type in (StateType.COMPLETED, StateType.CANCELLED):
            return state
        if state.type == StateType.FAILED:
            session.stop.stop("provider_stopped", f"{part.label}: {state.message or state.name}")
            return state
        session.say(f"{part.label}: {state.message}; handed out again")
    session.stop.stop("provider_stopped", f"{part.label}: its process died {MOST_TRIES} times")
    return None


async def _child(session: Session, part: Part) -> State:
    """Start the child run and wait for its end, or for the moment when nobody believes in it any more."""
    form = {name: value for name, value in form_for_part(session.options).items() if value is not None}
    run = await arun_deployment(
        DEPLOYMENT, parameters={"form": form, "part": part.as_dict()}, timeout=0, flow_run_name=part.label
    )
    watch = Watch(session.store, part.first_token, session.pace.journal.takeover_s)
    draining_s = 0.0
    async with get_client() as client:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            state = await _look(client, run)
            if state is None:
                continue
            if state.is_final():
                return state
            if session.stop.stopped:
                if not draining_s:
                    await _tell(client, run, Cancelling())
                draining_s += LOOK_EVERY_S
                if draining_s > session.options.grace_s + DRAIN_S:
                    return state
            elif state.is_running() and await watch.seems_dead():
                lost: State = Crashed(message="no sign of life in the dataset: its worker or machine is gone")
                await _tell(client, run, lost)
                return lost


async def _tell(client: PrefectClient, run: FlowRun, state: State) -> None:
    """Set the child's state; a server that is away does not hear of it."""
    with contextlib.suppress(httpx.HTTPError):
        await client.set_flow_run_state(run.id, state, force=True)


async def _look(client: PrefectClient, run: FlowRun) -> State | None:
    """The child's state, or None while the server cannot be reached."""
    try:
        return (await client.read_flow_run(run.id)).state
    except httpx.HTTPError:
        return None
