"""Opening what a run shares, in the order that makes mistakes cheap: store first, gateway last, nothing spent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from tasks.engine.planning.fixing import fix_choices, fix_kept, fix_takes
from tasks.engine.planning.inputs import InputDesk
from tasks.engine.planning.planned import Plan
from tasks.engine.running.noting import Note
from tasks.engine.running.part import Part
from tasks.engine.shared.gate import PartitionGate
from tasks.engine.shared.keeping import LostAndFound
from tasks.engine.shared.pace import Pace
from tasks.engine.shared.patience import patiently
from tasks.engine.shared.progress import Progress
from tasks.engine.shared.reading import Reader
from tasks.engine.shared.services import Services
from tasks.engine.shared.stopping import StopSignal, stopped_by_gateway
from tasks.journal.dataset import open_dataset
from tasks.journal.fold import Policy
from tasks.journal.heartbeat import Heartbeat
from tasks.journal.inspect import load_all
from tasks.journal.owner import has_ended, this_process
from tasks.journal.spend import spend_micros
from tasks.journal.spool import LocalSpool, drain_former_spool, drain_spool
from tasks.protocols.budget import Budget
from tasks.protocols.http import Gateway, address_of
from tasks.protocols.limits import Limit, Share
from tasks.protocols.pacing import Pacer
from tasks.protocols.redact import Redactor
from tasks.protocols.traffic import Traffic
from tasks.settings import Settings
from tasks.storage.fetch import Fetcher
from tasks.storage.inspect import Inspector
from tasks.storage.open import probe
from tasks.storage.store import Store


@asynccontextmanager
async def open_services(
    plan: Plan,
    settings: Settings,
    store: Store,
    *,
    stop: StopSignal,
    say: Callable[[str], None],
    pace: Pace,
    resumed: bool = False,
    part: Part | None = None,
) -> AsyncIterator[Services]:
    """The services of one run in this process.

    ``resumed``: the same run id has spent before (a retry of a Prefect run), so its spend is read from the journal.
    ``part``: this process works only a part of the run, with its share of limits and budget; see ``sharing.alone``.
    """
    options = plan.options
    owner = this_process(plan.run_id)
    async with AsyncExitStack() as held:
        held.callback(has_ended, owner)  # last of all: the gateway is closed by then, so that no call can be made
        warming = asyncio.create_task(asyncio.to_thread(_load_writers))
        held.push_async_callback(asyncio.wait, [warming])
        await patiently(lambda: probe(store), pace.journal, stop)  # every time: the dataset may have been moved
        dataset = await open_dataset(store, partitions=options.partitions, create=True)
        spool = LocalSpool(dataset.id, settings.spool)
        note = Note()
        await held.enter_async_context(Heartbeat(store, owner, timing=pace.journal, note=note))
        await drain_spool(store, spool)
        await drain_former_spool(store, store.uri, settings.spool)
        for fix in (fix_choices, fix_takes, fix_kept):
            await patiently(partial(fix, plan, store), pace.journal, stop)
        spent = 0
        if resumed and part is None:
            async for _, fold in load_all(store, dataset):
                spent += sum(spend_micros(fold, plan.run_id))
        plan.dataset, plan.desk = dataset, InputDesk(store)
        base_url = settings.provider.base_url or ""
        traffic = Traffic(_pacer(plan, part.share if part else Share()), address=address_of(base_url))
        traffic.stop.then(
            lambda failure: stop.stop("provider_stopped", stopped_by_gateway(failure), failure.error_class)
        )
        services = Services(
            options=options,
            run_id=plan.run_id,
            family=plan.family,
            store=store,
            dataset=dataset,
            owner=owner,
            spool=spool,
            table=plan.table,
            gateway=Gateway(base_url, settings.require_key()),
            traffic=traffic,
            budget=Budget(part.budget_micros if part else options.max_spend_micros, spent_micros=spent),
            fetcher=Fetcher(allow_hosts=settings.allow_hosts),
            inspector=Inspector(),
            desk=plan.desk,
            reader=Reader(),
            lost_and_found=LostAndFound(store),
            policy=Policy(on_unknown=options.on_unknown),
            redactor=Redactor(settings.secrets()),
            progress=Progress(planned=plan.summary.calls),
            stop=stop,
            pace=pace,
            say=say,
            rows_in_flight=_rows_in_flight(plan),
            gate=PartitionGate(_rows_in_flight(plan)),
        )
        held.push_async_callback(services.aclose)
        note.services = services
        await warming
        yield services


def _load_writers() -> None:
    """Load what writes the manifest before anything is paced: with its first array pyarrow imports pandas."""
    import pyarrow as pa
    import pyarrow.compute
    import pyarrow.parquet

    pa.array(["any"])


def _limit(plan: Plan, model_id: str) -> Limit:
    model, options = plan.table.get(model_id), plan.options
    return Limit(rpm=options.rpm_of(model), concurrency=options.concurrency_of(model))


def _pacer(plan: Plan, share: Share) -> Pacer:
    readers = {plan.options.ocr} - {"local", "off"}  # paid readings are calls like any other
    limits = {name: _limit(plan, name) for name in {*plan.summary.models, *(plan.table.get(r).id for r in readers)}}
    return Pacer(limits, default=Limit(rpm=None, concurrency=plan.options.concurrency or 8), share=share)


def _rows_in_flight(plan: Plan) -> int:
    """Enough rows to fill every model's limit, and more than as many again that rest, download or are read."""
    wanted = sum(_limit(plan, name).concurrency for name, share in plan.summary.models.items() if share.calls)
    return max(16, 2 * wanted + max(8, wanted // 2))
