"""Catalogs of any size for the benchmarks: distinct prompts, one model, a tag."""

import csv
from pathlib import Path

COLUMNS = ("id", "prompt", "model", "size", "tag:place")


def row(number: int, model: str, size: str) -> tuple[str, ...]:
    prompt = f"lighthouse number {number} in heavy fog, oil painting, warm evening light, highly detailed"
    return f"r{number}", prompt, model, size, f"coast {number % 40}"


def write_csv(path: Path, rows: int, *, model: str = "dall-e-3", size: str = "1024x1024") -> Path:
    """A CSV catalog; one that is there already is kept."""
    if not path.exists():
        with path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(COLUMNS)
            writer.writerows(row(number, model, size) for number in range(rows))
    return path


def write_parquet(path: Path, rows: int, *, model: str = "dall-e-3", size: str = "1024x1024") -> Path:
    """The same rows as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = zip(*(row(number, model, size) for number in range(rows)), strict=True)
    pq.write_table(pa.table(dict(zip(COLUMNS, map(list, columns), strict=True))), path)
    return path
