"""What only a network can get wrong: every answer of S3, and every way to get none, has one meaning each."""

import asyncio
import urllib.request

import boto3
import pytest

from tasks.storage import s3_client
from tasks.storage.s3 import S3Store
from tasks.storage.store import Denied, NotFound, Unavailable, Unclear
from tests.support.moto import S3Server
from tests.support.scripted import reply, reset, scripted

OK = reply(b"", 'ETag: "e1"')
BODY = reply(b"body", 'ETag: "e1"', "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT")


def error(status: str, code: str = "Oops") -> bytes:
    return reply(f"<Error><Code>{code}</Code></Error>".encode(), status=status)


async def _reset(writer):
    reset(writer)


async def _close(_writer):
    return


async def _hang(_writer):
    await asyncio.sleep(20)


async def _half_a_reply(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await writer.drain()


FAILURES = [
    ("503", error("503 Slow Down", "SlowDown"), Unavailable),
    ("429", error("429 Too Many Requests"), Unavailable),
    ("409, time after time", error("409 Conflict", "ConditionalRequestConflict"), Unavailable),
    ("500", error("500 Internal Server Error", "InternalError"), Unclear),
    ("502", error("502 Bad Gateway"), Unclear),
    ("504", error("504 Gateway Timeout"), Unclear),
    ("400, a slow line", error("400 Bad Request", "RequestTimeout"), Unclear),
    ("reset", _reset, Unclear),
    ("closed", _close, Unclear),
    ("half a reply", _half_a_reply, Unclear),
    ("silence", _hang, Unclear),
    ("400", error("400 Bad Request", "AuthorizationHeaderMalformed"), Denied),
    ("401", error("401 Unauthorized"), Denied),
    ("403", error("403 Forbidden", "AccessDenied"), Denied),
    ("404 of the bucket", error("404 Not Found", "NoSuchBucket"), Denied),
    ("501", error("501 Not Implemented", "NotImplemented"), Denied),
    ("301", error("301 Moved Permanently", "PermanentRedirect"), Denied),
]


def store_at(server, monkeypatch, *, attempts: int = 1, timeout_s: float = 0.5) -> S3Store:
    for name, value in S3Server(server.url("")).environment.items():
        monkeypatch.setenv(name, value)
    return S3Store("bucket", "pre", timeout_s=timeout_s, attempts=attempts, pause_cap_s=0.001)


@pytest.mark.parametrize("verb", ["create", "replace", "put"])
@pytest.mark.parametrize(("answer", "meaning"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
async def test_a_failed_write_says_whether_it_may_have_happened(monkeypatch, verb, answer, meaning):
    async with scripted({"/bucket/pre/k": answer}) as server:
        store = store_at(server, monkeypatch)
        write = {
            "create": lambda: store.create("k", b"body"),
            "replace": lambda: store.replace("k", b"body", etag='"e0"'),
            "put": lambda: store.put("k", b"body"),
        }[verb]
        with pytest.raises((Unavailable, Unclear)) as caught:
            await write()
        assert isinstance(caught.value, meaning)
        assert isinstance(caught.value, Denied) == (meaning is Denied)
        assert caught.value.key == "k"
        assert "\n" not in str(caught.value)
        sent = len(server.requests)
        assert sent == 1 or (b"409" in str(answer).encode() and verb != "put")


async def test_nothing_listening_means_nothing_was_written(monkeypatch):
    async with scripted({}) as server:
        store = store_at(server, monkeypatch)
    with pytest.raises(Unavailable) as caught:
        await store.create("k", b"body")
    assert not isinstance(caught.value, Denied)


@pytest.mark.parametrize(
    ("verb", "etag", "answer", "result"),
    [
        ("create", None, OK, True),
        ("create", None, error("412 Precondition Failed", "PreconditionFailed"), False),
        ("replace", '"e0"', OK, True),
        ("replace", '"e0"', error("412 Precondition Failed", "PreconditionFailed"), False),
        ("replace", '"e0"', error("404 Not Found", "NoSuchKey"), False),
        ("replace", None, error("412 Precondition Failed"), False),
    ],
)
async def test_a_condition_is_sent_and_its_answer_understood(monkeypatch, verb, etag, answer, result):
    async with scripted({"/bucket/pre/k": answer}) as server:
        store = store_at(server, monkeypatch)
        got = await (store.create("k", b"x") if verb == "create" else store.replace("k", b"x", etag=etag))
        assert got is result
        (request,) = server.requests
        assert (b"if-none-match: *" if etag is None else b'if-match: "e0"') in request.lower()


async def test_a_conflict_of_two_at_once_is_asked_again(monkeypatch):
    async with scripted({"/bucket/pre/k": error("409 Conflict", "ConditionalRequestConflict")}) as server:
        store = store_at(server, monkeypatch)

        async def settle() -> None:
            while len(server.requests) < 2:
                await asyncio.sleep(0)
            server.answers["/bucket/pre/k"] = OK

        won, _ = await asyncio.gather(store.create("k", b"x"), settle())
        assert won is True
        assert len(server.requests) >= 3


@pytest.mark.parametrize("answer", [error("503 Slow Down"), error("500 Oops"), _reset], ids=["503", "500", "reset"])
async def test_a_read_and_a_plain_put_are_asked_again_until_they_succeed(monkeypatch, answer):
    for path, verb, arguments, good in (("g", "get", (), BODY), ("p", "put", (b"x",), OK)):
        async with scripted({f"/bucket/pre/{path}": answer}) as server:
            store = store_at(server, monkeypatch, attempts=6)

            async def settle(server=server, path=path, good=good) -> None:
                while len(server.requests) < 2:
                    await asyncio.sleep(0)
                server.answers[f"/bucket/pre/{path}"] = good

            await asyncio.gather(getattr(store, verb)(path, *arguments), settle())
            assert 3 <= len(server.requests) <= 6


async def test_patience_ends(monkeypatch):
    async with scripted({"/bucket/pre/k": error("503 Slow Down")}) as server:
        with pytest.raises(Unavailable):
            await store_at(server, monkeypatch, attempts=3).get("k")
        assert len(server.requests) == 3


async def test_a_reply_that_stops_arriving_is_not_waited_for(monkeypatch):
    async def stops(writer):
        writer.write(BODY[:-2])
        await writer.drain()
        await asyncio.sleep(20)

    async with scripted({"/bucket/pre/k": stops}) as server:
        with pytest.raises(Unclear):
            await store_at(server, monkeypatch, timeout_s=0.3).get("k")


async def test_content_type_and_metadata_reach_the_object(s3_environment):
    await S3Store("storage", "meta").put("k.png", b"x", content_type="image/png", metadata={"attempt": "a.1"})
    head = s3_environment.client().head_object(Bucket="storage", Key="meta/k.png")
    assert (head["ContentType"], head["Metadata"]) == ("image/png", {"attempt": "a.1"})


async def test_a_large_body_is_one_object_put_in_one_request(s3_environment):
    body = bytes(12_000_000)
    await S3Store("storage").put("large", body)
    assert '"' + "-" not in s3_environment.client().head_object(Bucket="storage", Key="large")["ETag"]
    assert len(await S3Store("storage").get("large")) == len(body)


async def test_a_presigned_link_reads_the_object_and_only_it(s3_environment):
    store = S3Store("storage", "signed")
    await store.put("a b/猫.png", b"picture")
    link = s3_client.presigner(store.uri, 60)("a b/猫.png")
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"picture"
    assert link.startswith(s3_environment.endpoint)
    assert "X-Amz-Signature" in link


async def test_of_sixteen_writers_with_clients_of_their_own_one_wins(s3_environment):
    stores = [S3Store("storage", "race") for _ in range(16)]
    for n in range(3):
        won = await asyncio.gather(*(store.create(f"k{n}", f"{at}".encode()) for at, store in enumerate(stores)))
        assert won.count(True) == 1
        assert await stores[0].get(f"k{n}") == f"{won.index(True)}".encode()


async def test_a_missing_object_is_told_from_a_missing_bucket(s3_environment):
    with pytest.raises(NotFound):
        await S3Store("storage").get("nothing")
    with pytest.raises(Denied, match="NoSuchBucket"):
        await S3Store("no-such-bucket", attempts=1).get("nothing")
    with pytest.raises(Denied, match="NoSuchBucket"):
        await S3Store("no-such-bucket", attempts=1).create("k", b"")


async def test_credentials_of_a_profile_are_found_by_boto3(s3_environment, monkeypatch, tmp_path):
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = fromfile\naws_secret_access_key = secret\n")
    (tmp_path / "config").write_text("[profile team]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "team")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert s3_client.region() == "eu-central-1"
    store = S3Store("storage", "profile")
    await store.put("k", b"x")
    assert await store.get("k") == b"x"
    assert "fromfile" in s3_client.presigner(store.uri, 60)("k")


def test_no_credentials_is_one_clear_line(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    boto3.setup_default_session()
    with pytest.raises(Denied, match="AWS_ACCESS_KEY_ID") as caught:
        S3Store("bucket")
    assert "\n" not in str(caught.value)
