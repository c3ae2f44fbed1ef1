"""What a run's page shows of its rows: some pictures with links, what did not succeed, spend by model."""

import asyncio
import base64
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.manifest.commits import newest_commit
from tasks.storage.open import folder_of
from tasks.storage.store import Store, StoreError

PICTURES, ROWS_PER_REASON, THUMB_PX, LINK_S = 24, 10, 96, 12 * 3600
_COLUMNS = [
    "catalog", "row_id", "run_id", "current", "outcome", "outcome_reason", "model", "prompt", "image_uri", "cost_usd",
    "ocr_cost_usd", "blank", "size_as_requested",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPicture:
    """One picture: where it is, and a data URI of a few kilobytes that shows it (empty if it cannot be drawn)."""

    row_id: str
    model: str
    prompt: str
    link: str
    thumb: str


@dataclass(slots=True)
class Showcase:
    """``missing``: (outcome, reason) → row ids, the first few; ``counts`` has them all. Money in micro-dollars.

    ``blank`` and ``other_size``: stored pictures that are one colour throughout, or not of the size asked for.
    """

    pictures: list[ShownPicture] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    spend_micros: Counter[str] = field(default_factory=Counter)
    bought: Counter[str] = field(default_factory=Counter)
    blank: int = 0
    other_size: int = 0


_Rows = list[dict[str, Any]]


async def showcase(store: Store, run_id: str, catalogs: set[str]) -> Showcase:
    """The newest commit's current rows of ``catalogs``, one part at a time; pictures of this run come first."""
    found, fresh, older = Showcase(), _Rows(), _Rows()
    commit = await newest_commit(store)
    for file in commit.files if commit else ():
        await asyncio.to_thread(_count, found, fresh, older, await store.get(file.key), catalogs, run_id)
    link = await asyncio.to_thread(linker, store)
    found.pictures = list(await asyncio.gather(*(_picture(store, row, link) for row in (fresh + older)[:PICTURES])))
    return found


def _count(found: Showcase, fresh: _Rows, older: _Rows, part: bytes, catalogs: set[str], run_id: str) -> None:
    """Add one part of the manifest, by column: its rows may be many, and only a few are shown."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(part), columns=_COLUMNS)
    table = table.filter(pc.and_(table["current"], pc.is_in(table["catalog"], pa.array(sorted(catalogs)))))
    missing = table.filter(pc.not_equal(table["outcome"], "succeeded")).select(["outcome", "outcome_reason", "row_id"])
    for outcome, reason, row_id in zip(*(column.to_pylist() for column in missing.columns), strict=True):
        why = (outcome, reason or "")
        found.counts[why] += 1
        if len(found.missing[why]) < ROWS_PER_REASON:
            found.missing[why].append(row_id)
    found.blank += pc.sum(table["blank"]).as_py() or 0
    found.other_size += pc.sum(pc.invert(table["size_as_requested"])).as_py() or 0
    is_mine = pc.equal(table["run_id"], run_id)
    sums = [("model", "count"), ("cost_usd", "sum"), ("ocr_cost_usd", "sum")]
    decided = pc.and_(is_mine, pc.not_equal(table["outcome"], "pending"))
    for row in table.filter(decided).group_by("model").aggregate(sums).to_pylist():
        found.bought[row["model"]] += row["model_count"]
        found.spend_micros[row["model"]] += sum(
            int((row[name] or 0) * 1_000_000) for name in ("cost_usd_sum", "ocr_cost_usd_sum")
        )
    for picked, mine in ((fresh, is_mine), (older, pc.invert(is_mine))):
        shown = table.filter(pc.and_(mine, pc.is_valid(table["image_uri"])))
        picked.extend(shown.slice(0, max(0, PICTURES - len(picked))).to_pylist())


async def _picture(store: Store, row: Mapping[str, Any], link: Callable[[str], str]) -> ShownPicture:
    key = row["image_uri"]
    try:
        thumb = await asyncio.to_thread(_thumb, await store.get(key))
    except (StoreError, OSError, ValueError):
        thumb = ""
    return ShownPicture(row_id=row["row_id"], model=row["model"], prompt=row["prompt"], link=link(key), thumb=thumb)


def linker(store: Store) -> Callable[[str], str]:
    """Makes links that open objects for half a day (S3), or their paths on the machine that has them. Blocking."""
    if store.uri.startswith("s3://"):
        from tasks.storage.s3_client import presigner

        return presigner(store.uri, LINK_S)
    folder = folder_of(store)
    return (lambda key: (folder / key).as_uri()) if folder else str


def _thumb(data: bytes) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", (THUMB_PX, THUMB_PX))
        small = picture.convert("RGB")
        small.thumbnail((THUMB_PX, THUMB_PX))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
