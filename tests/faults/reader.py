"""Somebody else who reads the manifest all the time: ``python -m tests.faults.reader DATASET REPORT PAUSE_S``.

Reads in turn with pyarrow, pandas, Polars and DuckDB until its stdin ends, then writes what it saw. Most reads take
only the columns that are judged, so that a storm leaves time for thousands of them; in every 25th round each reader
takes the whole file, and our own ``read_manifest`` its parts. Every read must succeed, show one commit only, and never
fewer rows or an older commit than the read before it by the same reader.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Seen = tuple[int, set[int]]  # rows, commits
Read = Callable[[], Seen]
JUDGED = ["row_id", "manifest_commit"]
ENGINES = ("pyarrow", "pandas", "polars", "duckdb")
WHOLE_EVERY = 25  # rounds


@dataclass
class Readings:
    """What was read, and everything that must not be."""

    reads: int = 0
    reads_by: dict[str, int] = field(default_factory=dict)
    whole: int = 0  # of the reads, those of every column
    not_yet: int = 0
    longest_gap_s: float = 0.0  # between two looks, at a manifest or at where it will be
    commits: int = 0
    rows: int = 0
    unreadable: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    backwards: list[str] = field(default_factory=list)


class Watcher:
    """Judges one read after the other."""

    def __init__(self) -> None:
        self.readings = Readings()
        self._last: dict[str, tuple[int, int]] = {}
        self._commits: set[int] = set()
        self._looked_at_s: float | None = None

    def look(self, name: str, read: Read, *, whole: bool = False) -> None:
        """One read by the reader of that name."""
        found, now_s = self.readings, time.monotonic()
        found.longest_gap_s = max(found.longest_gap_s, now_s - (self._looked_at_s or now_s))
        self._looked_at_s = now_s
        try:
            rows, commits = read()
        except FileNotFoundError as error:
            if name in self._last:
                found.unreadable.append(f"{name}: {error}")
            found.not_yet += 1
            return
        except Exception as error:
            found.unreadable.append(f"{name}: {type(error).__name__}: {error}"[:300])
            return
        found.reads, found.whole = found.reads + 1, found.whole + whole
        found.reads_by[name] = found.reads_by.get(name, 0) + 1
        if len(commits) > 1:
            found.mixed.append(f"{name}: commits {sorted(commits)} in one read")
        now = (rows, max(commits, default=0))
        last = self._last.get(name, (0, 0))
        if now[0] < last[0] or now[1] < last[1]:
            found.backwards.append(f"{name}: {last} was followed by {now} (rows, commit)")
        self._last[name] = now
        self._commits |= commits
        found.commits, found.rows = len(self._commits), max(found.rows, rows)


def readers_of(dataset: str, columns: Sequence[str] | None = None) -> Mapping[str, Read]:
    """The readers for a folder or for S3 (there: a single GET, as the contract says). ``columns`` None = all of them.

    With all columns our own ``read_manifest`` is one of them.
    """
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow.parquet as pq

    from tasks.manifest.readers import read_manifest

    alias, chosen = _alias(dataset), None if columns is None else list(columns)
    database = duckdb.connect(config={"threads": 1})

    def ours() -> Seen:
        table = read_manifest(dataset)
        return table.num_rows, set(table["manifest_commit"].to_pylist())

    def pyarrow() -> Seen:
        table = pq.read_table(alias(), columns=chosen)
        return table.num_rows, set(table["manifest_commit"].unique().to_pylist())

    def pandas() -> Seen:
        frame = pd.read_parquet(alias(), columns=chosen)
        return len(frame), {int(n) for n in frame["manifest_commit"].unique()}

    def polars() -> Seen:
        frame = pl.read_parquet(alias(), columns=chosen)
        return frame.height, set(frame["manifest_commit"].unique().to_list())

    def duck() -> Seen:
        source = alias()
        if isinstance(source, str):
            relation = database.sql(f"select {', '.join(chosen or ['*'])} from '{source}'")
        else:
            relation = database.from_arrow(pq.read_table(source, columns=chosen))
        commits = relation.fetchnumpy()["manifest_commit"]
        return len(commits), {int(n) for n in set(commits.tolist())}

    engines: dict[str, Read] = {"pyarrow": pyarrow, "pandas": pandas, "polars": polars, "duckdb": duck}
    return engines if chosen else {"read_manifest": ours, **engines}


def _alias(dataset: str) -> Callable[[], Any]:
    """What a plain reader is given: the path of ``manifest.parquet``, or on S3 its bytes from one GET."""
    if "://" not in dataset:
        path = Path(dataset, "manifest.parquet")

        def there() -> str:
            if not path.exists():
                raise FileNotFoundError(path)
            return str(path)

        return there
    import boto3

    bucket, _, prefix = dataset.removeprefix("s3://").partition("/")
    client = boto3.client("s3")

    def body() -> io.BytesIO:
        try:
            return io.BytesIO(client.get_object(Bucket=bucket, Key=f"{prefix}/manifest.parquet")["Body"].read())
        except client.exceptions.NoSuchKey as error:
            raise FileNotFoundError(str(error)) from error

    return body


def warm_up() -> None:
    """Let every engine load what it loads late: the first read of a storm would take two seconds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(pa.table({"row_id": ["r"], "manifest_commit": [1]}), Path(folder, "manifest.parquet"))
        for read in readers_of(folder, JUDGED).values():
            read()


def main(dataset: str, report: str, pause_s: str) -> None:
    """Read until stdin ends."""
    over = threading.Event()
    warm_up()
    whole, judged = readers_of(dataset), readers_of(dataset, JUDGED)
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    watcher, rounds = Watcher(), 0
    while not over.is_set():
        all_columns = rounds % WHOLE_EVERY == 0
        for name, read in (whole if all_columns else judged).items():
            watcher.look(name, read, whole=all_columns)
        rounds += watcher.readings.reads > 0
        over.wait(float(pause_s) if rounds else 0.05)
    Path(report).write_text(json.dumps(asdict(watcher.readings)))


@contextmanager
def watching(
    dataset: Path | str, report: Path, *, environment: Mapping[str, str] | None = None, pause_s: float = 0.0
) -> Iterator[Readings]:
    """A reader of its own process for as long as the context lasts; filled with what it saw at the end.

    ``pause_s`` between two rounds leaves the machine to others.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.reader", str(dataset), str(report), str(pause_s)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, **(environment or {}), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    readings = Readings()
    try:
        assert child.stdout.readline() == "ready\n"
        yield readings
    finally:
        child.stdin.close()
        child.wait(60)
        child.stdout.close()
    for name, value in json.loads(report.read_text()).items():
        setattr(readings, name, value)


if __name__ == "__main__":
    main(*sys.argv[1:4])
