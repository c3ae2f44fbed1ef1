"""The gallery: ``report/index.html``, one offline file (and ``page-2.html`` … where there are very many results).

Up to ``EMBED_MOST`` pictures the thumbnails stand in the file itself; beyond that they are files beside it, loaded as
they come into view.
"""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from tasks.report.page import asset, build_page
from tasks.report.ports import Files, Link
from tasks.report.records import DETAIL_COLUMNS, INDEX_COLUMNS, columns_of, in_reading_order, request_groups
from tasks.report.thumbs import Thumbs, make_thumbs, sha_of, thumb_key
from tasks.report.totals import Totals, totals_of
from tasks.report.wording import OUTCOMES, REASONS, STAGES

INDEX = "report/index.html"
EMBED_MOST = 500
PAGE_ROWS = 20_000
PAGES_MOST = 10
SCRIPTS = ("theme.js", "data.js", "cards.js", "detail.js", "compare.js", "main.js")
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class GalleryOptions:
    """How a gallery is written.

    ``link`` makes links for readers who cannot follow relative ones (presigned, until ``links_until``); None =
    relative.
    ``thumb_budget_s`` ends thumbnail making early: the rest shows originals until the next report. ``made_at`` is UTC.
    """

    dataset: str
    link: Link | None = None
    links_until: datetime | None = None
    thumb_budget_s: float | None = None
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    page_rows: int = PAGE_ROWS


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: keys of the pages, and what became of the thumbnails."""

    pages: tuple[str, ...]
    thumbs: Thumbs


async def write_gallery(files: Files, table: pa.Table, options: GalleryOptions) -> Written:
    """Make missing thumbnails and write the pages for a manifest table (columns of ``MANIFEST_SCHEMA``).

    Errors of the store pass through; the first page is written last, so it never names a page that is not there.
    """
    totals, ordered = totals_of(table), in_reading_order(table)
    shown = ordered.slice(0, options.page_rows * PAGES_MOST)
    keys = [key for key in shown["image_uri"].unique().to_pylist() if key]
    thumbs = await make_thumbs(files, keys, budget_s=options.thumb_budget_s)
    embedded = await _embedded(files, thumbs) if len(keys) <= EMBED_MOST else None
    count = max(1, -(-shown.num_rows // options.page_rows))
    pages = tuple(_page_key(number) for number in range(count))
    for number in reversed(range(count)):
        part = shown.slice(number * options.page_rows, options.page_rows)
        meta = _meta(totals, options, number, count, left_out=ordered.num_rows - shown.num_rows, late=thumbs.late)
        body = await asyncio.to_thread(render, part, meta, thumbs, embedded, options)
        await files.put(pages[number], body, content_type=HTML)
    return Written(pages, thumbs)


def render(
    table: pa.Table,
    meta: dict[str, Any],
    thumbs: Thumbs,
    embedded: dict[str, str] | None,
    options: GalleryOptions,
) -> bytes:
    """One page of the gallery. ``embedded`` maps sha256 to base64 WebP; None = thumbnails are files."""
    keys = [key if sha_of(key) else None for key in table["image_uri"].to_pylist()]
    index = columns_of(table, INDEX_COLUMNS)
    index["group"] = request_groups(table)
    index["image_uri"] = {"v": [options.link(key) if key and options.link else key and f"../{key}" for key in keys]}
    index["thumb"] = {"v": [_thumb(sha_of(key), thumbs, embedded, options) for key in keys]}
    data = {
        "meta": meta,
        "index": {"n": table.num_rows, "columns": index},
        "detail": columns_of(table, DETAIL_COLUMNS),
        "thumbs": embedded or {},
    }
    return build_page(
        title=f"{meta['name']} · Printroom gallery",
        body=asset("gallery.html"),
        styles=("page.css", "gallery.css"),
        scripts=SCRIPTS,
        data=data,
        image_sources=_image_sources(options.link),
    )


def _page_key(number: int) -> str:
    return INDEX if number == 0 else f"report/page-{number + 1}.html"


async def _embedded(files: Files, thumbs: Thumbs) -> dict[str, str]:
    async def read(sha256: str) -> str:
        return base64.b64encode(await files.get(thumb_key(sha256))).decode()

    present = sorted(thumbs.present)
    bodies: Sequence[str] = await asyncio.gather(*(read(sha256) for sha256 in present))
    return dict(zip(present, bodies, strict=True))


def _thumb(sha256: str | None, thumbs: Thumbs, embedded: dict[str, str] | None, options: GalleryOptions) -> str | None:
    """What the page shows small: ``#sha256`` for an embedded picture, else a link, else None."""
    if sha256 is None or sha256 not in thumbs.present:
        return None
    if embedded is not None:
        return f"#{sha256}"
    key = thumb_key(sha256)
    return options.link(key) if options.link else f"../{key}"


def _image_sources(link: Link | None) -> tuple[str, ...]:
    """Where pictures may come from: beside the page, or the one origin that links lead to."""
    if link is None:
        return ("'self'", "file:")
    parts = urlsplit(link(INDEX))
    return (f"{parts.scheme}://{parts.netloc}",)


def _meta(
    totals: Totals, options: GalleryOptions, number: int, count: int, *, left_out: int, late: int
) -> dict[str, Any]:
    """What the head of the page says. Money as decimal text."""
    figures = {name: str(value) if name.endswith("_usd") else value for name, value in asdict(totals).items()}
    until = options.links_until
    return {
        **figures,
        "bill_usd": str(totals.bill_usd),
        "dataset": options.dataset,
        "name": options.dataset.rstrip("/").rsplit("/", 1)[-1] or options.dataset,
        "made_at": options.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "links_until": until.strftime("%Y-%m-%dT%H:%M:%SZ") if until else None,
        "page": number + 1,
        "pages": count,
        "left_out": left_out,
        "late_thumbs": late,
        "words": {"outcomes": OUTCOMES, "reasons": REASONS, "stages": STAGES},
    }
