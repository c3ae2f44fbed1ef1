"""What the newest commit knows of each row, part by part: with it a plan can leave most journals unread.

It is as old as its commit: where a partition's journal has gone past ``through``, the journal must be asked instead.
"""

import asyncio
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.journal.fold import WantId
from tasks.manifest.commits import PartFile
from tasks.manifest.objects import Objects

_IDENTITY = ("catalog", "row_id", "take", "call_key")
_FACTS = ("request_digest", "current", "call_outcome", "outcome_reason", "attempts")


class KnownRow(NamedTuple):
    """One row of a catalog. ``outcome`` and ``reason`` are those of its call, ``attempts`` the calls made for it."""

    digest: str
    current: bool
    outcome: str
    reason: str | None
    attempts: int


async def known_rows(store: Objects, part: PartFile) -> dict[WantId, KnownRow] | None:
    """The rows of a part by identity; None if an earlier version wrote it, which did not note what is asked here."""
    return await asyncio.to_thread(_read, await store.get(part.key))


def _read(part: bytes) -> dict[WantId, KnownRow] | None:
    file = pq.ParquetFile(pa.BufferReader(part))
    if "call_outcome" not in file.schema_arrow.names:
        return None
    results = file.read(columns=[*_IDENTITY, *_FACTS, "sample_index"])
    rows = results.filter(pc.equal(results["sample_index"], 0))  # the facts are of the call: the same for all samples
    identities = zip(*(rows[name].to_pylist() for name in _IDENTITY), strict=True)
    facts = map(KnownRow, *(rows[name].to_pylist() for name in _FACTS))
    return dict(zip(identities, facts, strict=True))
