"""A dataset whose journal is in memory and whose pictures and manifest are where they always are.

The control of the cost figures: the same code, with nothing of the journal durable.
"""

from collections.abc import Mapping

from tasks.storage.memory import MemoryStore
from tasks.storage.open import open_store
from tasks.storage.store import ObjectInfo, Store

_JOURNAL = ("journal/", "dataset.json")


class SplitStore:
    """Sends the journal's keys to ``journal`` and all others to ``rest``; each is a whole store."""

    def __init__(self, journal: Store, rest: Store) -> None:
        self._journal, self._rest = journal, rest
        self.uri = rest.uri

    def _of(self, key: str) -> Store:
        return self._journal if key.startswith(_JOURNAL) else self._rest

    async def create(self, key: str, body: bytes) -> bool:
        return await self._of(key).create(key, body)

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        await self._of(key).put(key, body, content_type=content_type, metadata=metadata)

    async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        return await self._of(key).replace(key, body, etag=etag)

    async def get(self, key: str) -> bytes:
        return await self._of(key).get(key)

    async def get_with_etag(self, key: str) -> tuple[bytes, str]:
        return await self._of(key).get_with_etag(key)

    async def head(self, key: str) -> ObjectInfo | None:
        return await self._of(key).head(key)

    async def metadata(self, key: str) -> Mapping[str, str]:
        return await self._of(key).metadata(key)

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        return await self._of(prefix).list(prefix, start_after=start_after)

    async def delete(self, key: str) -> None:
        await self._of(key).delete(key)


def journal_in_memory(uri: str) -> Store:
    """The dataset at ``uri`` with a journal that ends with this process."""
    return SplitStore(MemoryStore("journal"), open_store(uri))
