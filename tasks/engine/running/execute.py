"""A whole run without Prefect: the same steps as ``flows/generate_dataset``, for fault tests and benchmarks."""

import asyncio

from tasks.engine.running.groups import share_out
from tasks.engine.running.result import RunResult
from tasks.engine.running.session import Session


async def execute(session: Session) -> RunResult:
    """Plan, work every wave, commit. Needs no server; keeps every promise that the flow keeps."""
    await session.make_plan()
    if session.nothing_to_do():
        return await session.idle()
    async with session.opened():
        for wave in range(session.ready_plan.waves):
            works = await session.next_wave(wave)
            groups = share_out(works, session.ready_plan.partitions)
            by_number = {work.partition: work for work in works}
            await asyncio.gather(*(session.work([by_number[p] for p in group.partitions]) for group in groups))
        return await session.finish()
