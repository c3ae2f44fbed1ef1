"""What the gallery's files hold, from a folder and from S3."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tasks.manifest.schema import MANIFEST_SCHEMA
from tasks.report.gallery import EMBED_MOST, SCRIPTS, GalleryOptions, write_gallery
from tasks.report.page import asset
from tasks.report.records import DETAIL_COLUMNS, INDEX_COLUMNS, columns_of, request_groups
from tasks.report.thumbs import thumb_key
from tasks.report.totals import totals_of
from tasks.storage.memory import MemoryStore
from tests.tasks.report.made import image_key, manifest, picture, row, sha, small_manifest, without_picture


def data(page: bytes, name: str) -> Any:
    block = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page.decode(), re.DOTALL)
    assert block is not None
    return json.loads(block.group(1))


def column(page: bytes, name: str) -> list[Any]:
    held = data(page, "index")["columns"].get(name) or data(page, "detail")[name]
    if "v" in held:
        return list(held["v"])
    return [None if at < 0 else held["d"][at] for at in held["i"]]


async def filled(count: int) -> MemoryStore:
    store = MemoryStore("gallery")
    for number in range(count):
        await store.put(image_key(number), picture(number))
    return store


async def test_up_to_500_pictures_stand_in_the_file_itself() -> None:
    store = await filled(24)
    written = await write_gallery(store, small_manifest(), GalleryOptions(dataset="/data/night"))
    page = await store.get("report/index.html")
    assert written.pages == ("report/index.html",)
    shown = [sha(n) for n in (*range(16), 21, 23)]
    assert set(data(page, "thumbs")) == set(shown)
    assert [name for name in column(page, "thumb") if name] == [f"#{name}" for name in shown]
    assert column(page, "image_uri")[0] == f"../{image_key(0)}"


async def test_more_pictures_than_that_are_files_beside_the_page() -> None:
    rows = [row(number) for number in range(EMBED_MOST + 1)]
    store = await filled(3)
    await write_gallery(store, manifest(rows), GalleryOptions(dataset="/data/night"))
    page = await store.get("report/index.html")
    assert data(page, "thumbs") == {}
    assert column(page, "thumb")[:4] == [*(f"../{thumb_key(sha(n))}" for n in range(3)), None]


async def test_no_row_vanishes_when_a_gallery_has_several_parts() -> None:
    store = MemoryStore("gallery")
    rows = [without_picture(number, "refused") for number in range(25)]
    options = GalleryOptions(dataset="/data/night", page_rows=10)
    written = await write_gallery(store, manifest(rows), options)
    assert written.pages == ("report/index.html", "report/page-2.html", "report/page-3.html")
    pages = [await store.get(key) for key in written.pages]
    assert [name for page in pages for name in column(page, "row_id")] == [made["row_id"] for made in rows]
    assert [(data(page, "meta")["page"], data(page, "meta")["pages"]) for page in pages] == [(1, 3), (2, 3), (3, 3)]


async def test_rows_beyond_the_last_part_are_counted_on_every_page() -> None:
    store = MemoryStore("gallery")
    rows = [without_picture(number, "refused") for number in range(25)]
    await write_gallery(store, manifest(rows), GalleryOptions(dataset="/data/night", page_rows=2))
    assert data(await store.get("report/index.html"), "meta")["left_out"] == 5


async def test_an_empty_manifest_has_a_gallery_too() -> None:
    store = MemoryStore("gallery")
    await write_gallery(store, MANIFEST_SCHEMA.empty_table(), GalleryOptions(dataset="/data/night"))
    assert data(await store.get("report/index.html"), "index")["n"] == 0


async def test_links_are_made_by_the_caller_where_relative_ones_lead_nowhere() -> None:
    store = await filled(1)
    until = datetime(2026, 12, 1, tzinfo=UTC)
    options = GalleryOptions(
        dataset="s3://b/p", link=lambda key: f"https://s3.example/b/p/{key}?signed=1", links_until=until
    )
    await write_gallery(store, manifest([row(0)]), options)
    page = await store.get("report/index.html")
    assert column(page, "image_uri") == [f"https://s3.example/b/p/{image_key(0)}?signed=1"]
    assert "img-src data: https://s3.example;" in page.decode()
    assert data(page, "meta")["links_until"] == "2026-12-01T00:00:00Z"


async def test_a_key_that_is_no_picture_of_the_dataset_is_never_linked(tmp_path: Path) -> None:
    store = MemoryStore("gallery")
    rows = [row(0, image_uri="javascript:alert(1)"), row(1, image_uri="../../../etc/passwd")]
    await write_gallery(store, manifest(rows), GalleryOptions(dataset=str(tmp_path)))
    page = await store.get("report/index.html")
    assert column(page, "image_uri") == [None, None]


def test_what_is_unknown_stays_unknown_and_money_stays_exact() -> None:
    rows = [row(0, cost_usd=None, cer=float("nan")), row(1, cost_usd=Decimal("0.000001"), cer=None)]
    held = columns_of(manifest(rows), ["cost_usd", "cer", "finished_at"])
    assert held["cost_usd"] == {"d": ["0.000001"], "i": [-1, 0]}
    assert held["cer"]["v"] == [None, None]
    assert held["finished_at"]["v"] == ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"model": "dall-e-2", "params": "{}"}, True),
        ({"prompt": "another"}, False),
        ({"input_sha256s": [sha(1)]}, False),
        ({"operation": "edit"}, False),
        ({"prompt": "", "prompt_sent": "x"}, False),
    ],
)
def test_side_by_side_are_the_same_words_on_the_same_inputs(changes: dict[str, Any], *, same: bool) -> None:
    first, second = request_groups(manifest([row(0), {**row(0), **changes}]))["v"]
    assert (first == second) is same


def test_totals_count_current_rows_and_the_money_of_all() -> None:
    totals = totals_of(small_manifest())
    assert (totals.rows, totals.older_rows, totals.commit) == (23, 1, 7)
    assert totals.outcomes == {"succeeded": 18, "refused": 1, "failed": 1, "unknown": 1, "held": 1, "pending": 1}
    assert totals.bill_usd == 19 * Decimal("0.010001")
    assert (totals.at_risk_usd, totals.unpriced) == (Decimal("0.08"), 1)


def test_every_column_of_the_manifest_is_somewhere_on_the_page() -> None:
    assert {*INDEX_COLUMNS, *DETAIL_COLUMNS, "manifest_commit"} == set(MANIFEST_SCHEMA.names)
    script = "".join(asset(name) for name in SCRIPTS)
    assert [name for name in (*INDEX_COLUMNS, *DETAIL_COLUMNS) if name not in script] == ["schema_version"]
