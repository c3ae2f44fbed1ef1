"""How the paid client connects: live sockets, trusted certificates; no cookies, no proxy, no limit on the pool."""

import socket
import ssl
from importlib import metadata

import aiohttp

_CONNECT_TIMEOUT_S = 10.0
# Servers close idle connections after 5 s (uvicorn, node) or more; a POST that meets such a close is a lost paid call.
_IDLE_CONNECTION_S = 4.0


class Sent:
    """Pass one as ``trace_request_ctx``: ``sent`` turns true just before the first byte of the request goes out."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent = False


def open_session(authorization: str, *, tls: bool) -> aiohttp.ClientSession:
    """A session that sends ``authorization`` with every request and tells each call's ``Sent`` when it goes out."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_mark_sent)
    connector = aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=_IDLE_CONNECTION_S,
        socket_factory=_keep_alive_socket,
        ssl=_trust() if tls else True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers={"Authorization": authorization, "User-Agent": _user_agent(), "Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
        trace_configs=[trace],
    )


async def _mark_sent(_session: object, context: object, _params: object) -> None:
    call = getattr(context, "trace_request_ctx", None)
    if isinstance(call, Sent):
        call.sent = True


def _keep_alive_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that notices a dead peer: a picture may take five minutes without a byte, longer than many NATs wait."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, option):  # not on every platform
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made


def _trust() -> ssl.SSLContext:
    """The system's certificates and Mozilla's: a bare image or a fresh macOS Python has none of its own."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _user_agent() -> str:
    try:
        return f"printroom/{metadata.version('printroom')}"
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return "printroom/0"
