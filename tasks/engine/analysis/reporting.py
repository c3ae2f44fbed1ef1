"""The report of a dataset, after a run or on demand: the newest commit's tables, handed to ``tasks.report``."""

import asyncio
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from catalogs.rules import Rule
from tasks.engine.analysis.accepting import accept_rule
from tasks.engine.analysis.quality_table import AFTER_A_RUN, quality_table
from tasks.journal.dataset import find_dataset
from tasks.manifest.commits import Commit, PartFile, commit_key, newest_commit
from tasks.manifest.schema import CALL_SCHEMA, MANIFEST_SCHEMA, PART_SCHEMA, with_commit
from tasks.report.gallery import INDEX, GalleryOptions, Written, write_gallery
from tasks.report.ports import Link
from tasks.report.usage import CALL_COLUMNS, Usage, Window, row_columns
from tasks.report.usage_files import PAGE, write_usage
from tasks.storage.open import open_store
from tasks.storage.store import Store

LINKS_LIVE_S = 7 * 24 * 3600  # the longest that S3 signs for
# What thumbnails may take after a run; the rest is made by `printroom report` or after the next run.
THUMB_SHARE = 0.1  # of the run's own time
LEAST_THUMBS_S = 5.0
HURRY_S = 2.0
_REPORTED = pa.schema([*MANIFEST_SCHEMA, PART_SCHEMA.field("samples")])
log = logging.getLogger("printroom")


@dataclass(frozen=True, slots=True)
class Report:
    """Where the pages are, as keys of the dataset."""

    gallery: Written
    usage: str


class NothingToReport(FileNotFoundError):
    """The dataset holds no committed manifest."""


async def write_report(store: Store, *, thumb_budget_s: float | None = None, accept: str | None = None) -> Report:
    """Write the gallery and the usage report of the newest commit, making missing thumbnails for so many seconds.

    ``accept`` is the rule that the usage report counts accepted pictures by; without one it counts all that came.
    Raises ``NothingToReport``, ``DatasetProblem``, and what the store raises.
    """
    await find_dataset(store)
    commit = await newest_commit(store)
    if commit is None:
        raise NothingToReport(f"no manifest in {store.uri}: nothing has been committed yet")
    rows = await _table(store, commit, commit.files, _REPORTED)
    calls = await _table(store, commit, commit.call_files, CALL_SCHEMA)
    most = 10 * AFTER_A_RUN if thumb_budget_s is None else AFTER_A_RUN
    quality = await asyncio.to_thread(quality_table, rows, most)
    await write_usage(store, [(rows, calls)], names=[store.uri], accept=accept_rule(accept), quality=quality)
    link, until = await _links(store)
    options = GalleryOptions(dataset=store.uri, link=link, links_until=until, thumb_budget_s=thumb_budget_s)
    return Report(await write_gallery(store, rows, options), PAGE)


async def report_after_run(store: Store, *, run_s: float = 0.0, hurry: bool = False, accept: str | None = None) -> None:
    """Write the report of a run that took ``run_s``; whatever goes wrong is logged and never fails that run."""
    budget_s = HURRY_S if hurry else max(LEAST_THUMBS_S, THUMB_SHARE * run_s)
    try:
        await write_report(store, thumb_budget_s=budget_s, accept=accept)
    except OSError as error:
        log.warning("the report could not be written now (printroom report does it again): %s", error)
    except Exception:  # the run is done and paid for: a fault in the page about it must not undo it
        log.exception("the report could not be written")


async def report_if_stale(store: Store) -> None:
    """After a run with nothing to do: write the report if it is missing or older than the newest commit."""
    try:
        commit = await newest_commit(store)
        made = await store.head(INDEX) if commit else None
        committed = await store.head(commit_key(commit.n)) if commit else None
    except OSError as error:
        log.warning("whether the report is up to date could not be seen: %s", error)
        return
    if committed is not None and (made is None or made.modified_at < committed.modified_at):
        await report_after_run(store)


def days(since: date | None, until: date | None) -> Window:
    """From the first day to the day before ``until``, UTC."""
    ends = [None if day is None else datetime.combine(day, time(), UTC) for day in (since, until)]
    return Window(since=ends[0], until=ends[1])


async def write_usage_of(uris: Sequence[str], to: Store, window: Window, accept: str | None = None) -> Usage:
    """Measure one or many datasets together and write the usage report below ``to``.

    ``accept`` is a rule as ``--accept`` spells it; ``InvalidCatalog`` if it cannot be read. Other errors as
    ``write_report``.
    """
    rule = accept_rule(accept)
    tables = [await _usage_tables(open_store(uri), rule) for uri in uris]
    gallery = [to.uri] == [open_store(uri).uri for uri in uris]
    return await write_usage(to, tables, names=list(uris), window=window, accept=rule, gallery=gallery)


async def _usage_tables(store: Store, rule: Rule | None) -> tuple[pa.Table, pa.Table]:
    """Only the columns that are measured: a year of rows is large."""
    await find_dataset(store)
    commit = await newest_commit(store)
    if commit is None:
        raise NothingToReport(f"no manifest in {store.uri}: nothing has been committed yet")
    return (
        await _table(store, commit, commit.files, _only(_REPORTED, row_columns(rule))),
        await _table(store, commit, commit.call_files, _only(CALL_SCHEMA, CALL_COLUMNS)),
    )


def _only(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in names])


async def _table(store: Store, commit: Commit, files: Sequence[PartFile], schema: pa.Schema) -> pa.Table:
    tables = []
    for file in files:
        part = pq.ParquetFile(io.BytesIO(await store.get(file.key)))
        wanted = [name for name in schema.names if name in part.schema_arrow.names]
        tables.append(with_commit(part.read(wanted), schema, commit.n))
    return pa.concat_tables(tables or [schema.empty_table()])


async def _links(store: Store) -> tuple[Link | None, datetime | None]:
    """Relative links for a folder; presigned ones, and when they end, for S3."""
    if not store.uri.startswith("s3://"):
        return None, None
    from tasks.storage.s3_client import presigner

    link = await asyncio.to_thread(presigner, store.uri, LINKS_LIVE_S)
    return link, datetime.now(UTC) + timedelta(seconds=LINKS_LIVE_S)
