"""The store in memory: for tests and for simulation. It has no network, no disk and no waiting."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.storage.keys import check_key
from tasks.storage.store import NotFound, ObjectInfo


@dataclass(frozen=True, slots=True)
class _Object:
    info: ObjectInfo
    body: bytes
    metadata: Mapping[str, str]


class MemoryStore:
    """A dictionary as a store. No method gives way to another task, so every one is atomic."""

    def __init__(self, name: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self.uri = f"memory://{name}"
        self._clock = clock
        self._versions = itertools.count(1)
        self._objects: dict[str, _Object] = {}

    def __repr__(self) -> str:
        return f"MemoryStore({self.uri!r}, {len(self._objects)} objects)"

    async def create(self, key: str, body: bytes) -> bool:
        """As the protocol says."""
        return await self.replace(key, body, etag=None)

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """As the protocol says; the content type is forgotten."""
        del content_type
        self._write(key, body, metadata or {})

    async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """As the protocol says."""
        held = self._objects.get(check_key(key))
        if (held.info.etag if held else None) != etag:
            return False
        self._write(key, body, {})
        return True

    async def get(self, key: str) -> bytes:
        """As the protocol says."""
        return self._object(key).body

    async def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """As the protocol says."""
        held = self._object(key)
        return held.body, held.info.etag

    async def head(self, key: str) -> ObjectInfo | None:
        """As the protocol says."""
        held = self._objects.get(check_key(key))
        return held.info if held else None

    async def metadata(self, key: str) -> Mapping[str, str]:
        """As the protocol says."""
        return self._object(key).metadata

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        """As the protocol says."""
        keys = sorted(key for key in self._objects if key.startswith(prefix) and key > start_after)
        return [self._objects[key].info for key in keys]

    async def delete(self, key: str) -> None:
        """As the protocol says."""
        self._objects.pop(check_key(key), None)

    def _write(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        info = ObjectInfo(
            key=check_key(key), size_bytes=len(body), etag=f"v{next(self._versions)}", modified_at=self._clock()
        )
        self._objects[key] = _Object(info, bytes(body), dict(metadata))

    def _object(self, key: str) -> _Object:
        try:
            return self._objects[check_key(key)]
        except KeyError:
            raise NotFound(f"no object {key!r} in {self.uri}", key=key) from None
