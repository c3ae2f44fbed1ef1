"""What every store promises, asked of each of them."""

import asyncio
import time

import pytest

from tasks.storage.keys import BadKey
from tasks.storage.s3 import S3Store
from tasks.storage.store import NotFound

BODY = bytes(range(256)) * 3


class TestEveryStore:
    async def test_what_was_put_is_got_back(self, store):
        await store.put("a/b/c.bin", BODY, content_type="image/png")
        assert await store.get("a/b/c.bin") == BODY

    async def test_an_empty_object_is_an_object(self, store):
        await store.put("empty", b"")
        assert await store.get("empty") == b""
        assert (await store.head("empty")).size_bytes == 0

    async def test_a_missing_object_is_not_found_and_has_no_head(self, store):
        for attempt in (store.get("no/such"), store.get_with_etag("no/such"), store.metadata("no/such")):
            with pytest.raises(NotFound) as caught:
                await attempt
            assert isinstance(caught.value, FileNotFoundError)
            assert caught.value.key == "no/such"
        assert await store.head("no/such") is None

    async def test_a_folder_of_objects_is_not_an_object(self, store):
        await store.put("a/b/c", BODY)
        assert await store.head("a/b") is None
        with pytest.raises(NotFound):
            await store.get("a/b")

    async def test_the_first_create_wins_and_the_second_changes_nothing(self, store):
        assert await store.create("journal/00/1.jsonl", b"mine") is True
        assert await store.create("journal/00/1.jsonl", b"yours") is False
        assert await store.create("journal/00/1.jsonl", b"mine") is False
        assert await store.get("journal/00/1.jsonl") == b"mine"

    async def test_of_sixteen_creates_at_once_exactly_one_wins(self, store):
        bodies = [f"writer {n}".encode() for n in range(16)]
        won = await asyncio.gather(*(store.create("race", body) for body in bodies))
        assert won.count(True) == 1
        assert await store.get("race") == bodies[won.index(True)]

    async def test_put_overwrites(self, store):
        await store.put("k", b"one")
        await store.put("k", b"second")
        assert await store.get("k") == b"second"

    async def test_replace_needs_the_etag_that_is_there(self, store):
        await store.put("alias", b"v1")
        body, etag = await store.get_with_etag("alias")
        assert body == b"v1"
        assert await store.replace("alias", b"v2", etag=etag) is True
        assert await store.replace("alias", b"v3", etag=etag) is False
        assert await store.get("alias") == b"v2"

    async def test_replace_of_a_missing_object_needs_no_etag(self, store):
        assert await store.replace("alias", b"v1", etag='"0"') is False
        assert await store.head("alias") is None
        assert await store.replace("alias", b"v1", etag=None) is True
        assert await store.replace("alias", b"v2", etag=None) is False

    async def test_of_eight_replaces_of_one_version_exactly_one_wins(self, store):
        await store.put("alias", b"v0")
        _, etag = await store.get_with_etag("alias")
        won = await asyncio.gather(*(store.replace("alias", f"v{n}".encode(), etag=etag) for n in range(1, 9)))
        assert won.count(True) == 1
        assert await store.get("alias") == f"v{won.index(True) + 1}".encode()

    async def test_the_etag_changes_with_the_content_and_is_the_same_everywhere(self, store):
        seen = set()
        for body in (b"aa", b"bb", b"cc"):
            await store.put("k", body)
            _, etag = await store.get_with_etag("k")
            assert (await store.head("k")).etag == etag
            assert [info.etag for info in await store.list("k")] == [etag]
            seen.add(etag)
        assert len(seen) == 3

    async def test_head_tells_size_and_age(self, store):
        before = time.time()
        await store.put("k", BODY)
        info = await store.head("k")
        assert (info.key, info.size_bytes) == ("k", len(BODY))
        assert before - 5 < info.modified_at < time.time() + 5

    async def test_metadata_comes_back(self, store):
        await store.put("k", BODY, content_type="image/png", metadata={"attempt": "abc.2", "run-id": "r1"})
        assert dict(await store.metadata("k")) == {"attempt": "abc.2", "run-id": "r1"}
        await store.put("k", BODY)
        assert dict(await store.metadata("k")) == {}

    async def test_delete_removes_and_forgives(self, store):
        await store.put("k", BODY)
        await store.delete("k")
        await store.delete("k")
        await store.delete("no/such")
        assert await store.head("k") is None
        assert await store.create("k", BODY) is True

    async def test_a_listing_is_complete_sorted_and_begins_after_the_mark(self, store):
        keys = ["a/1", "a/10", "a/2", "a-b/1", "a.b", "ab", "a/3/x", "b", "é/ü"]
        for key in keys:
            await store.put(key, key.encode())
        listed = [info.key for info in await store.list("")]
        assert listed == sorted(keys)
        assert [info.key for info in await store.list("a/")] == ["a/1", "a/10", "a/2", "a/3/x"]
        assert [info.key for info in await store.list("a/1")] == ["a/1", "a/10"]
        assert [info.key for info in await store.list("a")] == sorted(key for key in keys if key[0] == "a")
        assert [info.key for info in await store.list("a/", start_after="a/10")] == ["a/2", "a/3/x"]
        assert [info.key for info in await store.list("a/", start_after="a/15")] == ["a/2", "a/3/x"]
        assert [info.key for info in await store.list("", start_after="a/3/x")] == ["ab", "b", "é/ü"]
        assert [info.size_bytes for info in await store.list("é/")] == [5]
        assert await store.list("nothing/") == []
        assert await store.list("a/3/x/") == []

    async def test_two_writers_of_one_key_leave_one_of_their_bodies(self, store):
        bodies = [bytes([n]) * 200_000 for n in range(6)]
        await asyncio.gather(*(store.put("k", body) for body in bodies))
        assert await store.get("k") in bodies

    @pytest.mark.parametrize(
        "key", ["", "/etc/x", "../x", "a/../../x", "a//b", "a/", ".tmp/x", "a/.b", "a\x00", "a\\b"]
    )
    async def test_a_key_that_leads_elsewhere_is_refused_by_every_verb(self, store, key):
        for attempt in (
            store.create(key, b""),
            store.put(key, b""),
            store.replace(key, b"", etag=None),
            store.replace(key, b"", etag="x"),
            store.get(key),
            store.get_with_etag(key),
            store.head(key),
            store.metadata(key),
            store.delete(key),
        ):
            with pytest.raises(BadKey):
                await attempt


async def test_a_listing_of_more_than_one_page_is_complete(s3_environment, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")  # the server's page, 1,000 on Amazon
    keys = [f"pages/{n:05d}" for n in range(34)]
    store = S3Store("storage")
    await asyncio.gather(*(store.put(key, b"x") for key in keys))
    assert len(s3_environment.client().list_objects_v2(Bucket="storage", Prefix="pages/")["Contents"]) == 10
    assert [info.key for info in await store.list("pages/")] == keys
    assert [info.key for info in await store.list("pages/", start_after=keys[5])] == keys[6:]
