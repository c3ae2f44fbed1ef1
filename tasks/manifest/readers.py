"""Reading a manifest whole, from a folder or S3: the newest commit's immutable parts, never the alias.

Needs nothing but pyarrow, so that a notebook can use it. S3 credentials and region come from the standard ``AWS_*``
variables; ``AWS_ENDPOINT_URL_S3`` (else ``AWS_ENDPOINT_URL``) is honoured.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from tasks.manifest.commits import PREFIX, Commit, PartFile, commit_key, commit_number, from_json
from tasks.manifest.schema import CALL_SCHEMA, MANIFEST_SCHEMA, with_commit

_PARALLEL = 8


def read_manifest(uri: str | Path, commit: int | None = None) -> pa.Table:
    """The manifest of the dataset at ``uri`` (folder, ``file://``, ``s3://bucket/prefix``): all rows of one commit.

    ``commit`` None = the newest. The columns are those of ``MANIFEST_SCHEMA``, whatever version wrote the parts;
    ``manifest_commit`` is the same in every row. ``FileNotFoundError`` if there is no such commit (or it has been
    collected), ``ValueError`` for any other scheme or if a part does not hold what the commit says.
    """
    chosen, tables = _read(_dataset(uri), commit, calls=False)
    return pa.concat_tables(
        [with_commit(t, MANIFEST_SCHEMA, chosen.n) for t in tables] or [MANIFEST_SCHEMA.empty_table()]
    )


def read_calls(uri: str | Path, commit: int | None = None) -> pa.Table:
    """The call log of the same dataset as of one commit, with the columns of ``CALL_SCHEMA``. Errors as above."""
    chosen, tables = _read(_dataset(uri), commit, calls=True)
    return pa.concat_tables([with_commit(t, CALL_SCHEMA, chosen.n) for t in tables] or [CALL_SCHEMA.empty_table()])


def _read(files: pafs.SubTreeFileSystem, number: int | None, *, calls: bool) -> tuple[Commit, list[pa.Table]]:
    while True:
        n = _newest(files) if number is None else number
        try:
            chosen = from_json(_bytes(files, commit_key(n)))
            return chosen, _tables(files, chosen.call_files if calls else chosen.files)
        except FileNotFoundError:
            if number is not None or _newest(files) == n:
                raise
            # A newest commit whose objects are gone was overtaken and collected while this read slept: look again.


def _tables(files: pafs.SubTreeFileSystem, parts: Sequence[PartFile]) -> list[pa.Table]:
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(lambda part: _table(files, part), parts))


def _table(files: pafs.SubTreeFileSystem, part: PartFile) -> pa.Table:
    with files.open_input_file(part.key) as file:
        table = pq.ParquetFile(file, pre_buffer=True).read()
    if table.num_rows != part.rows:
        raise ValueError(f"{part.key} has {table.num_rows} rows, its commit says {part.rows}")
    return table


def _newest(files: pafs.SubTreeFileSystem) -> int:
    listed = files.get_file_info(pafs.FileSelector(PREFIX.rstrip("/"), allow_not_found=True))
    numbers = [commit_number(PREFIX + info.base_name) for info in listed]
    newest = max((n for n in numbers if n is not None), default=0)
    if not newest:
        raise FileNotFoundError(f"no manifest in {files.base_path!r}: nothing has been committed yet")
    return newest


def _bytes(files: pafs.SubTreeFileSystem, key: str) -> bytes:
    with files.open_input_stream(key) as stream:
        return bytes(stream.read())


def _dataset(uri: str | Path) -> pafs.SubTreeFileSystem:
    """The dataset's own file system, with keys as paths."""
    text = str(uri)
    scheme = urlsplit(text).scheme
    if scheme == "s3":
        return pafs.SubTreeFileSystem(text.removeprefix("s3://").strip("/"), _s3())
    if "://" in text and scheme != "file":
        raise ValueError(f"{text!r} is neither a folder nor file:// nor s3://")
    folder = unquote(urlsplit(text).path) if scheme == "file" else text
    return pafs.SubTreeFileSystem(str(Path(folder).resolve()), pafs.LocalFileSystem())


def _s3() -> pafs.FileSystem:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    where = urlsplit(endpoint) if endpoint else None
    return pafs.S3FileSystem(
        region=region, **({"endpoint_override": where.netloc, "scheme": where.scheme} if where is not None else {})
    )
