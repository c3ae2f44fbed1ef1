"""Is the dataset whole? Every part, both aliases and every image read again and compared with what the commit says."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.manifest.alias import CALLS, MANIFEST, shown_commit
from tasks.manifest.commits import BadCommit, Commit, PartFile, commit_key, newest_commit, newest_number
from tasks.manifest.objects import Objects
from tasks.manifest.schema import PART_SCHEMA

IMAGES = "images/"
_WANTED = ["result_key", "operation", "outcome", "image_uri", "sha256", "size_bytes"]
_IMAGE = pa.schema([PART_SCHEMA.field(name) for name in ("image_uri", "sha256", "size_bytes")])
Expected = tuple[str, int]  # sha256, size in bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be. ``kind``: missing | torn | orphaned."""

    kind: str
    key: str
    detail: str


@dataclass(slots=True, kw_only=True)
class Verification:
    """What was read and what was found wrong."""

    commit: int = 0
    rows: int = 0
    images: int = 0
    size_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not self.findings

    @property
    def damaged(self) -> bool:
        """Whether anything that the manifest names is not as it should be; an orphan harms no row."""
        return any(finding.kind != "orphaned" for finding in self.findings)

    def keys(self, kind: str) -> list[str]:
        """The objects with findings of one kind."""
        return [finding.key for finding in self.findings if finding.kind == kind]

    def found(self, kind: str, key: str, detail: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(kind=kind, key=key, detail=detail))


async def verify_dataset(
    store: Objects,
    *,
    concurrency: int = 16,
    listed_at_once: int = 50_000,
    on_progress: Callable[[int], None] | None = None,
) -> Verification:
    """Read everything that the newest commit names, and every image there is, ``concurrency`` images at a time.

    More images than ``listed_at_once`` are listed by their first two digits, to keep memory flat. ``on_progress`` gets
    the number of images read so far. Store errors other than "not there" pass through: what could not be asked is not
    called missing.
    """
    report = Verification()
    try:
        commit = await newest_commit(store)
    except BadCommit as error:  # what else is there nobody can tell: without it every picture would look orphaned
        report.commit = await newest_number(store)
        report.found("torn", commit_key(report.commit), str(error))
        return report
    images = _IMAGE.empty_table()
    if commit is not None:
        report.commit = commit.n
        images = await _check_tables(store, commit, report)
    whole = images.num_rows <= listed_at_once
    for prefix in [IMAGES] if whole else [f"{IMAGES}{byte:02x}/" for byte in range(256)]:
        share = images.filter(pc.starts_with(images["image_uri"], prefix))
        await _check_images(
            store, prefix, _by_key(share), report, concurrency=concurrency, on_progress=on_progress or (lambda _: None)
        )
    report.findings.sort(key=lambda finding: (finding.kind, finding.key))
    return report


async def _check_tables(store: Objects, commit: Commit, report: Verification) -> pa.Table:
    """Check parts and aliases; the images that the rows name."""
    images = [_IMAGE.empty_table()]
    for rows, calls in zip(commit.files, commit.call_files, strict=True):
        table = await _check_part(store, rows, report)
        await _check_part(store, calls, report)
        if table is not None:
            report.rows += table.num_rows
            images.append(_named_images(table, report))
    for key in (MANIFEST, CALLS):
        await _check_alias(store, key, commit, report)
    return pa.concat_tables(images)


async def _check_part(store: Objects, file: PartFile, report: Verification) -> pa.Table | None:
    try:
        body = await store.get(file.key)
    except FileNotFoundError:
        report.found("missing", file.key, "a part that the newest commit names")
        return None
    if await asyncio.to_thread(_sha256, body) != file.sha256:
        report.found("torn", file.key, f"{len(body)} bytes are not the {file.size_bytes} that were committed")
        return None
    part = pq.ParquetFile(pa.BufferReader(body))
    return await asyncio.to_thread(part.read, columns=[name for name in _WANTED if name in part.schema_arrow.names])


def _named_images(table: pa.Table, report: Verification) -> pa.Table:
    pictured = pc.and_(pc.equal(table["outcome"], "succeeded"), pc.not_equal(table["operation"], "vision"))
    for key in table.filter(pc.and_(pictured, pc.is_null(table["image_uri"])))["result_key"].to_pylist():
        report.found("missing", key, "a row that succeeded names no image")
    return table.filter(pc.is_valid(table["image_uri"])).select(_IMAGE.names).cast(_IMAGE)


async def _check_alias(store: Objects, key: str, commit: Commit, report: Verification) -> None:
    try:
        body = await store.get(key)
    except FileNotFoundError:
        report.found("missing", key, f"the alias of commit {commit.n}")
        return
    problem = await asyncio.to_thread(_alias_problem, body, commit)
    if problem is not None:
        report.found("torn", key, problem)


def _alias_problem(body: bytes, newest: Commit) -> str | None:
    """What is wrong with an alias. One that is behind the newest commit is not: the next run writes it."""
    shown = shown_commit(body)
    if not 0 < shown <= newest.n:
        return f"its footer names commit {shown or 'none'}, the newest is {newest.n}"
    seen: set[int] = set()
    try:
        for batch in pq.ParquetFile(pa.BufferReader(body)).iter_batches():
            if "manifest_commit" in batch.schema.names:
                seen.update(pc.unique(batch["manifest_commit"]).to_pylist())
    except (pa.ArrowInvalid, OSError) as error:
        return f"unreadable: {error}"
    return f"rows of commits {sorted(seen)} under commit {shown}" if seen - {shown} else None


def _by_key(images: pa.Table) -> dict[str, Expected]:
    return {row["image_uri"]: (row["sha256"], row["size_bytes"]) for row in images.to_pylist()}


async def _check_images(
    store: Objects,
    prefix: str,
    expected: Mapping[str, Expected],
    report: Verification,
    *,
    concurrency: int,
    on_progress: Callable[[int], None],
) -> None:
    async def check(key: str) -> None:
        try:
            body = await store.get(key)
        except FileNotFoundError:
            report.found("missing", key, "an image that the manifest names")
            return
        sha256 = await asyncio.to_thread(_sha256, body)
        _judge(key, sha256, len(body), expected.get(key), report)
        report.images += 1
        report.size_bytes += len(body)
        on_progress(report.images)

    listed = {info.key for info in await store.list(prefix)}
    await _in_parallel(check, sorted(listed | expected.keys()), concurrency)


def _judge(key: str, sha256: str, size_bytes: int, expected: Expected | None, report: Verification) -> None:
    if expected is None:
        intact = PurePosixPath(key).stem == sha256
        report.found(
            "orphaned", key, "no row names it" if intact else "no row names it, and it is not what its name says"
        )
    elif expected != (sha256, size_bytes):
        report.found("torn", key, f"{size_bytes} bytes with sha256 {sha256}, expected {expected[1]} with {expected[0]}")


async def _in_parallel(work: Callable[[str], Awaitable[None]], items: Iterable[str], limit: int) -> None:
    """``work`` on every item, at most ``limit`` at once; the first error ends the others."""
    todo = iter(items)

    async def worker() -> None:
        for item in todo:
            await work(item)

    workers = [asyncio.create_task(worker()) for _ in range(limit)]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
