"""A run's store that tells people when it does not answer, and stops a run whose disk stays full.

Whoever needs the store keeps its own patience. This sees all of them: nobody is patient once more after one was so in
vain, and nothing new is bought while pictures that are paid for find no room.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from tasks.engine.shared.stopping import StopSignal
from tasks.storage.store import Denied, Full, ObjectInfo, Store, StoreError, Unavailable, Unclear

T = TypeVar("T")

FORGET_S = 60.0  # what failed so long ago was given up, not tried again
REST_S = 10.0  # longer than anybody pauses between two tries
TELL_AFTER_S = 10.0  # a single failure is nobody's business
FULL_SHARE = 10  # a full disk is waited for a tenth of the patience: somebody has to make room


class WatchedStore:
    """``store`` as it is, with its failed writes watched: by key, until a write of that key succeeds."""

    def __init__(self, store: Store, stop: StopSignal, say: Callable[[str], None], patience_s: float) -> None:
        self.uri, self.inner = store.uri, store
        self._stop, self._say, self._patience_s = stop, say, patience_s
        self._failing: dict[str, tuple[float, float]] = {}  # since when, and when it failed last
        self._told = ""

    async def create(self, key: str, body: bytes) -> bool:
        """As the protocol says."""
        return await self._watched(key, self.inner.create(key, body))

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """As the protocol says."""
        await self._watched(key, self.inner.put(key, body, content_type=content_type, metadata=metadata))

    async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """As the protocol says."""
        return await self._watched(key, self.inner.replace(key, body, etag=etag))

    async def get(self, key: str) -> bytes:
        """As the protocol says."""
        return await self.inner.get(key)

    async def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """As the protocol says."""
        return await self.inner.get_with_etag(key)

    async def head(self, key: str) -> ObjectInfo | None:
        """As the protocol says."""
        return await self.inner.head(key)

    async def metadata(self, key: str) -> Mapping[str, str]:
        """As the protocol says."""
        return await self.inner.metadata(key)

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        """As the protocol says."""
        return await self.inner.list(prefix, start_after=start_after)

    async def delete(self, key: str) -> None:
        """As the protocol says."""
        await self.inner.delete(key)

    async def _watched(self, key: str, write: Awaitable[T]) -> T:
        try:
            done = await write
        except (Unavailable, Unclear) as error:
            self._failed(key, error)
            raise
        if self._failing:
            self._failing.pop(key, None)
        return done

    def _failed(self, key: str, error: StoreError) -> None:
        """Raise ``Denied`` in the place of ``error`` where nobody is to wait any more."""
        now_s = time.monotonic()
        since_s, last_s = self._failing.get(key, (now_s, now_s))
        if now_s - last_s > FORGET_S:
            since_s = now_s
        self._failing[key] = since_s, now_s
        lasted_s = now_s - since_s
        full, patience_s = isinstance(error, Full), self._patience_s
        if full:
            patience_s /= FULL_SHARE
            self._stop.rest(REST_S)
        if self._stop.reason == "store_down" or (full and lasted_s > patience_s):
            if not isinstance(error, Denied):
                self._stop.stop("store_down", f"outcomes cannot be recorded: {error}")
                raise Denied(str(error), key=key) from error
        elif full or lasted_s > TELL_AFTER_S:
            self._tell(error, patience_s)

    def _tell(self, error: StoreError, patience_s: float) -> None:
        """Once for each kind of trouble."""
        kind = type(error).__name__
        if self._told != kind:
            self._told = kind
            self._say(
                f"the dataset cannot be written: {error}; nothing new is bought until it can, tried for "
                f"{patience_s:.0f} s; what is paid for is safe on this machine"
            )
