"""``GET /files/…``: pictures behind signed URLs, and what a file server does wrong (section 13, rows 20 and 21)."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping

import numpy as np
from aiohttp import web

from deployments.sandbox import png
from deployments.sandbox.gateway import Gateway, HungUp
from deployments.sandbox.sending import DROP_PAUSE_S, DROPS
from deployments.sandbox.signed import File, expired

AZURE_DENIED = (
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Server failed '
    b"to authenticate the request. Make sure the value of Authorization header is formed correctly including the "
    b"signature.</Message><AuthenticationErrorDetail>Signed expiry time has to be after current time."
    b"</AuthenticationErrorDetail></Error>"
)
PAGE = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1024" height="1024"><script>1</script></svg>'
Fault = Callable[[web.Request, File, bytes], Awaitable[web.StreamResponse]]


async def download(gateway: Gateway, request: web.Request) -> web.StreamResponse:
    """The file of a signed URL, or the refusal its family's storage would give."""
    path = request.match_info["path"]
    name = path.removeprefix("cdn/").removeprefix("download/")
    file = gateway.files.find(name, request.query.get("se", ""), request.query.get("sig", ""))
    if file is None:
        return _denied() if name.startswith("private/") else web.Response(status=404, text="Not Found")
    if expired(file):
        return _denied() if file.family.startswith("dall-e") else web.Response(status=404, text="Not Found")
    data = gateway.files.bytes_of(file)
    if data is None:
        assert file.drawing is not None
        data = await gateway.studio.picture(file.drawing)
        gateway.files.keep(file, data)
    file.fetches += 1
    fault = file.fault
    if fault is not None and fault.scenario.name in FAULTS and (fault.first is None or file.fetches <= fault.first):
        return await FAULTS[fault.scenario.name](request, file, data)
    return _whole(file, data)


def own_bytes(gateway: Gateway, url: str) -> bytes | None:
    """The bytes behind one of this gateway's own URLs; None where it would not be served."""
    path, _, query = url.partition("/files/")[2].partition("?")
    values = dict(part.partition("=")[::2] for part in query.split("&"))
    name = path.removeprefix("cdn/").removeprefix("download/")
    file = gateway.files.find(name, values.get("se", ""), values.get("sig", ""))
    return gateway.files.bytes_of(file) if file is not None and not expired(file) else None


def _whole(file: File, data: bytes) -> web.Response:
    return web.Response(body=data, headers={"content-type": file.content_type, "cache-control": "max-age=3600"})


def _denied() -> web.Response:
    return web.Response(status=403, body=AZURE_DENIED, content_type="application/xml")


def _instead(body: bytes, content_type: str | None = None, status: int = 200) -> Fault:
    async def reply(_: web.Request, file: File, __: bytes) -> web.StreamResponse:
        headers = {"content-type": content_type or file.content_type}
        return web.Response(status=status, body=body, headers=headers)

    return reply


async def _truncated(_: web.Request, file: File, data: bytes) -> web.StreamResponse:
    return _whole(file, data[: len(data) // 2])


async def _wrong_type(_: web.Request, __: File, data: bytes) -> web.StreamResponse:
    return web.Response(body=data, headers={"content-type": "text/html; charset=utf-8"})


async def _trailing(_: web.Request, file: File, data: bytes) -> web.StreamResponse:
    return _whole(file, data + PAGE)


async def _gzipped(_: web.Request, file: File, data: bytes) -> web.StreamResponse:
    headers = {"content-type": file.content_type, "content-encoding": "gzip"}
    return web.Response(body=gzip.compress(data, 1), headers=headers)


async def _redirected(request: web.Request, file: File, data: bytes) -> web.StreamResponse:
    if request.query.get("hop"):
        return _whole(file, data)
    return web.Response(status=302, headers={"location": f"{request.path_qs}&hop=1"})


async def _looping(request: web.Request, _: File, __: bytes) -> web.StreamResponse:
    return web.Response(status=302, headers={"location": request.path_qs})


async def _private(_: web.Request, __: File, ___: bytes) -> web.StreamResponse:
    return web.Response(status=302, headers={"location": "http://10.0.0.1/latest/meta-data/"})


async def _reset(request: web.Request, file: File, data: bytes) -> web.StreamResponse:
    response = await _started(request, file, len(data))
    await response.write(data[: len(data) // 2])
    await asyncio.sleep(DROP_PAUSE_S)
    raise HungUp


async def _dripping(request: web.Request, file: File, data: bytes) -> web.StreamResponse:
    response = await _started(request, file, len(data))
    step = max(1, -(-len(data) // DROPS))
    for start in range(0, len(data), step):
        await response.write(data[start : start + step])
        await asyncio.sleep(DROP_PAUSE_S)
    await response.write_eof()
    return response


async def _endless(request: web.Request, file: File, data: bytes) -> web.StreamResponse:
    response = await _started(request, file, 10_000_000_000)
    await response.write(data)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(b"\0" * 65_536)
        await asyncio.sleep(DROP_PAUSE_S)
    raise HungUp


async def _bomb(_: web.Request, file: File, __: bytes) -> web.StreamResponse:
    return _whole(file, await asyncio.to_thread(pixel_bomb, 20_000))


async def _started(request: web.Request, file: File, length: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": file.content_type})
    response.content_length = length
    await response.prepare(request)
    return response


def pixel_bomb(side_px: int) -> bytes:
    """A black PNG of ``side_px`` squared from one compressed band, repeated."""
    rows = np.zeros((png.BAND_ROWS, side_px, 3), np.uint8)
    band = png.encode_band(rows, 9)
    full, rest = divmod(side_px, png.BAND_ROWS)
    bands = [band] * full + ([png.encode_band(rows[:rest], 9)] if rest else [])
    return png.assemble(side_px, side_px, bands)


FAULTS: Mapping[str, Fault] = {
    "file_html": _instead(PAGE, "text/html; charset=utf-8"),
    "file_json": _instead(b'{"error":{"message":"file is not ready"}}', "application/json"),
    "file_truncated": _truncated,
    "file_wrong_type": _wrong_type,
    "file_svg": _instead(SVG),
    "file_empty": _instead(b""),
    "file_404": _instead(b"Not Found", "text/plain", 404),
    "file_403": _instead(b"Forbidden", "text/plain", 403),
    "file_500": _instead(b"Internal Server Error", "text/plain", 500),
    "file_reset": _reset,
    "file_drip": _dripping,
    "file_gzip": _gzipped,
    "file_redirect": _redirected,
    "file_redirect_private": _private,
    "file_loop": _looping,
    "file_huge": _endless,
    "file_bomb": _bomb,
    "file_trailing": _trailing,
}
