"""What a run's page shows of its rows: some pictures with links, what did not succeed, spend by model."""

import asyncio
import base64
import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.manifest.commits import newest_commit
from tasks.storage.open import folder_of
from tasks.storage.s3 import S3Store
from tasks.storage.store import Store, StoreError

PICTURES, ROWS_PER_REASON, THUMB_PX, LINK_S = 24, 10, 96, 12 * 3600
_COLUMNS = [
    "catalog", "row_id", "run_id", "current", "outcome", "outcome_reason", "model", "prompt", "image_uri", "cost_usd",
    "ocr_cost_usd",
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
    """``missing``: (outcome, reason) → row ids, the first few; ``counts`` has them all. Money in micro-dollars."""

    pictures: list[ShownPicture] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    spend_micros: Counter[str] = field(default_factory=Counter)
    bought: Counter[str] = field(default_factory=Counter)


async def showcase(store: Store, run_id: str, catalogs: set[str]) -> Showcase:
    """The newest commit's current rows of ``catalogs``, one part at a time; pictures of this run come first."""
    found = Showcase()
    fresh: list[dict[str, Any]] = []
    older: list[dict[str, Any]] = []
    commit = await newest_commit(store)
    for file in commit.files if commit else ():
        for row in await asyncio.to_thread(_rows, await store.get(file.key), catalogs):
            mine = row["run_id"] == run_id
            _count(found, row, mine=mine)
            picked = fresh if mine else older
            if row["image_uri"] and len(picked) < PICTURES:
                picked.append(row)
    pictures = (fresh + older)[:PICTURES]
    found.pictures = list(await asyncio.gather(*(_picture(store, row) for row in pictures)))
    return found


def _rows(body: bytes, catalogs: set[str]) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(body), columns=_COLUMNS)
    mine = pc.and_(table["current"], pc.is_in(table["catalog"], pa.array(sorted(catalogs))))
    rows: list[dict[str, Any]] = table.filter(mine).to_pylist()
    return rows


def _count(found: Showcase, row: Mapping[str, Any], *, mine: bool) -> None:
    if row["outcome"] != "succeeded":
        why = (row["outcome"], row["outcome_reason"] or "")
        found.counts[why] += 1
        if len(found.missing[why]) < ROWS_PER_REASON:
            found.missing[why].append(row["row_id"])
    if mine:
        found.bought[row["model"]] += 1
        for name in ("cost_usd", "ocr_cost_usd"):
            found.spend_micros[row["model"]] += int((row[name] or 0) * 1_000_000)


async def _picture(store: Store, row: Mapping[str, Any]) -> ShownPicture:
    key = row["image_uri"]
    try:
        thumb = await asyncio.to_thread(_thumb, await store.get(key))
    except (StoreError, OSError, ValueError):
        thumb = ""
    return ShownPicture(
        row_id=row["row_id"], model=row["model"], prompt=row["prompt"], link=link_to(store, key), thumb=thumb
    )


def link_to(store: Store, key: str) -> str:
    """A link that opens the object for half a day (S3), or its path on the machine that has it."""
    if isinstance(store, S3Store):
        return store.presign(key, LINK_S)
    folder = folder_of(store)
    return (folder / key).as_uri() if folder else key


def _thumb(data: bytes) -> str:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", (THUMB_PX, THUMB_PX))
        small = picture.convert("RGB")
        small.thumbnail((THUMB_PX, THUMB_PX))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
