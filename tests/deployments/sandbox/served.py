"""A sandbox on 127.0.0.1 inside the test's own loop, and the plain requests the tests send to it."""

import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from PIL import Image

from deployments.sandbox.app import Sandbox
from deployments.sandbox.settings import Settings

KEY = {"Authorization": "Bearer sk-tests-0123456789"}


@dataclass
class Served:
    """The running sandbox, its address, and a client with a good key."""

    sandbox: Sandbox
    root: str
    client: aiohttp.ClientSession

    @property
    def charges(self) -> list[Any]:
        return self.sandbox.gateway.bill.charges

    async def post(self, path: str, body: Any, **options: Any) -> tuple[int, Any, Any]:
        """Status, headers and body (decoded where it is JSON) of one POST below ``/v1``."""
        async with self.client.post(f"{self.root}/v1{path}", **_payload(body), **options) as reply:
            data = await reply.read()
            plain = reply.content_type == "application/json" and data
            return reply.status, reply.headers, (await reply.json() if plain else data)

    async def ask(self, kind: str, prompt: str = "a quiet lake") -> tuple[int, Any, Any]:
        """One valid request of a scenario's kind."""
        path, body = request_of(kind, prompt)
        return await self.post(path, body)

    async def get(self, url: str, **options: Any) -> tuple[int, Any, bytes]:
        async with self.client.get(url, **options) as reply:
            return reply.status, reply.headers, await reply.read()


def _payload(body: Any) -> dict[str, Any]:
    return {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[Served]:
    """A sandbox with these settings; unless asked it draws in a thread and reads the words its PNGs carry."""
    sandbox = Sandbox(Settings(**{"workers": 0, "reader": "embedded", "flavour": "openai", **settings}))
    runner = web.AppRunner(sandbox.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = aiohttp.ClientSession(headers=KEY)
    try:
        yield Served(sandbox, f"http://127.0.0.1:{runner.addresses[0][1]}", client)
    finally:
        await client.close()
        await runner.cleanup()


def png_bytes(width: int = 64, height: int = 64, colour: Any = (200, 30, 30), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), colour).save(out, "PNG")
    return out.getvalue()


def data_uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def form(files: dict[str, bytes], **fields: str) -> aiohttp.FormData:
    """A multipart body; a file name ``image[]#2`` sends a second ``image[]``."""
    body = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        body.add_field(name, value)
    for name, data in files.items():
        body.add_field(name.partition("#")[0], data, filename="a.png", content_type="image/png")
    return body


def request_of(kind: str, prompt: str) -> tuple[str, Any]:
    if kind == "images":
        return "/images/generations", {"model": "dall-e-2", "prompt": prompt, "n": 2, "size": "256x256"}
    if kind == "edit":
        return "/images/edits", form({"image": png_bytes()}, model="dall-e-2", prompt=prompt, size="256x256")
    if kind == "chat":
        return "/chat/completions", {"model": "sora_image", "messages": [{"role": "user", "content": prompt}]}
    parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": data_uri(png_bytes())}}]
    return "/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": parts}]}


def image_of(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
