import asyncio
import gzip
import json
import logging
import socket
import zlib

import aiohttp
import pytest

from tasks.protocols.http import Gateway, GatewayError, NoReply, NotSent, normal_base_url
from tasks.protocols.wire import Reply, WireRequest
from tests.tasks.protocols.scripted import Connection, Scripted, Seen, scripted

KEY = "sk-canary-0123456789abcdef"
PICTURE = WireRequest(path="/images/generations", json={"model": "m", "prompt": "一只猫"})


async def post(url: str, request: WireRequest = PICTURE, *, timeout_s: float = 5.0, **options) -> Reply:
    gateway = Gateway(url, KEY, **options)
    try:
        return await gateway.post(request, timeout_s=timeout_s, idempotency_key="k.a1")
    finally:
        await gateway.aclose()


async def ok(connection: Connection, _: Seen) -> None:
    await connection.reply(b'{"data":[]}', headers="X-Request-Id: r1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n")


async def test_a_json_call_arrives_whole_and_its_reply_comes_back_whole():
    async with scripted(ok) as server:
        reply = await post(server.url)
    (seen,) = server.seen
    assert seen.line == "POST /v1/images/generations HTTP/1.1"
    assert json.loads(seen.body) == PICTURE.json
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == "k.a1"
    assert seen.headers["user-agent"].startswith("printroom/")
    assert seen.headers["accept-encoding"] == "identity"
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (200, b'{"data":[]}', "r1")
    assert reply.headers["set-cookie"] == "a=1, b=2"


async def test_cookies_of_one_reply_are_not_sent_with_the_next_call():
    async with scripted(ok) as server:
        gateway = Gateway(server.url.replace("127.0.0.1", "localhost"), KEY)  # cookies of addresses are never kept
        for _ in range(2):
            await gateway.post(PICTURE, timeout_s=5)
        await gateway.aclose()
    assert "cookie" not in server.seen[1].headers
    assert server.connections == 1, "the second call reuses the connection"


async def test_a_multipart_call_carries_fields_and_files_in_order():
    request = WireRequest(
        path="/images/edits",
        form=(("model", "m"), ("prompt", "加一只狗")),
        files=(
            ("image[]", ("a.png", b"\x89PNG" + bytes(2_000_000), "image/png")),
            ("mask", ("m.png", b"M", "image/png")),
        ),
    )
    async with scripted(ok) as server:
        await post(server.url, request)
    (seen,) = server.seen
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    places = [
        seen.body.index(part) for part in (b'name="model"', "加一只狗".encode(), b'filename="a.png"', b'name="mask"')
    ]
    assert places == sorted(places)
    assert b"\x89PNG" + bytes(2_000_000) in seen.body


async def test_a_json_body_of_several_megabytes_arrives_whole():
    large = WireRequest(path="/images/edits", json={"image": "A" * 5_000_000})
    async with scripted(ok) as server:
        await post(server.url, large)
    assert json.loads(server.seen[0].body) == large.json


async def test_any_status_is_a_reply_and_a_redirect_is_not_followed():
    async def moved(connection: Connection, _: Seen) -> None:
        await connection.reply(b"gone", status="302 Found", headers="Location: /v1/elsewhere\r\n")

    async with scripted(moved) as server:
        reply = await post(server.url)
    assert (reply.status, reply.body, len(server.seen)) == (302, b"gone", 1)


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
async def test_a_compressed_reply_is_read_although_none_was_asked_for(encode):
    name = "gzip" if encode is gzip.compress else "deflate"

    async def compressed(connection: Connection, _: Seen) -> None:
        await connection.reply(encode(b"x" * 500_000), headers=f"Content-Encoding: {name}\r\n")

    async with scripted(compressed) as server:
        assert (await post(server.url)).body == b"x" * 500_000


@pytest.mark.parametrize(
    ("body", "kept"),
    [(b'{"data":[]}', b'{"data":[]}'), (gzip.compress(b"x" * 100 + bytes(range(256)))[:40], b"x" * 100)],
    ids=["no gzip at all", "without its end"],
)
async def test_a_body_that_is_not_the_gzip_it_claims_to_be_is_kept_as_far_as_it_goes(body, kept):
    async def compressed(connection: Connection, _: Seen) -> None:
        await connection.reply(body, headers="Content-Encoding: gzip\r\n")

    async with scripted(compressed) as server:
        assert (await post(server.url)).body.startswith(kept)


async def test_an_empty_body_under_a_gzip_header_is_an_empty_reply():
    async def empty(connection: Connection, _: Seen) -> None:
        await connection.reply(b"", status="429 Too Many Requests", headers="Content-Encoding: gzip\r\n")

    async with scripted(empty) as server:
        assert (await post(server.url)).status == 429


# -- nothing was sent


def refused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refused_connection_was_never_sent(scheme):
    with pytest.raises(NotSent):
        await post(f"{scheme}://127.0.0.1:{refused_port()}")


async def test_a_host_without_address_was_never_sent():
    with pytest.raises(NotSent):
        await post("http://no-such-host.invalid")


async def test_a_server_that_cannot_speak_tls_was_never_sent_anything():
    heard = bytearray()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    with pytest.raises(NotSent):
        await post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    assert KEY.encode() not in heard


async def test_a_deadline_that_passes_while_connecting_was_never_sent():
    with socket.socket() as full:  # a backlog of one that nobody empties: further handshakes hang
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        await asyncio.sleep(0.05)
        with pytest.raises(NotSent):
            await post(f"http://127.0.0.1:{full.getsockname()[1]}", timeout_s=0.3)
        for filler in fillers:
            filler.close()


# -- sent, and no whole reply


async def reset_before_headers(connection: Connection, _: Seen) -> None:
    connection.reset()


async def close_before_headers(connection: Connection, _: Seen) -> None:
    connection.writer.close()


async def reset_in_the_body(connection: Connection, _: Seen) -> None:
    await connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Request-Id: r7\r\n\r\n{"data":')
    await asyncio.sleep(0.05)
    connection.reset()


async def cut_in_the_body(connection: Connection, _: Seen) -> None:
    await connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Request-Id: r7\r\n\r\n{"data":')
    connection.writer.close()


async def cut_in_a_chunked_stream(connection: Connection, _: Seen) -> None:
    await connection.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Request-Id: r7\r\n\r\n8\r\n{"data":\r\n')
    connection.writer.close()


async def chunks_without_sizes(connection: Connection, _: Seen) -> None:
    # aiohttp does not tell the reader of a body about this: only the deadline ends it
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    await asyncio.sleep(0.05)
    await connection.send(b"no size\r\nabc\r\n")
    connection.writer.close()


async def two_lengths(connection: Connection, _: Seen) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc")


async def endless_header(connection: Connection, _: Seen) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000)


async def silence(_: Connection, __: Seen) -> None:
    await asyncio.sleep(60)


async def slow_drip(connection: Connection, _: Seen) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Request-Id: r7\r\n\r\n")
    for byte in b'{"data":' * 9:
        await connection.send(bytes([byte]))
        await asyncio.sleep(0.1)


async def not_http(connection: Connection, _: Seen) -> None:
    await connection.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


LOST = [
    # script, kind, a partial reply is kept
    (reset_before_headers, "connection_lost", False),
    (close_before_headers, "connection_lost", False),
    (reset_in_the_body, "connection_lost", True),
    (cut_in_the_body, "connection_lost", True),
    (cut_in_a_chunked_stream, "connection_lost", True),
    (silence, "timeout", False),
    (slow_drip, "timeout", True),
    (not_http, "connection_lost", False),
    (two_lengths, "connection_lost", False),
    (endless_header, "connection_lost", False),
    (chunks_without_sizes, "timeout", True),
]


@pytest.mark.parametrize(("script", "kind", "partial"), LOST, ids=[row[0].__name__ for row in LOST])
async def test_a_call_cut_after_sending_is_unknown_and_was_sent_once(script, kind, partial):
    async with scripted(script) as server:
        with pytest.raises(NoReply) as caught:
            await post(server.url, timeout_s=0.5)
    assert caught.value.kind == kind
    assert (caught.value.partial is not None) == partial
    assert len(server.seen) == 1


async def test_what_arrived_before_a_cut_is_kept():
    async with scripted(cut_in_the_body) as server:
        with pytest.raises(NoReply) as caught:
            await post(server.url)
    assert caught.value.partial == Reply(
        status=200, headers={"content-length": "99", "x-request-id": "r7"}, body=b'{"data":'
    )


async def test_a_reused_connection_that_breaks_is_not_tried_again():
    async def once(connection: Connection, _: Seen) -> None:
        if len(server.seen) == 1:
            await connection.reply(b"{}")
        else:
            connection.reset()

    async with scripted(once) as server:
        gateway = Gateway(server.url, KEY)
        await gateway.post(PICTURE, timeout_s=5)
        with pytest.raises(NoReply):
            await gateway.post(PICTURE, timeout_s=5)
        await gateway.aclose()
    assert (len(server.seen), server.connections) == (2, 1)


async def large(connection: Connection, _: Seen) -> None:
    await connection.reply(bytes(300_000))


async def endless(connection: Connection, _: Seen) -> None:
    await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await connection.send(bytes(65_536))


async def bomb(connection: Connection, _: Seen) -> None:
    await connection.reply(gzip.compress(bytes(50_000_000)), headers="Content-Encoding: gzip\r\n")


@pytest.mark.parametrize("script", [large, endless, bomb], ids=lambda script: script.__name__)
async def test_of_a_reply_over_the_cap_only_the_beginning_is_kept(script):
    async with scripted(script) as server:
        reply = await post(server.url, body_cap_bytes=200_000)
    assert (reply.status, len(reply.body), reply.too_large) == (200, 65_536, True)


async def test_the_same_reply_under_the_cap_is_kept():
    async with scripted(large) as server:
        reply = await post(server.url, body_cap_bytes=300_000)
    assert (len(reply.body), reply.too_large) == (300_000, False)


async def test_a_reply_as_large_as_its_call_makes_it_is_kept_whatever_the_cap():
    async with scripted(large) as server:
        gateway = Gateway(server.url, KEY, body_cap_bytes=200_000)
        reply = await gateway.post(PICTURE, timeout_s=5, expected_bytes=300_000)
        await gateway.aclose()
    assert (len(reply.body), reply.too_large) == (300_000, False)


async def test_a_cancelled_call_raises_nothing_of_its_own():
    async with scripted(silence) as server:
        call = asyncio.create_task(post(server.url))
        while not server.seen:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


# -- many at once, models, secrets


async def test_two_hundred_calls_fly_at_once():
    gate = asyncio.Event()

    async def wait_for_all(connection: Connection, _: Seen) -> None:
        if len(server.seen) == 200:
            gate.set()
        await gate.wait()
        await connection.reply(b"{}")

    async with scripted(wait_for_all) as server:
        gateway = Gateway(server.url, KEY)
        replies = await asyncio.gather(*(gateway.post(PICTURE, timeout_s=20) for _ in range(200)))
        await gateway.aclose()
    assert {reply.status for reply in replies} == {200}


async def models_of(body: bytes, status: str = "200 OK") -> tuple[list[str] | None, Scripted]:
    async def answer(connection: Connection, _: Seen) -> None:
        await connection.reply(body, status=status)

    async with scripted(answer) as server:
        gateway = Gateway(server.url + "/v1/", KEY)
        listed = await gateway.models()
        await gateway.aclose()
    return listed, server


async def test_models_are_the_ids_that_the_gateway_lists():
    listed, server = await models_of(b'{"object":"list","data":[{"id":"a"},{"id":"b"},{"name":"no id"}]}')
    assert listed == ["a", "b"]
    assert server.seen[0].line == "GET /v1/models HTTP/1.1"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", "200 OK"), (b"[]", "200 OK"), (b'{"data":null}', "200 OK"), (b'{"data":[]}', "404 Not Found")],
)
async def test_a_gateway_without_a_model_list_answers_none(body, status):
    assert (await models_of(body, status))[0] is None


async def test_a_gateway_that_is_away_answers_none():
    gateway = Gateway(f"http://127.0.0.1:{refused_port()}", KEY)
    assert await gateway.models() is None
    await gateway.aclose()


async def test_the_key_is_in_no_representation_message_or_log(caplog):
    caplog.set_level(logging.DEBUG)
    texts = [repr(Gateway("http://127.0.0.1:1", KEY))]
    for script in (reset_before_headers, cut_in_the_body, not_http, silence):
        async with scripted(script) as server:
            with pytest.raises(GatewayError) as caught:
                await post(server.url, timeout_s=0.5)
        texts += [str(caught.value), repr(caught.value)]
    assert not any(KEY in text or "一只猫" in text for text in [*texts, caplog.text])
    assert logging.getLogger("httpx").level == logging.getLogger("httpcore").level == logging.WARNING


@pytest.mark.parametrize("key", ["", "  ", "sk-a\r\nX: 1", "sk-ключ"])
def test_a_key_that_cannot_be_a_header_is_refused_without_repeating_it(key):
    with pytest.raises(ValueError, match="API key") as caught:
        Gateway("https://example.invalid", key)
    assert not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.example.com", "https://api.example.com/v1"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        (" https://api.example.com/v1 ", "https://api.example.com/v1"),
        ("http://127.0.0.1:8080/gateway", "http://127.0.0.1:8080/gateway/v1"),
        ("https://example.com/api/v3", "https://example.com/api/v3"),
        ("https://example.com/v1beta/openai", "https://example.com/v1beta/openai"),
    ],
)
def test_a_base_url_may_be_written_with_or_without_its_version(given, used):
    assert normal_base_url(given) == used


@pytest.mark.parametrize("url", ["", "api.example.com", "ftp://h", "https://", "https://u:p@h/v1", "https://h/v1?k=1"])
def test_a_base_url_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="base URL"):
        Gateway(url, KEY)


async def test_every_error_of_the_library_below_that_can_follow_sending_is_caught():
    """NoReply and NotSent must cover aiohttp's whole error tree, or a paid call would end as a crash."""
    caught = (aiohttp.ClientError, OSError, TimeoutError)
    raised = [
        value
        for value in vars(aiohttp.client_exceptions).values()
        if isinstance(value, type) and issubclass(value, Exception) and not value.__name__.startswith("WS")
    ]
    assert len(raised) > 15
    assert [error for error in raised if not issubclass(error, caught)] == []
