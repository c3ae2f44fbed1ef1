"""What stands between us and S3, misbehaving on request: a proxy before the real server, with a log.

``rule`` is asked about every request and names the fault it meets, or None:

``unavailable``  503 SlowDown, nothing done          ``conflict``  409 ConditionalRequestConflict, nothing done
``reset``        the connection is cut, nothing done  ``swallow``   done, and the connection is cut before the reply
``silence``      no reply for ``silence_s``, then cut  ``late``      cut at once, done ``late_s`` later
``denied``       403 AccessDenied, nothing done        ``no bucket`` 404 NoSuchBucket, nothing done
``unguarded``    done without its If-None-Match or If-Match, as a store that does not know them
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

from tasks.journal.codec import decode_segment
from tasks.journal.events import Intent
from tests.support.moto import S3Server

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}
_CONDITIONS = {"if-none-match", "if-match"}


@dataclass
class Passage:
    """One request: what it wanted, which fault it met, when it came and when its reply left."""

    method: str
    key: str
    conditional: bool
    began_s: float = field(default_factory=time.time)
    fault: str | None = None
    status: int = 0  # 0 = cut
    ended_s: float = 0.0
    intents: tuple[str, ...] = ()  # the attempts that a segment of the journal announces

    @property
    def is_segment(self) -> bool:
        """A put of the journal's next segment."""
        return self.method == "PUT" and "/journal/" in self.key and self.key.endswith(".jsonl")


Rule = Callable[[Passage], str | None]


class FaultProxy:
    """Runs on a thread of its own; ``rule`` and ``log`` may be used from any other."""

    def __init__(self, upstream: str, *, silence_s: float = 1.0, late_s: float = 0.3) -> None:
        self._upstream, self._silence_s, self._late_s = upstream, silence_s, late_s
        self.rule: Rule = lambda _: None
        self.log: list[Passage] = []
        self.endpoint = ""
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._later: set[asyncio.Task[None]] = set()

    def serve(self, ready: threading.Event) -> None:
        """The thread's whole life."""
        self._loop.run_until_complete(self._serve(ready))
        self._loop.close()

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self, ready: threading.Event) -> None:
        app = web.Application(client_max_size=2**28)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as self._client:
            ready.set()
            await self._over.wait()
            await asyncio.gather(*self._later)
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        conditional = any(name in request.headers for name in _CONDITIONS)
        passage = Passage(request.method, request.path, conditional)
        if passage.is_segment:
            events = decode_segment(body).events
            passage.intents = tuple(f"{e.key}.{e.attempt}" for e in events if isinstance(e, Intent))
        passage.fault = self.rule(passage)
        try:
            reply = await self._meet(passage, request, body)
            passage.status = reply.status
            return reply
        finally:
            passage.ended_s = time.time()
            self.log.append(passage)

    async def _meet(self, passage: Passage, request: web.Request, body: bytes) -> web.Response:
        match passage.fault:
            case "unavailable":
                return _error(503, "SlowDown", "Reduce your request rate.")
            case "conflict":
                return _error(409, "ConditionalRequestConflict", "A conflicting operation occurred.")
            case "denied":
                return _error(403, "AccessDenied", "Access Denied")
            case "no bucket":
                return _error(404, "NoSuchBucket", "The specified bucket does not exist")
            case "reset":
                return _cut(request)
            case "silence":
                await asyncio.sleep(self._silence_s)
                return _cut(request)
            case "swallow":
                await self._forward(request, body)
                return _cut(request)
            case "late":
                self._later.add(asyncio.ensure_future(self._forward_later(request, body)))
                return _cut(request)
            case _:
                return await self._forward(request, body, guarded=passage.fault != "unguarded")

    async def _forward_later(self, request: web.Request, body: bytes) -> None:
        await asyncio.sleep(self._late_s)
        await self._forward(request, body)

    async def _forward(self, request: web.Request, body: bytes, *, guarded: bool = True) -> web.Response:
        dropped = _HOP if guarded else _HOP | _CONDITIONS
        headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._client.request(request.method, url, headers=headers, data=body or None) as reply:
            data = await reply.read()
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in _HOP}
            if request.method == "HEAD" and "content-length" in reply.headers:
                kept["Content-Length"] = reply.headers["content-length"]
            return web.Response(status=reply.status, headers=kept, body=data)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=599)


def _error(status: int, code: str, message: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")


@contextmanager
def fault_proxy(server: S3Server, *, silence_s: float = 1.0) -> Iterator[FaultProxy]:
    """A proxy before ``server`` for as long as the context lasts."""
    proxy, ready = FaultProxy(server.endpoint, silence_s=silence_s), threading.Event()
    thread = threading.Thread(target=proxy.serve, args=(ready,), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(20)
