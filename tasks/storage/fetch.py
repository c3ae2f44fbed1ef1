"""Get the bytes behind a URL that someone else wrote: a gateway's answer, a catalog's cell.

What comes back is only bytes within limits, from a public place (guard.py); whether they are a picture is for
inspect.py. aiohttp is used without httpx in front of it: the interface of this module is one method wide, and its
limits, its connector and the check of each connection live below what httpx shows.
"""

import asyncio
import email.utils
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import aiohttp
from yarl import URL

from tasks.storage.connector import GuardedConnector
from tasks.storage.data_uri import BadDataUri, decode_data_uri
from tasks.storage.guard import Blocked, Guard

MAX_REDIRECTS = 3
CONNECT_TIMEOUT_S = 10.0
SILENCE_S = 15.0  # the longest wait for the next bytes
SLOW_AFTER_S = 10.0
SLOWEST_BYTES_PER_S = 2_000
MAX_URL_CHARS = 16_000
READ_BYTES = 256 * 1024
MAX_RETRY_AFTER_S = 300.0

Reason = Literal[
    "url_expired",  # 403, 404, 410: nothing there (any more)
    "blocked",  # leads to a place that must not be reached
    "bad_url",  # not an http(s) URL, or one with credentials
    "too_large",
    "too_many_redirects",
    "encoded",  # compressed although we asked for plain bytes
    "connection",  # refused, reset, cut short, not resolved, no valid certificate
    "timeout",  # past the deadline, silent or too slow
    "bad_status",
]

_HEADERS = {
    "Accept": "image/png,image/jpeg,image/webp,*/*;q=0.1",
    "Accept-Encoding": "identity",
    "User-Agent": "printroom",
}
_NEVER_IN_A_URL = re.compile(r"[\x00-\x1f\x7f\\]")
_MOVED = {301, 302, 303, 307, 308}
_EXPIRED = {403, 404, 410}


class FetchError(Exception):
    """No bytes came of it. The text names the place without its query, so it may be shown and stored.

    ``retryable``: the same URL may still answer later (404 counts: new files take a moment to reach every edge).
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.retryable = retryable
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came. ``content_type`` is what the server claims; ``url`` is where it was found at last, without query."""

    data: bytes
    content_type: str | None
    status: int
    url: str


class Fetcher:
    """Downloads, many at once over shared connections. Use as an async context manager, or call ``aclose``."""

    def __init__(self, allow_hosts: Iterable[str] = (), *, guard: Guard | None = None, connections: int = 256) -> None:
        self._guard = guard or Guard(allow_hosts)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def fetch(self, url: str, *, deadline_s: float = 60.0, max_bytes: int = 25_000_000) -> Fetched:
        """The bytes behind an ``http``, ``https`` or ``data`` URL.

        Raises ``FetchError``, after ``deadline_s`` at the latest.
        """
        if url[:5].lower() == "data:":
            return _from_data_uri(url, max_bytes)
        place = _parse(url)
        try:
            async with asyncio.timeout(deadline_s):
                return await self._follow(place, max_bytes)
        except TimeoutError as error:  # aiohttp's time-outs too
            raise FetchError(
                "timeout", f"{_shown(place)}: no picture within {deadline_s:g} s", retryable=True
            ) from error
        except Blocked as error:
            raise FetchError("blocked", str(error)) from error
        except (aiohttp.InvalidURL, ValueError) as error:
            raise FetchError("bad_url", f"{_shown(place)} is not a usable URL") from error
        except (aiohttp.ClientError, OSError) as error:
            lasting = isinstance(error, aiohttp.ClientConnectorCertificateError)
            summary = f"{_shown(place)}: {type(error).__name__}"
            raise FetchError("connection", summary, retryable=not lasting) from error

    async def _follow(self, place: URL, max_bytes: int) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            async with self._opened().get(place, allow_redirects=False) as reply:
                if reply.status not in _MOVED:
                    return await _take(reply, place, max_bytes)
                place = _next_place(place, reply)
        raise FetchError("too_many_redirects", f"{_shown(place)}: more than {MAX_REDIRECTS} redirects")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=GuardedConnector(self._guard, self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_S),
                auto_decompress=False,
                trust_env=False,
                read_bufsize=READ_BYTES,
            )
        return self._session


async def _take(reply: aiohttp.ClientResponse, place: URL, max_bytes: int) -> Fetched:
    _refuse_status(reply, place)
    if reply.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise FetchError("encoded", f"{_shown(place)}: compressed, although plain bytes were asked for")
    if (reply.content_length or 0) > max_bytes:
        raise FetchError("too_large", f"{_shown(place)}: {reply.content_length:,} bytes, the limit is {max_bytes:,}")
    chunks, received, began = [], 0, time.monotonic()
    while chunk := await reply.content.readany():
        chunks.append(chunk)
        received += len(chunk)
        if received > max_bytes:
            raise FetchError("too_large", f"{_shown(place)}: more than {max_bytes:,} bytes")
        elapsed = time.monotonic() - began
        if elapsed > SLOW_AFTER_S and received < SLOWEST_BYTES_PER_S * elapsed:
            raise FetchError("timeout", f"{_shown(place)}: slower than {SLOWEST_BYTES_PER_S:,} bytes/s", retryable=True)
    return Fetched(
        data=b"".join(chunks), content_type=reply.headers.get("Content-Type"), status=reply.status, url=_shown(place)
    )


def _refuse_status(reply: aiohttp.ClientResponse, place: URL) -> None:
    status = reply.status
    if status == 200:
        return
    text = f"{_shown(place)}: HTTP {status}"
    if status in _EXPIRED:
        raise FetchError("url_expired", text, status=status, retryable=status == 404)
    retryable = status in {408, 425, 429} or status >= 500
    raise FetchError("bad_status", text, status=status, retryable=retryable, retry_after_s=_retry_after_s(reply))


def _retry_after_s(reply: aiohttp.ClientResponse) -> float | None:
    value = reply.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(float(value), MAX_RETRY_AFTER_S)
    try:
        then = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max(0.0, then.timestamp() - time.time()), MAX_RETRY_AFTER_S)


def _next_place(place: URL, reply: aiohttp.ClientResponse) -> URL:
    location = reply.headers.get("Location", "")
    if not location:
        raise FetchError("bad_status", f"{_shown(place)}: HTTP {reply.status} without a place", status=reply.status)
    return _parse(str(place.join(_url(location))))


def _parse(url: str) -> URL:
    """The URL as it stands, since a signature may cover every character of it; ``FetchError`` if it is none of ours."""
    if len(url) > MAX_URL_CHARS or _NEVER_IN_A_URL.search(url):
        raise FetchError("bad_url", "the URL is too long or holds control characters")
    try:
        place = _url(url)
        usable = place.scheme in {"http", "https"} and bool(place.raw_host) and bool(place.port)
    except ValueError:
        raise FetchError("bad_url", f"not a URL: {url.partition('?')[0][:100]!r}") from None
    if not usable:
        raise FetchError("bad_url", f"not an http or https URL: {url.partition('?')[0][:100]!r}")
    if place.raw_user is not None or place.raw_password is not None:
        raise FetchError("bad_url", f"{_shown(place)}: credentials in a URL are not sent")
    return place


def _url(text: str) -> URL:
    stripped = text.strip(" ")
    return URL(stripped, encoded=stripped.isascii() and " " not in stripped)


def _shown(place: URL) -> str:
    return str(place.with_query(None).with_fragment(None).with_user(None))


def _from_data_uri(url: str, max_bytes: int) -> Fetched:
    try:
        data, content_type = decode_data_uri(url, max_bytes=max_bytes)
    except BadDataUri as error:
        raise FetchError("too_large" if error.too_large else "bad_url", str(error)) from error
    return Fetched(data=data, content_type=content_type, status=200, url="data:")
