"""What is charged is written down, adds up, and does not depend on anybody waiting for the answer."""

import asyncio
import csv
import io

import aiohttp
import pytest

from deployments.sandbox.bill import EXPORT_COLUMNS
from tests.deployments.sandbox.served import form, png_bytes, request_of, served

SMALL = {"picture_bytes": 2_000}


@pytest.mark.parametrize(
    ("path", "body", "micros"),
    [
        ("/images/generations", {"model": "dall-e-2", "prompt": "a", "n": 3}, 60_000),
        ("/images/generations", {"model": "dall-e-3", "prompt": "a", "quality": "hd"}, 40_000),
        ("/images/generations", {"model": "black-forest-labs/flux-pro-v1.1", "prompt": "a"}, 35_000),
        ("/images/generations", {"model": "flux-kontext-max", "prompt": "a"}, 70_000),
        ("/images/generations", {"model": "gpt-4o-image", "prompt": "a"}, 10_000),
        ("/images/generations", {"model": "gpt-image-2-all", "prompt": "a"}, 30_000),
        ("/images/generations", {"model": "gpt-image-1", "prompt": "abcd", "quality": "low"}, 7 * 10 + 272 * 40),
        ("/chat/completions", request_of("chat", "a")[1], 10_000),
    ],
)
async def test_a_call_costs_what_the_price_table_says(path: str, body: dict[str, object], micros: int) -> None:
    async with served(**SMALL) as gateway:
        await gateway.post(path, body)
        assert [charge.micros for charge in gateway.charges] == [micros]


async def test_the_bill_and_its_export_show_every_charge_and_add_up() -> None:
    async with served(**SMALL) as gateway:
        for kind in ("images", "chat", "vision", "edit"):
            await gateway.ask(kind, f'=HYPERLINK("x") {kind}')
        async with gateway.client.get(f"{gateway.root}/__bill") as reply:
            bill = await reply.json()
        async with gateway.client.get(f"{gateway.root}/__bill.csv") as reply:
            rows = list(csv.DictReader(io.StringIO(await reply.text())))
        assert bill["totals"]["micros"] == sum(charge["micros"] for charge in bill["charges"])
        assert bill["totals"]["charges"] == len(rows) == 4
        assert bill["totals"]["images"] == 4
        assert tuple(rows[0]) == EXPORT_COLUMNS
        assert [row["cost_usd"] for row in rows][:2] == ["0.040000", "0.010000"]
        assert bill["charges"][0]["key"] == "sk-te***789"
        assert all(charge["client_present"] for charge in bill["charges"])


async def test_a_client_that_hangs_up_while_waiting_is_billed_all_the_same() -> None:
    async with served(**SMALL, latency_scale=0.02) as gateway:
        with pytest.raises(TimeoutError):
            await gateway.post(*request_of("images", "a"), timeout=aiohttp.ClientTimeout(total=0.02))
        async with asyncio.timeout(10):
            while not gateway.charges:
                await asyncio.sleep(0.02)
        assert [charge.client_present for charge in gateway.charges] == [False]


async def test_a_reset_forgets_the_bill_and_the_log_and_keeps_the_settings() -> None:
    async with served(**SMALL, scenarios=("b64",)) as gateway:
        await gateway.ask("images")
        async with gateway.client.post(f"{gateway.root}/__reset") as reply:
            assert reply.status == 200
        assert gateway.charges == []
        assert not gateway.sandbox.log.lines
        _, _, body = await gateway.ask("images")
        assert set(body["data"][0]) == {"b64_json"}


async def test_the_same_request_gives_another_picture_each_time_unless_it_has_a_seed() -> None:
    async with served(**SMALL) as gateway:
        for extra, different in (({}, 3), ({"seed": 7}, 1)):
            body = {"model": "flux-kontext-max", "prompt": "a", **extra}
            replies = [(await gateway.post("/images/generations", body))[2] for _ in range(3)]
            files = {(await gateway.get(reply["data"][0]["url"]))[2] for reply in replies}
            assert len(files) == different


async def test_refused_and_invalid_requests_cost_nothing() -> None:
    async with served(**SMALL) as gateway:
        refused = [
            ("/images/generations", {"model": "dall-e-3", "prompt": "gore everywhere"}, 400),
            ("/images/generations", {"model": "gpt-image-1", "prompt": "血腥场面"}, 400),
            ("/images/generations", {"model": "flux-kontext-max", "prompt": "gore"}, 403),
            ("/chat/completions", {"model": "sora_image", "messages": [{"role": "user", "content": "血腥"}]}, 500),
            ("/images/generations", {"model": "dall-e-3", "prompt": ""}, 400),
            ("/images/generations", {"model": "dall-e-9", "prompt": "a"}, 404),
            ("/images/edits", form({"image": png_bytes()}, model="dall-e-3", prompt="a"), 404),
        ]
        statuses = [(await gateway.post(path, body))[0] for path, body, _ in refused]
        assert statuses == [status for _, _, status in refused]
        assert gateway.charges == []


async def test_the_log_tells_when_each_request_began_and_ended() -> None:
    async with served(**SMALL, latency_scale=0.001) as gateway:
        await gateway.ask("images")
        async with gateway.client.get(f"{gateway.root}/__log?path=/v1/") as reply:
            lines = (await reply.json())["requests"]
        assert [(line["path"], line["status"], line["charged_micros"]) for line in lines] == [
            ("/v1/images/generations", 200, 40_000)
        ]
        assert lines[0]["finished_s"] > lines[0]["started_s"]
