"""Keys, rates, places in flight and an empty purse, in the words of each flavour."""

import asyncio

import pytest

from tests.deployments.sandbox.served import request_of, served

SMALL = {"picture_bytes": 2_000}
FLAVOURS = ("openai", "one-api", "new-api", "shellapi")


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_a_model_s_rate_is_kept_per_window_and_refused_requests_do_not_count(flavour: str) -> None:
    async with served(**SMALL, flavour=flavour, rpm={"dall-e-2": 3}, rpm_window_s=0.5) as gateway:
        statuses = [(await gateway.ask("images"))[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert (await gateway.ask("chat"))[0] == 200
        await asyncio.sleep(0.55)
        assert (await gateway.ask("images"))[0] == 200


async def test_each_flavour_words_a_rate_limit_its_own_way() -> None:
    seen = {}
    for flavour in FLAVOURS:
        async with served(**SMALL, flavour=flavour, rpm={"*": 0}) as gateway:
            seen[flavour] = await gateway.ask("images")
    assert seen["openai"][2]["error"]["code"] == "rate_limit_exceeded"
    assert 0 < float(seen["openai"][1]["retry-after"]) <= 60
    assert seen["one-api"][2] == b""
    assert seen["new-api"][2]["error"]["message"].startswith("您已达到请求数限制：1分钟内最多请求0次")
    assert "retry-after" not in seen["new-api"][1]
    assert seen["shellapi"][2]["status_code"] == 429


async def test_no_more_requests_run_at_once_than_allowed() -> None:
    async with served(**SMALL, concurrency={"dall-e-2": 2}, latency_scale=0.01) as gateway:
        replies = await asyncio.gather(*(gateway.ask("images", f"picture {number}") for number in range(5)))
        assert sorted(status for status, _, _ in replies) == [200, 200, 429, 429, 429]
        assert (await gateway.ask("images"))[0] == 200


@pytest.mark.parametrize(
    ("flavour", "kind", "status", "code"),
    [
        ("openai", "images", 400, "billing_hard_limit_reached"),
        ("openai", "chat", 429, "insufficient_quota"),
        ("one-api", "images", 403, "insufficient_user_quota"),
        ("new-api", "images", 403, "insufficient_user_quota"),
        ("shellapi", "chat", 403, "insufficient_user_quota"),
    ],
)
async def test_an_empty_purse_is_said_the_way_the_flavour_says_it(
    flavour: str, kind: str, status: int, code: str
) -> None:
    async with served(**SMALL, flavour=flavour, balance_micros=45_000) as gateway:
        assert (await gateway.ask("images"))[0] == 200
        got, _, body = await gateway.ask(kind)
        assert (got, body["error"]["code"]) == (status, code)
        assert len(gateway.charges) == 1


async def test_money_set_aside_for_calls_in_flight_cannot_be_spent_twice() -> None:
    async with served(**SMALL, balance_micros=80_000, latency_scale=0.01) as gateway:
        replies = await asyncio.gather(*(gateway.ask("images", f"picture {number}") for number in range(4)))
        assert sorted(status for status, _, _ in replies) == [200, 200, 400, 400]


@pytest.mark.parametrize(("key", "status"), [("sk-bad", 401), ("", 401), ("anything else", 200)])
async def test_any_key_but_none_and_the_bad_one_is_taken(key: str, status: int) -> None:
    async with served(**SMALL) as gateway:
        headers = {"Authorization": f"Bearer {key}"}
        got, _, _ = await gateway.post(*request_of("images", "a"), headers=headers)
        assert got == status
        async with gateway.client.get(f"{gateway.root}/v1/models", headers=headers) as reply:
            assert reply.status == status


async def test_limits_and_flavour_change_while_the_gateway_runs() -> None:
    async with served(**SMALL) as gateway:
        change = {"rpm": {"*": 0}, "flavour": "one-api", "scenarios": [], "balance_usd": "1.50"}
        async with gateway.client.post(f"{gateway.root}/__scenario", json=change) as reply:
            settings = (await reply.json())["settings"]
        assert (settings["flavour"], settings["balance_micros"]) == ("one-api", 1_500_000)
        assert (await gateway.ask("images"))[0] == 429
        for wrong in ({"scenarios": ["no_such"]}, {"flavour": "x"}, {"workers": 3}, {"scenarios": ["b64:2"]}):
            async with gateway.client.post(f"{gateway.root}/__scenario", json=wrong) as reply:
                assert reply.status == 400
