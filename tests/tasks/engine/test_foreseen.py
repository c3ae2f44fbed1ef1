"""A plan from the manifest says what a plan from the journals says, whatever became of the rows."""

import csv
import random
import uuid
from dataclasses import asdict, replace

import pytest

from tasks.engine.buying.settling import now
from tasks.engine.options import RunOptions
from tasks.engine.planning import foreseen, matching
from tasks.engine.planning.plan import make_plan
from tasks.engine.planning.sources import catalog_files
from tasks.engine.running.committing import Committer
from tasks.journal import events as ev
from tasks.journal.dataset import open_dataset
from tasks.journal.owner import this_process
from tasks.journal.partition import open_partition
from tasks.journal.spool import LocalSpool
from tasks.settings import read_settings
from tasks.storage.open import open_store
from tests.faults.finished import _story

ROWS = 120
ENDS = (
    "done", "done", "done", "done, and an extra picture lost", "read", "refused", "refused and billed", "failed free",
    "failed", "lost bytes", "held", "unknown", "unknown twice", "open", "answered", "withdrawn", "paused",
    "untouched", "unrecorded",
)  # fmt: skip
OPTIONS = (
    {}, {"only": "failed"}, {"only": "all-but-succeeded"}, {"only": "refused"}, {"only": "held"},
    {"only": "unknown"}, {"on_unknown": "hold"},
    {"rows": ("r3", "r5", "r7")}, {"ocr": "local"}, {"limit": 7}, {"again": True, "rows": ("r2",)},
)  # fmt: skip


def catalog(path, rng, *, grown):
    """Rows with shared requests and readings; ``grown``: some gone, some edited, some new."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "prompt", "model", "n", "ocr", "tag:place"])
        for number in range(ROWS + 20 * grown):
            if grown and number >= 10 and rng.random() < 0.1:
                continue
            edited = " again" if grown and rng.random() < 0.1 else ""
            tag = "moor" if grown and rng.random() < 0.1 else "coast"
            model, samples = ("gpt-image-1", 2) if number % 9 == 0 else ("flux-kontext-pro", 1)
            ocr = "true" if number % 5 == 0 else ""
            writer.writerow([f"r{number}", f"a ship{edited}, {number}", model, samples, ocr, tag])


def told(end, row, owner):
    """The events of a row that came to this end."""
    wanted, intent, answered, stored, finished = _story(row, owner)
    key, attempt = intent.key, intent.attempt
    stored = [replace(stored, sample_index=index) for index in range(wanted.samples)]
    answered = replace(answered, pictures=answered.pictures * wanted.samples)
    failed = ev.Finished(at=now(), key=key, outcome="failed", reason="connection", run_id="r")
    rejected = ev.Rejected(at=now(), key=key, attempt=attempt, error_class="refused", reason="policy", final=True)
    unknown = ev.Unknown(at=now(), key=key, attempt=attempt, reason="timeout")
    second = replace(intent, attempt=f"2-{owner.token}", number=2)
    read = ev.Read(at=now(), key=key, sample_index=0, reader="local", status="text", text="A")
    extra = replace(answered, pictures=(*answered.pictures, ev.AnsweredPicture(url="https://cdn.test/x.png")))
    return {
        "done": [wanted, intent, answered, *stored, finished],
        "done, and an extra picture lost": [wanted, intent, extra, *stored, replace(failed, reason="url_expired")],
        "read": [wanted, intent, answered, *stored, read, finished],
        "refused": [wanted, intent, rejected],
        "refused and billed": [wanted, intent, replace(rejected, billed="yes", cost_micros=40_000)],
        "failed free": [wanted, intent, replace(rejected, error_class="invalid", reason="invalid_request")],
        "failed": [wanted, intent, replace(rejected, error_class="no_image", reason="no_image", billed="unknown")],
        "lost bytes": [wanted, intent, replace(answered, at=now()), failed],
        "held": [wanted, intent, unknown, ev.Held(at=now(), key=key, reason="attempts_exhausted")],
        "unknown": [wanted, intent, unknown],
        "unknown twice": [wanted, intent, unknown, second, replace(unknown, attempt=second.attempt)],
        "open": [wanted, intent],
        "answered": [wanted, intent, answered],
        "withdrawn": [wanted, intent, ev.Withdrawn(at=now(), key=key, attempt=attempt, reason="stale")],
        "paused": [wanted, ev.Paused(at=now(), reason="budget", keys=(key,))],
        "untouched": [wanted],
        "unrecorded": [],
    }[end]


async def planned(files, dataset, **options):
    asked = RunOptions(catalogs=(str(files),), dataset=str(dataset), provider="sandbox", **{"ocr": "off", **options})
    provider = read_settings("sandbox").provider
    return await make_plan(
        asked, provider=provider, store=open_store(str(dataset)), run_id="r", files=catalog_files(asked.catalogs, None)
    )


async def story_of_a_dataset(rng, files, dataset, spool):
    store = open_store(str(dataset))
    plan = await planned(files, dataset)
    opened, owner = await open_dataset(store, create=True), this_process(str(uuid.uuid4()))
    committer = Committer(store, owner.run_id)
    for work in plan.partition_work(0):
        journal = await open_partition(
            store, opened, work.partition, owner, spool=LocalSpool(store.uri, spool), settle=None
        )
        await journal.append(*[e for row in plan.rows(work) for e in told(rng.choice(ENDS), row, owner)])
        await journal.close()
        await committer.commit_fold(work.partition, journal.fold)
    await committer.finish(final=True)
    plan.discard()


def seen(plan):
    """All that a run or a reader takes from a plan; the attempts made matter only to rows that are opened again."""
    work = {
        bucket: [asdict(replace(row, attempts=row.attempts * row.release)) for row in plan.work.read(bucket)]
        for bucket in plan.work.buckets()
    }
    gone = {partition: sorted(map(str, events)) for partition, events in plan.unwanted.items()}
    found = plan.summary.as_dict(), dict(plan.summary.outcomes), work, gone, dict(plan.verbs), plan.summary.shapes
    plan.discard()
    return found


async def both_ways(tmp_path, seed, monkeypatch):
    """(plan by the manifest, plan by the journals) of a changed catalog, for all options."""
    rng = random.Random(seed)
    files, dataset = tmp_path / "night.csv", tmp_path / "ds"
    catalog(files, rng, grown=False)
    await story_of_a_dataset(rng, files, dataset, tmp_path / "spool")
    catalog(files, rng, grown=True)

    async def journals_only(*_):
        return None

    for options in OPTIONS:
        by_manifest = seen(await planned(files, dataset, **options))
        with monkeypatch.context() as patched:
            patched.setattr(matching, "known_rows", journals_only)
            by_journals = seen(await planned(files, dataset, **options))
        yield options, by_manifest, by_journals


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
async def test_the_manifest_says_what_the_journals_say(tmp_path, seed, monkeypatch):
    async for options, by_manifest, by_journals in both_ways(tmp_path, seed, monkeypatch):
        assert by_manifest == by_journals, options


async def test_a_manifest_that_is_believed_too_much_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(foreseen, "_CLOSED", frozenset({"succeeded", "refused", "held", "failed"}))
    found = [mine == theirs async for _, mine, theirs in both_ways(tmp_path, 0, monkeypatch)]
    assert not all(found)


async def test_a_finished_dataset_is_planned_without_its_journals(tmp_path, monkeypatch):
    rng, files, dataset = random.Random(1), tmp_path / "night.csv", tmp_path / "ds"
    catalog(files, rng, grown=False)
    monkeypatch.setattr(rng, "choice", lambda _: "done")
    await story_of_a_dataset(rng, files, dataset, tmp_path / "spool")

    async def not_asked(*_):
        raise AssertionError("the journal was read")

    monkeypatch.setattr(matching, "load_fold", not_asked)
    plan = await planned(files, dataset)
    assert plan.summary.line().startswith("134 reused, 0 new")
    plan.discard()


async def test_a_call_that_an_earlier_version_failed_for_a_lost_extra_picture_is_completed_not_bought(
    tmp_path, monkeypatch
):
    rng, files, dataset = random.Random(1), tmp_path / "night.csv", tmp_path / "ds"
    catalog(files, rng, grown=False)
    monkeypatch.setattr(rng, "choice", lambda _: "done, and an extra picture lost")
    await story_of_a_dataset(rng, files, dataset, tmp_path / "spool")
    for only in ("pending", "failed", "all-but-succeeded"):
        plan = await planned(files, dataset, only=only)
        assert (plan.summary.new, plan.summary.fetches) == (0, 134)
        plan.discard()


async def test_a_manifest_older_than_the_journal_is_not_believed(tmp_path):
    rng, files, dataset = random.Random(1), tmp_path / "night.csv", tmp_path / "ds"
    catalog(files, rng, grown=False)
    rng.choice = lambda _: "done"
    await story_of_a_dataset(rng, files, dataset, tmp_path / "spool")
    store, opened = open_store(str(dataset)), await open_dataset(open_store(str(dataset)), create=False)
    plan = await planned(files, dataset)
    gone = plan.known.read(3).__next__().wanted
    owner = this_process("another")
    journal = await open_partition(
        store, opened, 3, owner, spool=LocalSpool(store.uri, tmp_path / "spool"), settle=None
    )
    await journal.append(ev.Unwanted(at=now(), run_id="x", catalog="night", row_id=gone.row_id, take=1, key=gone.key))
    await journal.close()  # and no commit

    after = await planned(files, dataset)

    assert [row.wanted.row_id for row in after.work.read(3)] == [gone.row_id]  # to be recorded anew
