"""The store on S3 and what speaks its protocol, through obstore."""

import asyncio
import contextlib
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import obstore
from obstore import exceptions

from tasks.storage import s3_client
from tasks.storage.keys import check_key
from tasks.storage.store import Denied, NotFound, ObjectInfo, StoreError, Unavailable, Unclear

R = TypeVar("R")

BACKOFF_S = 0.1
SLOWEST_BYTES_PER_S = 256_000
CONFLICT_ATTEMPTS = 8  # 409 means "two at once, neither counted": S3 asks for a retry

# obstore has one class for every failure it does not name: the status and the kind stand in its text only
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_NEVER_CONNECTED = re.compile(r"^\s*kind: Connect,$", re.MULTILINE)
_HTTP_ATTRIBUTES = {
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Cache-Control",
    "Storage-Class",
}
_REFUSED = {429, 503}
_NOT_FOR_US = {301, 400, 401, 403, 404, 405, 501}


class S3Store:
    """A bucket, or the part of it below a prefix, as a store.

    ``create`` and ``replace`` send one request (409 apart), so that their answer is about that request. Reads and
    plain puts are repeated with full jitter before they give up.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, timeout_s: float = 30.0, attempts: int = 5, pause_cap_s: float = 5.0
    ) -> None:
        self._bucket = bucket
        self._prefix = check_key(prefix.strip("/")) if prefix.strip("/") else ""
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._pause_cap_s = pause_cap_s
        self._reader = s3_client.open_bucket(bucket, self._prefix, silence_s=timeout_s)
        self._writer = s3_client.open_bucket(bucket, self._prefix, silence_s=None)
        self.uri = f"s3://{bucket}/{self._prefix}".rstrip("/")

    def __repr__(self) -> str:
        return f"S3Store({self.uri!r})"

    async def create(self, key: str, body: bytes) -> bool:
        """As the protocol says (``If-None-Match: *``)."""
        return await self._conditional(key, body, "create")

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """As the protocol says, in one request whatever the size; metadata values are ASCII."""
        attributes = dict(metadata or {}) | ({"Content-Type": content_type} if content_type else {})
        await self._patiently(key, lambda: self._write(key, body, "overwrite", attributes))

    async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """As the protocol says (``If-Match``)."""
        return await self._conditional(key, body, "create" if etag is None else {"e_tag": etag})

    async def get(self, key: str) -> bytes:
        """As the protocol says."""
        return (await self.get_with_etag(key))[0]

    async def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """As the protocol says."""
        check_key(key)

        async def read() -> tuple[bytes, str]:
            result = await obstore.get_async(self._reader, key)
            return bytes(await result.bytes_async()), result.meta["e_tag"] or ""

        return await self._patiently(key, read)

    async def head(self, key: str) -> ObjectInfo | None:
        """As the protocol says."""
        check_key(key)
        try:
            return _info(await self._patiently(key, lambda: obstore.head_async(self._reader, key)))
        except NotFound:
            return None

    async def metadata(self, key: str) -> Mapping[str, str]:
        """As the protocol says, from ``x-amz-meta-*``."""
        check_key(key)

        async def ask() -> Mapping[str, str]:
            found = await obstore.get_async(self._reader, key, options={"head": True})
            return {name: value for name, value in found.attributes.items() if name not in _HTTP_ATTRIBUTES}

        return await self._patiently(key, ask)

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        """As the protocol says; as many requests as it takes, 1,000 objects each."""
        folder = prefix[: prefix.rfind("/") + 1]  # obstore lists whole folders: the rest is sifted here
        first = max(start_after, prefix[:-1] if prefix != folder else "")

        async def ask() -> list[ObjectInfo]:
            stream = obstore.list(self._reader, folder or None, offset=first or None, chunk_size=1000)
            return [_info(meta) async for chunk in stream for meta in chunk]

        found = await self._patiently(prefix, ask)
        wanted = (info for info in found if info.key.startswith(prefix) and info.key > start_after)
        return sorted(wanted, key=lambda info: info.key)

    async def delete(self, key: str) -> None:
        """As the protocol says."""
        check_key(key)
        with contextlib.suppress(NotFound):
            await self._patiently(key, lambda: obstore.delete_async(self._reader, key))

    async def _conditional(self, key: str, body: bytes, mode: Any) -> bool:
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                await self._once(key, lambda: self._write(key, body, mode, {}))
            except _Lost:
                return False
            except NotFound as error:
                if mode == "create":
                    raise Denied(str(error), key=key) from error
                return False  # S3's answer to If-Match on nothing
            except _Conflict:
                await self._pause(attempt)
            else:
                return True
        raise Unavailable(f"{self.uri}: too many writers at once on {key!r}", key=key)

    async def _write(self, key: str, body: bytes, mode: Any, attributes: Mapping[str, str]) -> None:
        async with asyncio.timeout(self._timeout_s + len(body) / SLOWEST_BYTES_PER_S):
            await obstore.put_async(
                self._writer, check_key(key), body, mode=mode, attributes=dict(attributes), use_multipart=False
            )

    async def _patiently(self, key: str, request: Callable[[], Awaitable[R]]) -> R:
        """The request's answer, asked for again after each failure that may pass."""
        for attempt in range(self._attempts - 1):
            try:
                return await self._once(key, request)
            except (Denied, NotFound):
                raise
            except (Unavailable, Unclear):
                await self._pause(attempt)
        return await self._once(key, request)

    async def _once(self, key: str, request: Callable[[], Awaitable[R]]) -> R:
        """The request's answer, or the error of this room that says what its failure means."""
        try:
            return await request()
        except TimeoutError as error:
            raise Unclear(f"{self.uri}: no answer about {key!r} in time", key=key) from error
        except (exceptions.BaseError, FileNotFoundError) as error:
            raise self._meaning(key, str(error)) from error

    async def _pause(self, attempt: int) -> None:
        await asyncio.sleep(random.uniform(0, min(self._pause_cap_s, BACKOFF_S * 2**attempt)))

    def _meaning(self, key: str, text: str) -> StoreError:
        summary = f"{self.uri}: {key!r}: {text.partition('Debug source')[0].strip()[:500]}"
        found = _STATUS.search(text)
        status = int(found[1]) if found else None
        if status == 404 and "NoSuchBucket" not in text:
            return NotFound(summary, key=key)
        if status == 409:
            return _Conflict(summary, key=key)
        if status == 412:
            return _Lost(summary, key=key)
        if status == 400 and "<Code>RequestTimeout</Code>" in text:  # our bytes came too slowly: nobody says no
            return Unclear(summary, key=key)
        if status in _NOT_FOR_US or (status is None and "incorrectly configured region" in text):
            return Denied(summary, key=key)
        if status in _REFUSED or _NEVER_CONNECTED.search(text):
            return Unavailable(summary, key=key)
        return Unclear(summary, key=key)


class _Conflict(Unavailable):
    """409: two conditional requests met, and this one did nothing."""


class _Lost(StoreError):
    """412: the condition did not hold."""


def _info(meta: Any) -> ObjectInfo:
    return ObjectInfo(
        key=meta["path"],
        size_bytes=meta["size"],
        etag=meta["e_tag"] or "",
        modified_at=meta["last_modified"].timestamp(),
    )
