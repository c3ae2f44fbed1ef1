"""A finished dataset of any size, written through the journal's own API in seconds: nothing is called or drawn."""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from tasks.engine.options import RunOptions
from tasks.engine.planning.spill import PlannedRow
from tasks.engine.running.committing import Committer
from tasks.engine.running.session import Session
from tasks.journal import events as ev
from tasks.journal.dataset import open_dataset
from tasks.journal.owner import this_process
from tasks.journal.partition import PartitionJournal, open_partition
from tasks.journal.spool import LocalSpool
from tasks.settings import read_settings
from tasks.storage.open import open_store

AT = "2026-11-20T00:00:00.000000+00:00"
AT_ONCE = 2000


async def build_finished(catalog: Path, dataset: Path, spool: Path) -> None:
    """Plan the catalog, then write the events of a run in which every row succeeded, and its manifest."""
    store = open_store(str(dataset))
    options = RunOptions(catalogs=(str(catalog),), dataset=str(dataset), provider="sandbox")
    session = Session(options, read_settings("sandbox"), str(uuid.uuid4()), store)
    plan = await session.make_plan()
    opened, owner = await open_dataset(store, create=True), this_process(session.run_id)
    committer = Committer(store, session.run_id)
    for work in plan.partition_work(0):
        journal = await open_partition(
            store, opened, work.partition, owner, spool=LocalSpool(store.uri, spool), settle=_nothing_to_settle
        )
        assert journal is not None
        await _write(journal, plan.rows(work))
        await journal.close()
        await committer.commit_fold(work.partition, journal.fold)
    await committer.finish(final=True)
    await store.put("report/index.html", b"<!doctype html>")  # as every run leaves one
    plan.discard()


async def _write(journal: PartitionJournal, rows: Iterator[PlannedRow]) -> None:
    events: list[ev.Event] = []
    for row in rows:
        events += _story(row, journal.owner)
        if len(events) >= AT_ONCE:
            await journal.append(*events)
            events = []
    await journal.append(*events)


def _story(row: PlannedRow, owner: ev.Owner) -> list[ev.Event]:
    """What the journal says of a row that went well."""
    wanted, cap = row.wanted, row.cap_micros
    assert wanted.key is not None
    assert cap is not None
    key, attempt, sha256 = wanted.key, f"1-{owner.token}", hashlib.sha256(wanted.key.encode()).hexdigest()
    image = f"images/{sha256[:2]}/{sha256}.png"
    return [
        wanted,
        ev.Intent(
            at=AT, key=key, attempt=attempt, number=1, purpose=wanted.operation, run_id=owner.run_id,
            catalog=wanted.catalog, row_id=wanted.row_id, take=wanted.take, provider=wanted.provider,
            model=wanted.model, endpoint=wanted.endpoint, samples=1, cap_micros=cap,
        ),
        ev.Answered(
            at=AT, key=key, attempt=attempt, pictures=(ev.AnsweredPicture(url=f"https://cdn.test/{sha256}.png"),),
            request_id=sha256[:24], cost_micros=cap, generate_ms=8000,
        ),
        ev.Stored(
            at=AT, key=key, sample_index=0, image_key=image, sha256=sha256, phash=sha256[:16], format="png",
            width_px=256, height_px=256, size_bytes=2000, has_c2pa=False, source_url=f"https://cdn.test/{sha256}.png",
        ),
        ev.Finished(at=AT, key=key, outcome="succeeded", run_id=owner.run_id),
    ]  # fmt: skip


async def _nothing_to_settle(_intent: ev.Intent, _blob: bytes) -> ev.Rejected:
    raise AssertionError("there is no answer to settle")
