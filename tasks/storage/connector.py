"""Connections that the guard has judged: the part of aiohttp that opens sockets, with its eyes open."""

import functools
import socket
import ssl
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tasks.storage.guard import Blocked, Guard

DNS_CACHE_S = 10
KEEP_ALIVE_S = 15.0


class _GuardedResolver(AbstractResolver):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        del family
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._guard.addresses(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held open."""


class GuardedConnector(aiohttp.TCPConnector):
    """Connects only to what the guard has judged, and looks at the other end again before anything is sent."""

    def __init__(self, guard: Guard, connections: int) -> None:
        super().__init__(
            resolver=_GuardedResolver(guard),
            limit=connections,
            ttl_dns_cache=DNS_CACHE_S,
            keepalive_timeout=KEEP_ALIVE_S,
            ssl=_trust(),
        )
        self._guard = guard

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        """A connection to a judged address, new or kept. Raises ``Blocked`` before a byte of the request is sent."""
        host = req.url.raw_host or ""
        self._guard.check_host(host)  # aiohttp does not ask the resolver about addresses
        connection = await super().connect(req, traces, timeout)
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        try:
            self._guard.check_address(host, peer[0] if peer else "nowhere")
        except Blocked:
            connection.close()
            raise
        return connection


@functools.cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:  # a slim container without the system's certificates
        import certifi

        context.load_verify_locations(certifi.where())
    return context
