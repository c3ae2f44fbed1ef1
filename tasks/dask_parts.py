"""Step: the parts of a wave on a Dask cluster, for teams that have one and for local reading, which costs CPU.

``PRINTROOM_DASK_SCHEDULER`` names an existing scheduler (``tcp://host:8786``); without it a local cluster is started.
Needs the package ``prefect-dask``, which Printroom itself does not install (``.venv/bin/pip install -e '.[dask]'``).
"""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.engine.running.part import Part, form_for_part, part_of
from tasks.engine.running.session import Session
from tasks.engine.running.sharing import execute_part

RETRIES = 3  # by Dask, when a part raises; a part whose worker died goes to another by itself


async def on_dask(session: Session, parts: Sequence[Part]) -> None:
    """Run every part as one task run on the cluster; a part whose worker dies is run again on another."""
    dask = import_module("prefect_dask.client")
    form = form_for_part(session.options)
    where: dict[str, Any] = {"address": os.environ.get("PRINTROOM_DASK_SCHEDULER")}
    if where["address"] is None:
        where = {"n_workers": len(parts), "threads_per_worker": 1, "dashboard_address": None}
    async with dask.PrefectDaskClient(asynchronous=True, **where) as client:
        runs = [
            client.submit(work_part, form, part.as_dict(), part.label, pure=False, retries=RETRIES) for part in parts
        ]
        for stopped in await client.gather(runs):
            if stopped is not None:
                session.stop.stop(*stopped)


@task(name="part", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def work_part(form: Mapping[str, Any], part: Mapping[str, Any], label: str) -> tuple[Any, str] | None:  # noqa: ARG001 - the name shown in the UI
    """In a Dask worker: the part from its plan to its commit; why it stopped, if it did."""
    return asyncio.run(_work_part(form, replace(part_of(part), first_token=f"part-{secrets.token_hex(8)}")))


async def _work_part(form: Mapping[str, Any], part: Part) -> tuple[Any, str] | None:
    from tasks.begin import part_begun

    async with part_begun(form, part) as session:
        await execute_part(session, part)
        return (session.stop.reason, session.stop.message) if session.stop.stopped else None
