"""Helpers of the reader's tests: a catalog from text or rows, and what reading it gives."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from catalogs.reader import CatalogRead, read_catalog
from catalogs.types import Row

TODAY = date(2026, 11, 21)


def opened(data: bytes, **options: Any) -> CatalogRead:
    return read_catalog(io.BytesIO(data), **{"name": "c.csv", "catalog": "c", "base": None, "today": TODAY} | options)


def read(data: bytes | str, **options: Any) -> tuple[list[Row], CatalogRead]:
    catalog = opened(data.encode() if isinstance(data, str) else data, **options)
    return list(catalog), catalog


def rows_of(data: bytes | str, **options: Any) -> list[Row]:
    """The rows of a catalog that must be free of errors."""
    rows, catalog = read(data, **options)
    assert not catalog.problems, list(catalog.problems.lines())
    return rows


def as_csv(table: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(table)
    return text.getvalue()


def picture(folder: Path, name: str = "a.png") -> Path:
    path = folder / name
    path.write_bytes(b"\x89PNG")
    return path
