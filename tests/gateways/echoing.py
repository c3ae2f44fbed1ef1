"""A gateway that repeats everything it is told where it hurts most, and a catalog that is as hostile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.support.pictures import encode, scene

API_KEY = "canaryKeyOfNoKnownShape0123456789"
S3_SECRET = "canarySecretOfTheBucket0123456789"
SIGNATURE = "canarySignature0123456789abcdef"
MARKUP = "<img src=x onerror=canaryMarkup()>"
CONTROL = "\x1b[31mcanary\u202econtrol\x07"
LINK = "[canaryLink](javascript:alert(1))"
_HOSTILE = f"{MARKUP} {CONTROL} {LINK}"
WAYS = ("picture", "refused", "invalid", "broken", "html", "malformed", "sentence", "lost_file", "limited")


class Echo:
    """Answers by the word that stands first in the prompt."""

    def __init__(self) -> None:
        self.files = 0
        self.seen: dict[str, int] = {}

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/images/generations", self.generate)
        app.router.add_get("/files/{name}", self.file)
        app.router.add_get("/v1/models", self.models)
        return app

    async def generate(self, request: web.Request) -> web.StreamResponse:
        prompt = (await request.json())["prompt"]
        way, sent = prompt.split()[0], request.headers["authorization"]
        url = f"http://{request.host}/files/{way}.png?X-Amz-Signature={SIGNATURE}&X-Amz-Credential={SIGNATURE}&sig={SIGNATURE}"
        told = f"{sent} {url} {prompt} {_HOSTILE}"
        self.seen[prompt] = self.seen.get(prompt, 0) + 1
        match way:
            case "refused":
                return _error(400, told, "content_policy_violation")
            case "invalid":
                return _error(400, told, "invalid_value")
            case "broken":
                return _error(500, told, "do_request_failed")
            case "limited" if self.seen[prompt] == 1:
                return _error(429, told, "rate_limit_exceeded")
            case "stopped":
                return _error(401, told, "invalid_api_key")
            case "html":
                return web.Response(status=502, text=f"<html>{told}</html>", content_type="text/html")
            case "malformed":
                return web.json_response({"created": 1, "answer": told})
            case "sentence":
                return web.json_response({"choices": [{"message": {"content": f"I cannot create this. {told}"}}]})
        headers = {"x-request-id": f"req-{sent}"}
        body = {"created": 1, "data": [{"url": url, "revised_prompt": f"{prompt} {sent} {_HOSTILE}"}]}
        return web.json_response(body, headers=headers)

    async def file(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["name"].startswith("lost"):
            return web.Response(status=404, text=str(request.url))
        self.files += 1
        return web.Response(body=encode(scene(96, 96, self.files), "PNG"), content_type="image/png")

    async def models(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": f"{request.headers['authorization']}"}]})


def _error(status: int, message: str, code: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "upstream_error", "code": code}}, status=status)


@asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    """The address of such a gateway, with ``/v1``."""
    runner = web.AppRunner(Echo().application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def hostile_rows(ways: tuple[str, ...] = WAYS) -> list[dict[str, str]]:
    """One row for each way, with markup and controls in everything that a catalog may say."""
    return [
        {"id": f"{way} {MARKUP} ../../{way}", "model": "dall-e-2", "prompt": f"{way} {MARKUP} {LINK}",
         "tag:note": f"=1+1 {MARKUP} {LINK}", "tag:<b>bold</b>": CONTROL.replace("\x07", "")}
        for way in ways
    ]  # fmt: skip
