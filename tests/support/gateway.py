"""A gateway of one test's own: real HTTP on 127.0.0.1, each reply written out by the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from tests.support.pictures import encode, scene

Reply = dict[str, Any]


@dataclass
class Post:
    """One paid call; ``body`` is the JSON, or the raw form of an edit."""

    path: str
    key: str | None
    body: Any


class OwnGateway:
    """Answers each POST, after ``pause_s``, with what ``answer`` makes of it; serves the pictures it has drawn."""

    def __init__(self, answer: Callable[["OwnGateway", Post], Reply], pause_s: float) -> None:
        self._answer, self._pause_s = answer, pause_s
        self._files: dict[str, bytes] = {}
        self._numbers = count(1)
        self.base_url = ""
        self.files_away = False
        self.fetched: list[str] = []
        self.posts: list[Post] = []

    def picture(self) -> str:
        """The URL of a new picture."""
        name = f"{next(self._numbers)}.png"
        self._files[name] = encode(scene(64, 64, len(self._files)), "PNG")
        return f"{self.base_url.removesuffix('/v1')}/files/{name}"

    def dead(self) -> str:
        """A URL that is refused."""
        return f"{self.base_url.removesuffix('/v1')}/files/dead.png"

    async def post(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if request.content_type == "application/json" else raw
        post = Post(request.path.removeprefix("/v1"), request.headers.get("Idempotency-Key"), body)
        self.posts.append(post)
        await asyncio.sleep(self._pause_s)
        return web.json_response(self._answer(self, post))

    async def file(self, request: web.Request) -> web.StreamResponse:
        self.fetched.append(request.match_info["name"])
        if self.files_away:
            return web.Response(status=500)
        body = self._files.get(request.match_info["name"])
        return web.Response(status=403) if body is None else web.Response(body=body, content_type="image/png")


def images(*urls: str) -> Reply:
    """The reply of the images API with these pictures."""
    return {"created": 1, "data": [{"url": url} for url in urls]}


def said(text: str) -> Reply:
    """The reply of a chat model."""
    message = {"role": "assistant", "content": text}
    return {
        "choices": [{"message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 800, "completion_tokens": 9},
    }


@asynccontextmanager
async def own_gateway(
    answer: Callable[[OwnGateway, Post], Reply], *, pause_s: float = 0.0
) -> AsyncIterator[OwnGateway]:
    """Serve on a free port until the test is over."""
    gateway, app = OwnGateway(answer, pause_s), web.Application(client_max_size=2**26)
    app.router.add_post("/v1/{tail:.*}", gateway.post)
    app.router.add_get("/files/{name}", gateway.file)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        gateway.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield gateway
    finally:
        await runner.cleanup()
