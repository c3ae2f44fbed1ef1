"""The usage report as files: ``report/usage.html``, and each table as Parquet and CSV for BI tools."""

import asyncio
import io
from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

from catalogs.rules import Rule
from tasks.report.ports import Files
from tasks.report.usage import Usage, Window, measure
from tasks.report.usage_page import render_usage

PAGE = "report/usage.html"
TABLES = "report/usage/"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


async def write_usage(
    files: Files,
    datasets: Sequence[tuple[pa.Table, pa.Table]],
    *,
    names: Sequence[str],
    window: Window | None = None,
    accept: Rule | None = None,
    quality: pd.DataFrame | None = None,
    gallery: bool = True,
) -> Usage:
    """Measure and write the page and the tables; what was measured.

    ``datasets`` are (manifest, call log) tables; ``quality`` is shown and written as it is.
    """
    span = window or Window()
    usage = await asyncio.to_thread(measure, datasets, names, span, accept)
    tables = usage.tables() if quality is None else {**usage.tables(), "quality": quality}
    for name, body, kind in await asyncio.to_thread(table_files, tables):
        await files.put(f"{TABLES}{name}", body, content_type=kind)
    page = await asyncio.to_thread(
        render_usage, usage, names, span, accept=accept.text if accept else None, quality=quality, gallery=gallery
    )
    await files.put(PAGE, page, content_type="text/html; charset=utf-8")
    return usage


def table_files(tables: Mapping[str, pd.DataFrame]) -> list[tuple[str, bytes, str]]:
    """Every table as Parquet and as CSV: name, bytes, content type."""
    out = []
    for name, table in tables.items():
        parquet = io.BytesIO()
        table.to_parquet(parquet, index=False)
        out.append((f"{name}.parquet", parquet.getvalue(), "application/vnd.apache.parquet"))
        text = _safe(table).to_csv(index=False, lineterminator="\r\n")
        out.append((f"{name}.csv", b"\xef\xbb\xbf" + text.encode("utf-8", "replace"), "text/csv; charset=utf-8"))
    return out


def _safe(table: pd.DataFrame) -> pd.DataFrame:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    return table.map(lambda cell: f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell)
