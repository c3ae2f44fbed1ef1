"""URLs written by an attacker: none of them makes this process connect to a place that is not public."""

import asyncio
import ipaddress

import aiohttp
import pytest

from tasks.storage.fetch import Fetcher, FetchError
from tasks.storage.guard import Blocked, Guard, is_public, resolve_by_system
from tests.support.connects import recorded_connects
from tests.support.scripted import reply, scripted

NAMES = {
    "private.test": ["10.0.0.1"],
    "loop.test": ["127.0.0.1"],
    "meta.test": ["169.254.169.254"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mixed6.test": ["2606:2800:220:1:248:1893:25c8:1946", "fd00::1"],
    "six.test": ["::1"],
    "mapped.test": ["::ffff:10.0.0.1"],
    "nat64.test": ["64:ff9b::a00:1"],
    "sixtofour.test": ["2002:7f00:1::"],
    "zone.test": ["fe80::1%2"],
    "zero.test": ["0.0.0.0"],
    "nothing.test": [],
    "xn--n3h.test": ["192.168.1.1"],
}
HOSTILE_HOSTS = [
    # IPv4: every block that is not the internet
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "168.63.129.16",
    # IPv6, and IPv4 hidden in it
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[fe80::1]",
    "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]", "[100::1]", "[2001::1]", "[2001:db8::1]", "[2002:7f00:1::]",
    "[3fff::1]", "[5f00::1]",
    # the same addresses in disguise
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "0", "127.0.0.1.", "017700000001",
    "127。0。0。1", "①②⑦.0.0.1", "%31%32%37.0.0.1", "127.0.0.0x1", "1.1.1.1.1", "0x", "[::1].",
    # names
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "ⓛocalhost", "", *NAMES,
]  # fmt: skip
HOSTILE_URLS = [
    "file:///etc/passwd", "ftp://93.184.216.34/x", "gopher://127.0.0.1:6379/_INFO", "//127.0.0.1/x", "/etc/passwd",
    "http:/127.0.0.1/x", "http:127.0.0.1", "http://", "http:///x", "", "http://user:secret@93.184.216.34/x",
    "http://93.184.216.34@127.0.0.1/", "http://93.184.216.34\\@127.0.0.1/", "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/", "http://93.184.216.34\r\nHost: x/", "http://127.0.0.1\x00.example/",
    "unix:///var/run/docker.sock", "http://[::1", "http://[127.0.0.1]/", "javascript:alert(1)",
    "http://93.184.216.34#@127.0.0.1:1@x/../../" + "a" * 20_000,
    "http://127.0.0.1:6379/\x7f",
]  # fmt: skip


async def resolve(host: str, port: int) -> list[str]:
    if host in NAMES:
        return NAMES[host]
    assert not host.endswith((".com", ".test", ".example")), f"{host} would be asked of a real name server"
    return await resolve_by_system(host, port)


def test_there_are_more_than_sixty_hostile_urls():
    assert len(HOSTILE_HOSTS) + len(HOSTILE_URLS) > 100
    assert len(set(HOSTILE_HOSTS)) == len(HOSTILE_HOSTS)


@pytest.mark.parametrize("url", [*(f"http://{host}:8/x" for host in HOSTILE_HOSTS), *HOSTILE_URLS])
async def test_a_hostile_url_never_connects_anywhere(url):
    with recorded_connects() as connects:
        async with Fetcher(guard=Guard(resolve=resolve)) as fetcher:
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch(url, deadline_s=5)
    assert connects == []
    assert caught.value.reason in {"blocked", "bad_url"} or "nothing.test" in url
    assert not caught.value.retryable or "nothing.test" in url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "localhost"])
async def test_without_the_guard_the_same_urls_do_connect(host):
    """The negative control: the recorder sees what a plain client does with them."""
    async with scripted({"/x": reply(b"secret", "Connection: close")}) as server:
        with recorded_connects() as connects:
            reader, writer = await asyncio.open_connection(host, server.port)
            writer.write(b"GET /x HTTP/1.0\r\n\r\n")
            assert b"secret" in await reader.read()
            writer.close()
    assert "127.0.0.1" in connects


async def test_a_plain_http_client_walks_into_a_redirect_to_loopback():
    """The negative control of the redirect cases below."""
    async with scripted({"/inside": reply(b"secret")}) as inside:
        moved = reply(b"", f"Location: {inside.url('/inside', 'localhost')}", status="302 Found")
        async with scripted({"/out": moved}) as outside, aiohttp.ClientSession() as client:
            assert await (await client.get(outside.url("/out"))).read() == b"secret"
        assert len(inside.requests) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/", "http://[::1]:{port}/inside", "http://localhost:{port}/inside", "//localhost:{port}/inside",
        "http://127.1:{port}/inside", "http://2130706433:{port}/inside", "http://loop.test:{port}/inside",
        "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "http://u:p@127.0.0.1:{port}/inside",
        "http://127.0.0.2:{port}/inside", "gopher://127.0.0.1:{port}/",
    ],
)  # fmt: skip
async def test_a_redirect_is_judged_like_the_first_url(target):
    async with scripted({"/inside": reply(b"secret")}) as inside:
        location = f"Location: {target.format(port=inside.port)}"
        async with scripted({"/out": reply(b"", location, status="302 Found")}) as outside:
            with recorded_connects() as connects:
                async with Fetcher(guard=Guard(["127.0.0.1"], resolve=resolve)) as fetcher:
                    with pytest.raises(FetchError) as caught:
                        await fetcher.fetch(outside.url("/out"), deadline_s=5)
        assert caught.value.reason in {"blocked", "bad_url"}
        assert connects == ["127.0.0.1"]
        assert inside.requests == []


async def test_a_name_that_changes_its_address_is_resolved_once_and_only_its_first_answer_is_used():
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    with recorded_connects() as connects:
        async with Fetcher(guard=Guard(resolve=rebinding)) as fetcher:
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch("http://rebind.test:8/x", deadline_s=5)
    assert caught.value.reason == "connection"
    assert connects == ["93.184.216.34"]
    assert next(answers) == ["127.0.0.1"]


class DeceivedGuard(Guard):
    """One whose judgement of names has been got round."""

    async def addresses(self, host: str, port: int) -> list[str]:
        return NAMES[host]


async def test_the_other_end_is_looked_at_again_before_anything_is_sent():
    async with scripted({"/x": reply(b"secret")}) as server:
        with recorded_connects() as connects:
            async with Fetcher(guard=DeceivedGuard()) as fetcher:
                with pytest.raises(FetchError) as caught:
                    await fetcher.fetch(server.url("/x", "loop.test"), deadline_s=5)
        assert caught.value.reason == "blocked"
        assert connects == ["127.0.0.1"]
        assert server.requests == []


async def test_a_host_allowed_by_name_is_fetched_and_only_that_name():
    async with scripted({"/x": reply(b"data", "Content-Type: image/png")}) as server:
        async with Fetcher(["127.0.0.1"]) as fetcher:
            got = await fetcher.fetch(server.url("/x?sig=secret"))
            assert (got.data, got.content_type, got.status, got.url) == (b"data", "image/png", 200, server.url("/x"))
            with pytest.raises(FetchError, match="this machine"):
                await fetcher.fetch(server.url("/x", "localhost"))
        async with Fetcher(guard=Guard(["Loop.Test."], resolve=resolve)) as fetcher:
            assert (await fetcher.fetch(server.url("/x", "loop.test"))).data == b"data"
            with pytest.raises(FetchError, match="not a public address"):
                await fetcher.fetch(server.url("/x"))


async def test_a_proxy_named_by_the_environment_is_not_used(monkeypatch):
    async with scripted({"/x": reply(b"data")}) as server, scripted({}) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        async with Fetcher(["127.0.0.1"]) as fetcher:
            assert (await fetcher.fetch(server.url("/x"))).data == b"data"
            with pytest.raises(FetchError):
                await fetcher.fetch("http://10.0.0.1/x")
        assert proxy.requests == []


async def test_up_to_three_redirects_are_followed_and_no_cookie_or_credential_goes_along():
    moved = {f"/{n}": reply(b"", f"Location: /{n + 1}", "Set-Cookie: a=b", status="302 Found") for n in range(4)}
    async with scripted({**moved, "/4": reply(b"end")}) as server, Fetcher(["127.0.0.1"]) as fetcher:
        assert (await fetcher.fetch(server.url("/1"))).data == b"end"
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(server.url("/0"))
        assert caught.value.reason == "too_many_redirects"
        sent = b"".join(server.requests).lower()
        assert b"cookie" not in sent
        assert b"authorization" not in sent
        assert b"referer" not in sent


async def test_a_signed_url_goes_over_the_wire_as_it_was_written():
    path = "/a%2Fb/%7Ec+d/x.png"
    query = "sig=a%2Bb%3D&Expires=1+2&x=%E7%8C%AB~!'()*"
    async with scripted({path: reply(b"data")}) as server, Fetcher(["127.0.0.1"]) as fetcher:
        await fetcher.fetch(server.url(f"{path}?{query}"))
        assert server.requests[0].startswith(f"GET {path}?{query} HTTP/1.1\r\n".encode())


async def test_a_url_with_blanks_and_chinese_is_encoded_once():
    async with scripted({"/%E7%8C%AB%20a.png": reply(b"data")}) as server, Fetcher(["127.0.0.1"]) as fetcher:
        assert (await fetcher.fetch(f" {server.url('/猫 a.png')} ")).data == b"data"


async def test_connections_are_shared_and_every_one_is_judged():
    async with scripted({"/x": reply(b"data")}) as server, Fetcher(["127.0.0.1"]) as fetcher:
        with recorded_connects() as connects:
            for _ in range(5):
                await fetcher.fetch(server.url("/x"))
        assert connects == ["127.0.0.1"]


async def test_no_error_text_holds_the_query():
    urls = ["http://10.0.0.1/x?sig=CANARY", "ftp://h/x?sig=CANARY", "http://u:CANARY@93.184.216.34/x", "x?sig=CANARY",
            "http://127.0.0.1:1/x?sig=CANARY", "http://[::1/?sig=CANARY", "http://127.0.0.1:1/#CANARY"]  # fmt: skip
    async with Fetcher(["127.0.0.1"]) as fetcher:
        for url in urls:
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch(url, deadline_s=5)
            assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255",
     "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)  # fmt: skip
def test_the_internet_is_public(address):
    assert is_public(address)
    Guard().check_address("host", address)


def test_whatever_python_calls_private_is_not_public_here():
    for first in range(256):
        for second in (0, 16, 63, 64, 88, 100, 127, 168, 254, 255):
            address = ipaddress.ip_address(f"{first}.{second}.0.1")
            if not address.is_global or address.is_multicast:
                assert not is_public(str(address)), address


async def test_a_host_without_an_address_is_a_connection_error():
    with pytest.raises(OSError, match="no address"):
        await Guard(resolve=resolve).addresses("nothing.test", 80)
    with pytest.raises(Blocked):
        await Guard(resolve=resolve).addresses("mixed.test", 80)
