"""One part of a run that was shared out: some partitions of one wave. Started by that run, not by people."""

import asyncio
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from tasks.begin import CannotStart, part_begun
from tasks.engine.running.groups import share_out
from tasks.engine.running.part import part_of
from tasks.engine.running.sharing import part_work, sign_of_life
from tasks.generate import generate
from tasks.plan import plan
from tasks.show import shown


@flow(name="generate_part", persist_result=False)
async def generate_part(form: dict[str, Any], part: dict[str, Any]) -> State[Any]:
    """Work a part of a run with the runner "workers": started by that run, with its parameters.

    Args:
        form: The parameters of the whole run.
        part: Which partitions of which wave, and the share of limits and budget.
    """
    mine = part_of(part)
    try:
        async with part_begun(form, mine) as session, sign_of_life(session, mine):
            await plan(session.run_id, mine.label)
            async with session.opened(resumed=True), shown(session):
                groups = share_out(await part_work(session, mine), session.ready_plan.partitions)
                await asyncio.gather(*(generate(session.run_id, g.label, mine.wave, g.partitions) for g in groups))
                await session.committer.finish(final=False)
            if session.stop.reason == "interrupted":
                return Cancelled(message="interrupted and drained")
            if session.stop.reason == "budget":
                return Completed(name="StoppedAtBudget", message=session.stop.message)
            if session.stop.reason == "store_down":
                return Failed(name="StoreDown", message=session.stop.message)
            if session.stop.stopped:
                return Failed(name="ProviderStopped", message=session.stop.message)
            return Completed(message=f"{session.services.progress.bought:,} calls decided")
    except CannotStart as reason:
        return Failed(name=reason.state, message=str(reason))
