"""How a reply leaves: whole, as a stream, or broken in one of the ways connections break."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from aiohttp import web

from deployments.sandbox.chat_replies import broken_frames, frame, stream_frames
from deployments.sandbox.exchange import Exchange
from deployments.sandbox.gateway import HungUp

DROP_PAUSE_S = 0.02
DROPS = 40
HANG_CHECK_S = 0.05
LONGEST_HANG_S = 3_600.0
EVENTS = "text/event-stream; charset=utf-8"


async def send(exchange: Exchange, body: dict[str, Any], headers: Mapping[str, str]) -> web.StreamResponse:
    """The reply of an answered request. Raises HungUp where the scenario cuts the connection."""
    fired = exchange.fired
    transport = fired.at("transport")
    name = transport.name if transport else ""
    if name == "hangup_after_billing":
        raise HungUp
    if name == "hang":
        await _until_gone(exchange)
    if name.startswith("sse_"):
        return await _broken_stream(exchange, name, body, headers)
    if name == "not_json":
        page = b"<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>"
        return web.Response(body=page, content_type="text/html", headers=dict(headers))
    data = orjson.dumps(body)
    if name == "cut_json":
        data = data[: len(data) // 2]
    if name in ("reset_after_headers", "cut_body", "drip"):
        return await _piecemeal(exchange, name, data, headers)
    if exchange.ask.stream and "choices" in body:
        return await _stream(exchange, stream_frames(body) if body["choices"] else [frame(b"[DONE]")], headers)
    if exchange.ask.stream and body.get("data") and exchange.family.name == "gpt-image":
        return await _stream(exchange, _picture_frames(exchange, body), headers)
    return web.Response(body=data, content_type="application/json", headers=dict(headers))


async def _until_gone(exchange: Exchange) -> None:
    """Answer nothing until the client gives up."""
    waited_s = 0.0
    while exchange.client_present and waited_s < LONGEST_HANG_S:
        await asyncio.sleep(HANG_CHECK_S)
        waited_s += HANG_CHECK_S
    raise HungUp


async def _piecemeal(exchange: Exchange, name: str, data: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
    response.content_length = len(data)
    await response.prepare(exchange.request)
    if name != "drip":
        await response.write(data[: len(data) // 2])
        await asyncio.sleep(DROP_PAUSE_S)  # let the half leave before the connection does
        if name == "cut_body" and (transport := exchange.request.transport) is not None:
            transport.close()
            return response
        raise HungUp
    step = max(1, -(-len(data) // DROPS))
    for start in range(0, len(data), step):
        await response.write(data[start : start + step])
        await asyncio.sleep(DROP_PAUSE_S)
    await response.write_eof()
    return response


async def _stream(exchange: Exchange, frames: Iterable[bytes], headers: Mapping[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "content-type": EVENTS, "cache-control": "no-cache"})
    await response.prepare(exchange.request)
    for piece in frames:
        await response.write(piece)
    await response.write_eof()
    return response


async def _broken_stream(exchange: Exchange, name: str, body: Any, headers: Mapping[str, str]) -> web.StreamResponse:
    frames = broken_frames(name, body)
    if name != "sse_cut":
        return await _stream(exchange, [*frames, frame(b"[DONE]")], headers)
    response = web.StreamResponse(headers={**headers, "content-type": EVENTS})
    await response.prepare(exchange.request)
    for piece in frames:
        await response.write(piece)
    await asyncio.sleep(DROP_PAUSE_S)
    raise HungUp


def _picture_frames(exchange: Exchange, body: dict[str, Any]) -> list[bytes]:
    """``partial_image`` events as asked for, then ``completed`` (section 2.4)."""
    kind = "image_edit" if exchange.ask.route == "edits" else "image_generation"
    shared = {name: body[name] for name in ("size", "quality", "background", "output_format")}
    picture = {"b64_json": body["data"][0]["b64_json"], "created_at": body["created"], **shared}
    count = exchange.ask.text("partial_images") or "0"
    frames = []
    for index in range(int(count) if count.isdigit() else 0):
        event = f"{kind}.partial_image"
        frames.append(frame({"type": event, "partial_image_index": index, **picture}, event))
    event = f"{kind}.completed"
    return [*frames, frame({"type": event, **picture, "usage": body.get("usage")}, event)]
