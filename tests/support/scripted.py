"""A real HTTP server on 127.0.0.1 whose every answer is written out by the test, byte by byte if need be."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ScriptedServer:
    """``answers`` maps a path to raw bytes or to a coroutine function that writes what it likes."""

    answers: dict[str, Answer]
    port: int = 0
    requests: list[bytes] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                path = head.split(b" ", 2)[1].decode("latin-1").partition("?")[0]
                answer = self.answers[path]
                if callable(answer):
                    await answer(writer)
                    return
                writer.write(answer)
                await writer.drain()
                if b"Connection: close" in answer.partition(b"\r\n\r\n")[0]:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scripted(answers: dict[str, Answer]) -> AsyncIterator[ScriptedServer]:
    """Serve on a free port; every connection left at the end is cut."""
    script = ScriptedServer(answers)
    open_connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(script._serve(reader, writer))
        open_connections.add(task)
        task.add_done_callback(open_connections.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        for task in list(open_connections):
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)


def reply(body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer; ``length`` lies about the body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def unmeasured(body: bytes, *headers: str) -> bytes:
    """An HTTP/1.0 answer without a length: the end of the connection is its end."""
    return "\r\n".join(["HTTP/1.0 200 OK", "Connection: close", *headers]).encode() + b"\r\n\r\n" + body


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
