"""Signed URLs: who may fetch what, and until when."""

import pytest

from tests.deployments.sandbox.served import request_of, served

SMALL = {"picture_bytes": 2_000}


async def url_for(gateway: object, model: str) -> str:
    status, _, body = await gateway.post("/images/generations", {"model": model, "prompt": "a"})  # type: ignore[attr-defined]
    assert status == 200
    return str(body["data"][0]["url"])


@pytest.mark.parametrize(
    ("model", "scale", "status"),
    [
        ("dall-e-3", 1.0, 200),
        ("dall-e-3", 1e-9, 403),
        ("flux-kontext-max", 1.0, 200),
        ("flux-kontext-max", 1e-9, 404),
        ("gpt-4o-image", 1e-9, 200),  # 0 = never
    ],
)
async def test_each_family_s_urls_live_as_long_as_they_should(model: str, scale: float, status: int) -> None:
    async with served(**SMALL, ttl_scale=scale) as gateway:
        url = await url_for(gateway, model)
        assert (await gateway.get(url))[0] == status


@pytest.mark.parametrize(("model", "ttl_s"), [("dall-e-3", 3_600), ("flux-kontext-max", 600), ("gpt-4o-image", 0)])
async def test_the_url_says_when_it_ends(model: str, ttl_s: int) -> None:
    async with served(**SMALL) as gateway:
        url = await url_for(gateway, model)
        async with gateway.client.get(f"{gateway.root}/__bill") as reply:
            charged_s = (await reply.json())["charges"][0]["time_s"]
        ends = int(url.partition("?se=")[2].partition("&")[0])
        assert ends == 0 if ttl_s == 0 else abs(ends - charged_s - ttl_s) < 60


async def test_a_changed_signature_expiry_or_name_opens_nothing() -> None:
    async with served(**SMALL) as gateway:
        url = await url_for(gateway, "flux-kontext-max")
        assert (await gateway.get(url))[0] == 200
        for spoiled in (
            url[:-1] + ("0" if url[-1] != "0" else "1"),
            url.replace("?se=1", "?se=2"),
            url.replace("img-", "img-0"),
        ):
            assert (await gateway.get(spoiled))[0] == 404


async def test_the_download_link_of_a_chat_reply_gives_the_same_file() -> None:
    async with served(**SMALL, scenarios=("chat_progress",)) as gateway:
        _, _, body = await gateway.post(*request_of("chat", "a"))
        text = body["choices"][0]["message"]["content"]
        picture = text.partition("![gen_01")[2].partition("](")[2].partition(")")[0]
        download = text.partition("[点击下载](")[2].partition(")")[0]
        preview = text.partition("[数据预览](")[2].partition(")")[0]
        assert picture != download
        assert (await gateway.get(picture))[2] == (await gateway.get(download))[2]
        assert (await gateway.get(preview))[0] == 404


async def test_a_file_whose_bytes_were_let_go_is_drawn_again_the_same() -> None:
    async with served() as gateway:
        url = await url_for(gateway, "dall-e-3")
        first = (await gateway.get(url))[2]
        gateway.sandbox.gateway.files._bytes.clear()
        gateway.sandbox.gateway.studio._drawn.clear()
        assert (await gateway.get(url))[2] == first
