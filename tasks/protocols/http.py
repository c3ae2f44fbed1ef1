"""The one HTTP client for paid calls: one POST per call, a hard deadline, a capped body, and whether it left at all.

    GatewayError
    ├── NotSent   nothing reached the gateway: name lookup, refused, connect time-out, TLS. Costs nothing.
    └── NoReply   the request may have arrived, a whole reply did not come back. May have been charged.

aiohttp carries the bytes itself: httpx on top of it costs three times the CPU of a small call and five to seven times
that of a 2 MB reply, and httpx-aiohttp reports "server disconnected after the request" as a connect time-out, which
here would be the difference between "free" and "perhaps paid".
"""

import asyncio
import io
import logging
import re
import zlib
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
import orjson

from catalogs.types import Json
from tasks.protocols.connection import Sent, open_session
from tasks.protocols.wire import Reply, WireRequest

LostKind = Literal["timeout", "connection_lost"]
BODY_CAP_BYTES = 64 * 2**20

_MODELS_TIMEOUT_S = 10.0
_KEPT_OF_TOO_LARGE_BYTES = 2**16
_INLINE_BODY_BYTES = 2**20  # above this, aiohttp asks for a file object so that writing does not block the loop
_VERSIONED_PATH = re.compile(r"/v\d+\w*(/|$)")


class GatewayError(Exception):
    """A call without a reply. The message names no key, no URL path and nothing of the request."""


class NotSent(GatewayError):
    """Nothing reached the gateway; the same attempt may be made again and is never a spend."""


class NoReply(GatewayError):
    """The request may have reached the gateway and been charged.

    ``kind`` is also the reason in the manifest; a reply that is not HTTP counts as ``connection_lost``. ``partial``
    holds status, headers and the bytes that arrived before a cut or the deadline, or None without a status line.
    """

    def __init__(self, kind: LostKind, message: str, *, partial: Reply | None = None) -> None:
        super().__init__(message)
        self.kind: LostKind = kind
        self.partial = partial


class _Exchange(Sent):
    """What is known of one call while it runs."""

    __slots__ = ("cap_bytes", "chunks", "headers", "status")

    def __init__(self, cap_bytes: int) -> None:
        super().__init__()
        self.cap_bytes = cap_bytes
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []

    def reply(self) -> Reply:
        body = _plain(b"".join(self.chunks), self.headers.get("content-encoding", ""), self.cap_bytes)
        too_large = len(body) > self.cap_bytes
        if too_large:
            body = body[:_KEPT_OF_TOO_LARGE_BYTES]
        return Reply(status=self.status, headers=self.headers, body=body, too_large=too_large)


class Gateway:
    """One gateway and key. Use it from one event loop; ``aclose`` when done.

    Never retries, follows no redirect (a 302 is a reply), reads no proxy from the environment, asks for identity
    encoding and still reads gzip and deflate. Of a reply larger than ``body_cap_bytes`` only the first 64 KB are kept,
    and it is marked ``too_large``. The pool is unlimited: the pacer decides how many fly.
    """

    def __init__(self, base_url: str, api_key: str, *, body_cap_bytes: int = BODY_CAP_BYTES) -> None:
        self.base_url = normal_base_url(base_url)
        self._authorization = f"Bearer {_checked_key(api_key)}"
        self._body_cap_bytes = body_cap_bytes
        self._session: aiohttp.ClientSession | None = None
        for name in ("httpx", "httpcore"):  # both log whole URLs at INFO
            logging.getLogger(name).setLevel(logging.WARNING)

    def __repr__(self) -> str:
        return f"Gateway({self.base_url!r})"

    async def post(
        self, request: WireRequest, *, timeout_s: float, idempotency_key: str | None = None, expected_bytes: int = 0
    ) -> Reply:
        """POST once and return whatever came back, whatever its status.

        ``timeout_s`` bounds the whole call: connecting, sending, waiting, reading. ``expected_bytes``: a reply may be
        as large, whatever the cap. Raises ``NotSent`` or ``NoReply``.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        if request.json is not None:
            headers["Content-Type"] = "application/json"
        cap_bytes = max(self._body_cap_bytes, expected_bytes)
        return await self._exchange("POST", request.path, _body(request), headers, timeout_s, cap_bytes)

    async def models(self) -> list[str] | None:
        """The ids that ``GET /models`` lists, or None if the gateway does not answer it with a list."""
        try:
            reply = await self._exchange("GET", "/models", None, {}, _MODELS_TIMEOUT_S, self._body_cap_bytes)
            listed: Json = orjson.loads(reply.body) if reply.status == 200 else None
        except (GatewayError, orjson.JSONDecodeError):
            return None
        rows = listed.get("data") if isinstance(listed, dict) else None
        if not isinstance(rows, list):
            return None
        return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]

    async def aclose(self) -> None:
        """Close every connection; calls still in flight end as ``NoReply``."""
        if self._session is not None:
            await self._session.close()

    async def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | io.BytesIO | aiohttp.FormData | None,
        headers: dict[str, str],
        timeout_s: float,
        cap_bytes: int,
    ) -> Reply:
        self._session = self._session or open_session(self._authorization, tls=self.base_url.startswith("https:"))
        exchange = _Exchange(cap_bytes)
        url = f"{self.base_url}/{path.lstrip('/')}"
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(
                    method, url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=exchange
                ) as response,
            ):
                await _read(response, exchange)
        except TimeoutError as error:
            raise self._lost(exchange, "timeout", f"no whole reply within {timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._lost(exchange, "connection_lost", _describe(error)) from error
        return exchange.reply()

    def _lost(self, exchange: _Exchange, kind: LostKind, message: str) -> GatewayError:
        if not exchange.sent:
            return NotSent(message)
        return NoReply(kind, message, partial=exchange.reply() if exchange.status else None)


def address_of(url: str) -> str:
    """Host and port of a base URL, and nothing else of it: it may bear a password."""
    parts = urlsplit(normal_base_url(url))
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def normal_base_url(url: str) -> str:
    """``url`` without a trailing slash and with ``/v1`` unless its path names a version already.

    Raises ``ValueError`` for anything but http(s) with a host and without user name; the URL is not repeated.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the gateway's base URL must start with http:// or https:// and name a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the gateway's base URL must hold no user name, query or fragment")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if _VERSIONED_PATH.search(path) else path + '/v1'}"


def _checked_key(api_key: str) -> str:
    key = api_key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ValueError("the API key is empty or holds characters that cannot stand in a header")
    return key


def _body(request: WireRequest) -> bytes | io.BytesIO | aiohttp.FormData:
    if request.json is not None:
        body = orjson.dumps(request.json)
        return body if len(body) < _INLINE_BODY_BYTES else io.BytesIO(body)
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in request.form:
        form.add_field(name, value)
    for name, (filename, data, content_type) in request.files:
        form.add_field(name, io.BytesIO(data), filename=filename, content_type=content_type)
    return form


async def _read(response: aiohttp.ClientResponse, exchange: _Exchange) -> None:
    exchange.status = response.status
    for name, value in response.headers.items():
        known = exchange.headers.get(name.lower())
        exchange.headers[name.lower()] = value if known is None else f"{known}, {value}"
    size_bytes = 0
    async for chunk in response.content.iter_any():
        exchange.chunks.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > exchange.cap_bytes:
            return


def _plain(body: bytes, content_encoding: str, cap_bytes: int) -> bytes:
    """``body`` inflated to one byte above the cap at most; what cannot be inflated stays as it came."""
    if content_encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        # 32 + 15 bits: zlib tells gzip and zlib headers apart by itself
        return zlib.decompressobj(47).decompress(body, cap_bytes + 1)
    except zlib.error:
        return body


def _describe(error: Exception) -> str:
    """What happened, without URL or payload: the class and, where the system gave one, its error text."""
    cause = getattr(error, "os_error", None) or error
    text = getattr(cause, "strerror", None)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
