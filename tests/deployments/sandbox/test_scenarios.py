"""Every scenario of the table, as it looks on the wire and on the bill."""

import struct
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from PIL import Image, UnidentifiedImageError

from deployments.sandbox.chat_replies import TEXT_CONTENT
from deployments.sandbox.scenario import Scenario
from deployments.sandbox.scenarios import ROWS, STORM, TABLE
from deployments.sandbox.switch import parse
from tests.deployments.sandbox.served import Served, image_of, request_of, served

SMALL = {"picture_bytes": 2_000}
# scenario -> status, error code, words of the message, in the flavour that adds nothing ("openai")
ERRORS: dict[str, tuple[int, Any, str]] = {
    "bad_key": (401, "invalid_api_key", "Incorrect API key"),
    "key_expired": (401, "invalid_api_key", "expired"),
    "key_exhausted": (401, "invalid_api_key", "no quota left"),
    "banned": (403, "account_deactivated", "deactivated"),
    "model_forbidden": (403, "model_not_found", "does not have access"),
    "azure_blocked": (403, None, "temporarily blocked"),
    "rate_limit": (429, "rate_limit_exceeded", "images per minute"),
    "rate_limit_ms": (429, "rate_limit_exceeded", "images per minute"),
    "rate_limit_date": (429, "rate_limit_exceeded", "images per minute"),
    "rate_limit_none": (429, "", "您已达到请求数限制"),
    "saturated": (429, None, "当前分组上游负载已饱和，请稍后再试"),
    "saturated_503": (503, None, "当前分组上游负载已饱和，请稍后再试"),
    "no_channel": (503, None, "无可用渠道"),
    "no_channel_code": (503, "model_not_found", "无可用渠道（distributor）"),
    "model_not_found": (404, "model_not_found", "does not exist"),
    "model_retired": (404, "model_not_found", "has been deprecated"),
    "not_implemented": (501, "api_not_implemented", ""),
    "invalid_url": (404, None, "Invalid URL (POST /v1/x)"),
    "unknown_parameter": (400, "unknown_parameter", "Unknown parameter: 'response_format'."),
    "invalid_image_file": (400, "invalid_image_file", "Invalid image file or mode for image 1"),
    "image_required": (400, "missing_required_parameter", "image"),
    "mask_invalid": (400, "invalid_mask", "mask"),
    "prompt_missing": (400, "missing_required_parameter", "prompt"),
    "prompt_too_long": (400, "string_above_max_length", "too long"),
    "size_not_supported": (400, "invalid_value", "Supported values"),
    "n_not_within_range": (400, "integer_above_max_value", "'n'"),
    "invalid_request_500": (500, "invalid_request", "size must be"),
    "body_too_large": (413, "bad_response_status_code", "openai_error"),
    "billing_hard_limit": (400, "billing_hard_limit_reached", "Billing hard limit has been reached"),
    "balance_empty": (403, "insufficient_user_quota", "用户额度不足"),
    "balance_units": (403, "insufficient_user_quota", "user [1] quota [50264] preConsumedQuota [154753] is not enough"),
    "preconsume_failed": (403, "pre_consume_token_quota_failed", "预扣费额度失败"),
    "insufficient_quota": (429, "insufficient_quota", "exceeded your current quota"),
    "credit_exhausted": (429, "credit_balance_exhausted", "quota"),
    "spend_limit": (429, "organization_spend_limit_exceeded", "spend limit"),
    "project_spend_limit": (429, "project_spend_limit_exceeded", "spend limit"),
    "quota_as_saturated": (429, "insufficient_quota", "当前分组上游负载已饱和，请稍后再试"),
    "content_policy": (400, "content_policy_violation", "rejected as a result of our safety system"),
    "content_filter": (400, "content_policy_violation", "blocked by our content filters"),
    "content_policy_rewrite": (400, "content_policy_violation", "Image descriptions generated from your prompt"),
    "moderation_blocked": (400, "moderation_blocked", "safety_violations"),
    "flux_moderated": (403, "content_moderated", "Moderated"),
    "moderation_output": (400, "moderation_blocked", "safety_violations"),
    "reverse_moderation": (500, None, "Your request was rejected by the safety system"),
    "reverse_moderation_429": (429, None, "Your request was rejected by the safety system"),
    "server_error": (500, None, "An error occurred while processing your request"),
    "write_response_failed": (500, "write_response_body_failed", ""),
    "do_request_failed": (500, "do_request_failed", ""),
    "bad_response_body": (500, "bad_response_body", ""),
    "empty_response": (500, "empty_response", ""),
    "upstream_502": (502, "bad_response_status_code", ""),
    "upstream_502_json": (502, "bad_response_status_code", "bad response status code 502"),
    "upstream_504": (504, "bad_response_status_code", ""),
}
# scenario -> status, content type, body exactly or its beginning
RAW: dict[str, tuple[int, str, bytes]] = {
    "rate_limit_empty": (429, "", b""),
    "rate_limit_long": (429, "text/plain", b"error code: 1015"),
    "nginx_504": (504, "text/html", b"<!DOCTYPE html>\n<html><head><title>504 Gateway Time-out"),
    "nginx_502": (502, "text/html", b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway"),
    "cloudflare_524": (524, "text/html", b"<!DOCTYPE html>\n<html><head><title>524: A timeout occurred"),
    "error_string": (500, "application/json", b'{"error":"upstream is not available"}'),
    "error_top_level": (500, "application/json", b'{"message":"upstream is not available"'),
    "error_empty_500": (500, "", b""),
    "error_in_200": (200, "application/json", b'{"error":{"message":"upstream error"'),
    "not_json": (200, "text/html", b"<!DOCTYPE html>"),
    "cut_json": (200, "application/json", b'{"created":'),
}
BROKEN = ("hangup_after_billing", "reset_before", "reset_after_headers", "cut_body")


def content(body: Any) -> Any:
    return body["choices"][0]["message"]["content"]


def items(body: Any) -> list[dict[str, str]]:
    return body["data"]


# scenario -> what must hold of the parsed 200 body
ANSWERS: dict[str, Callable[[Any], bool]] = {
    "empty_data": lambda b: b["data"] == [],
    "no_data": lambda b: list(b) == ["created"],
    "b64": lambda b: all(set(item) == {"b64_json"} for item in items(b)),
    "b64_prefix": lambda b: all(item["b64_json"].startswith("data:image/png;base64,iVBOR") for item in items(b)),
    "url_and_b64": lambda b: all(set(item) == {"b64_json", "url"} for item in items(b)),
    "usage_missing": lambda b: "usage" not in b and len(items(b)) == 1,
    "usage_one": lambda b: b["usage"] == {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    "fewer_pictures": lambda b: len(items(b)) == 1,
    "extra_pictures": lambda b: len(items(b)) == 3,
    "chat_plain": lambda b: content(b).startswith("![image](http://127.") and content(b).endswith(")\n\n"),
    "chat_progress": lambda b: all(
        part in content(b) for part in ("[数据预览](", "..[100](", "✅", "![gen_01", "[点击下载](")
    ),
    "chat_4o": lambda b: "> 进度 **100%**" in content(b) and "![file_000" in content(b) and "[下载⏬](" in content(b),
    "chat_url_alt": lambda b: "![http" in content(b),
    "chat_many": lambda b: content(b).count("![Generated Image](") == 2,
    "chat_data_uri": lambda b: content(b).startswith("![image](data:image/png;base64,iVBOR"),
    "chat_base64_uri": lambda b: content(b).startswith("![image](base64://iVBOR"),
    "chat_parts": lambda b: [part["type"] for part in content(b)] == ["text", "image_url"],
    "chat_bare_url": lambda b: content(b).startswith("http://127.") and "](" not in content(b),
    "chat_escaped": lambda b: "http:\\/\\/127." in content(b),
    "chat_images_body": lambda b: "choices" not in b and items(b)[0]["url"].startswith("http://127."),
    "chat_paren_url": lambda b: "?v=(1)&se=" in content(b),
    "chat_download_only": lambda b: "![" not in content(b) and "[点击下载](" in content(b),
    "chat_fence_only": lambda b: content(b).startswith("```json") and "http" not in content(b),
    **{name: (lambda b, text=text: content(b) == text) for name, text in TEXT_CONTENT.items()},
    "no_choices": lambda b: b["choices"] == [],
    "vision_refusal": lambda b: content(b) is None and "can't help" in b["choices"][0]["message"]["refusal"],
    "vision_refusal_text": lambda b: "can't help" in content(b) and b["choices"][0]["message"]["refusal"] is None,
    "vision_content_filter": lambda b: b["choices"][0]["finish_reason"] == "content_filter",
    "vision_length": lambda b: b["choices"][0]["finish_reason"] == "length" and content(b),
    "json_fenced": lambda b: "```json\n{" in content(b),
    "json_ignored": lambda b: "{" not in content(b),
    "json_invalid": lambda b: content(b) == '{"unexpected": true}',
    "slow": lambda b: len(items(b)) == 2,
    "drip": lambda b: len(items(b)) == 2,
}
PICTURES: dict[str, Callable[[Image.Image], bool]] = {
    "ratio_dropped": lambda image: image.size == (1024, 1024),
    "wrong_size": lambda image: image.size == (314, 314),
    "jpeg_named_png": lambda image: image.format == "JPEG",
    "garbled_words": lambda image: image.info["Description"] == " aqueit alke",
    "blank_picture": lambda image: image.getcolors(1) is not None,
}
# file scenario -> status, and what must hold of headers and body
FILES: dict[str, tuple[int, Callable[[Any, bytes], bool]]] = {
    "url_expired": (403, lambda h, b: b"AuthenticationFailed" in b),
    "file_html": (200, lambda h, b: h["content-type"].startswith("text/html") and b.startswith(b"<!DOCTYPE")),
    "file_json": (200, lambda h, b: b.startswith(b'{"error"')),
    "file_truncated": (200, lambda h, b: int(h["content-length"]) == len(b) and not decodes(b)),
    "file_wrong_type": (200, lambda h, b: h["content-type"].startswith("text/html") and decodes(b)),
    "file_svg": (200, lambda h, b: h["content-type"] == "image/png" and b.startswith(b"<svg")),
    "file_empty": (200, lambda h, b: b == b""),
    "file_404": (404, lambda h, b: True),
    "file_403": (403, lambda h, b: True),
    "file_500": (500, lambda h, b: True),
    "file_drip": (200, lambda h, b: decodes(b)),
    "file_gzip": (200, lambda h, b: h["content-encoding"] == "gzip" and b[:2] == b"\x1f\x8b"),
    "file_redirect": (302, lambda h, b: h["location"].startswith("/files/")),
    "file_redirect_private": (302, lambda h, b: h["location"].startswith("http://10.0.0.1/")),
    "file_loop": (302, lambda h, b: h["location"].startswith("/files/")),
    "file_bomb": (200, lambda h, b: struct.unpack(">II", b[16:24]) == (20_000, 20_000) and len(b) < 3_000_000),
    "file_trailing": (200, lambda h, b: b.endswith(b"</html>\n") and decodes(b)),
}
STREAMS = ("sse_error", "sse_error_saturated", "sse_cut")
ALONE = ("hang", "file_reset", "file_huge")  # each has a test of its own below


def decodes(data: bytes) -> bool:
    try:
        image_of(data)
    except (OSError, SyntaxError, UnidentifiedImageError):
        return False
    return True


def kind_of(row: Scenario) -> str:
    return row.only[0] if row.only else "images"


def prompt_for(name: str) -> str:
    return f"a quiet lake [[scenario:{name}]]"


async def first_url(gateway: Served, name: str) -> str:
    status, _, body = await gateway.ask("images", prompt_for(name))
    assert status == 200
    return body["data"][0]["url"]


def test_every_scenario_of_the_table_is_tested_here() -> None:
    tested = [*ERRORS, *RAW, *BROKEN, *ANSWERS, *PICTURES, *FILES, *STREAMS, *ALONE]
    assert sorted(tested) == sorted(TABLE)
    assert len(ROWS) == len(TABLE)


@pytest.mark.parametrize("name", ERRORS)
async def test_error_scenarios_answer_with_their_status_code_and_words(name: str) -> None:
    status, code, words = ERRORS[name]
    async with served(**SMALL) as gateway:
        got, _, body = await gateway.ask(kind_of(TABLE[name]), prompt_for(name))
        assert got == status
        assert body["error"]["code"] == code
        assert words in body["error"]["message"]
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert len(gateway.charges) == TABLE[name].billed


@pytest.mark.parametrize("name", RAW)
async def test_raw_scenarios_answer_with_exactly_their_bytes(name: str) -> None:
    status, content_type, begins = RAW[name]
    async with (
        served(**SMALL) as gateway,
        gateway.client.post(
            f"{gateway.root}/v1/images/generations", json=request_of("images", prompt_for(name))[1]
        ) as reply,
    ):
        body = await reply.read()
        assert reply.status == status
        assert body.startswith(begins)
        assert begins or not body
        assert not content_type or reply.content_type == content_type
        assert len(gateway.charges) == TABLE[name].billed


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_connection_is_an_error_of_the_client_and_billed_only_after_the_work(name: str) -> None:
    async with served(**SMALL) as gateway:
        with pytest.raises((aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)):
            await gateway.ask("images", prompt_for(name))
        assert len(gateway.charges) == TABLE[name].billed


@pytest.mark.parametrize("name", ANSWERS)
async def test_answer_scenarios_change_the_body_and_are_billed(name: str) -> None:
    path, body = request_of(kind_of(TABLE[name]), f"describe this {prompt_for(name)}")
    if name.startswith("usage_"):
        body = {"model": "gpt-image-1", "prompt": prompt_for(name)}
    if name.startswith("json_"):
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    async with served(**SMALL) as gateway:
        status, _, answer = await gateway.post(path, body)
        assert status == 200
        assert ANSWERS[name](answer)
        assert len(gateway.charges) == 1


@pytest.mark.parametrize("name", PICTURES)
async def test_picture_scenarios_change_what_is_in_the_file(name: str) -> None:
    async with served() as gateway:
        url = await first_url(gateway, name)
        status, _, data = await gateway.get(url)
        assert status == 200
        assert url.partition("?")[0].endswith(".png")
        assert PICTURES[name](image_of(data))


@pytest.mark.parametrize("name", FILES)
async def test_file_scenarios_spoil_the_download_and_not_the_answer(name: str) -> None:
    status, holds = FILES[name]
    async with served(**SMALL) as gateway:
        url = await first_url(gateway, name)
        async with aiohttp.ClientSession(auto_decompress=False) as raw, raw.get(url, allow_redirects=False) as reply:
            assert reply.status == status
            assert holds(reply.headers, await reply.read())
        assert len(gateway.charges) == 1


@pytest.mark.parametrize("name", ["file_reset", "file_huge"])
async def test_a_file_that_never_ends_well_breaks_in_the_middle(name: str) -> None:
    async with served(**SMALL) as gateway:
        url = await first_url(gateway, name)
        async with gateway.client.get(url) as reply:
            if name == "file_huge":
                assert reply.content_length == 10_000_000_000
                return
            with pytest.raises(aiohttp.ClientPayloadError):
                await reply.read()


async def test_a_redirected_file_arrives_when_followed() -> None:
    async with served(**SMALL) as gateway:
        status, _, data = await gateway.get(await first_url(gateway, "file_redirect"))
        assert (status, decodes(data)) == (200, True)


async def test_a_fault_on_the_first_fetch_only_is_gone_on_the_second() -> None:
    async with served(**SMALL) as gateway:
        url = await first_url(gateway, "file_truncated@1")
        fetched = [decodes((await gateway.get(url))[2]) for _ in range(3)]
        assert fetched == [False, True, True]


@pytest.mark.parametrize("name", STREAMS)
async def test_unasked_streams_show_progress_and_end_badly(name: str) -> None:
    async with served(**SMALL) as gateway:
        path, body = request_of("chat", prompt_for(name))
        seen = b""
        async with gateway.client.post(f"{gateway.root}/v1{path}", json=body) as reply:
            assert reply.content_type == "text/event-stream"
            try:
                async for piece in reply.content.iter_any():
                    seen += piece
            except aiohttp.ClientPayloadError:
                assert name == "sse_cut"
        assert "进度".encode() in seen
        assert (b'{"error":{"message":' in seen) == (name != "sse_cut")
        assert (b"[DONE]" in seen) == (name != "sse_cut")
        assert len(gateway.charges) == 1


async def test_a_hanging_call_is_billed_although_its_client_gives_up() -> None:
    async with served(**SMALL) as gateway:
        with pytest.raises(TimeoutError):
            await gateway.post(*request_of("images", prompt_for("hang")), timeout=aiohttp.ClientTimeout(total=0.3))
        assert len(gateway.charges) == 1


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("rate_limit", "retry-after", "1"),
        ("rate_limit_ms", "retry-after-ms", "400"),
        ("rate_limit_long", "retry-after", "54749"),
    ],
)
async def test_rate_limits_say_when_to_come_back(name: str, header: str, value: str) -> None:
    async with served(**SMALL) as gateway:
        _, headers, _ = await gateway.ask("images", prompt_for(name))
        assert headers[header] == value


async def test_a_retry_date_is_an_http_date_and_some_limits_say_nothing() -> None:
    async with served(**SMALL) as gateway:
        _, dated, _ = await gateway.ask("images", prompt_for("rate_limit_date"))
        assert dated["retry-after"].endswith(" GMT")
        for name in ("rate_limit_none", "rate_limit_empty"):
            _, silent, _ = await gateway.ask("images", prompt_for(name))
            assert "retry-after" not in silent


async def test_without_a_scenario_the_same_requests_succeed() -> None:
    async with served(**SMALL) as gateway:
        for kind in ("images", "edit", "chat", "vision"):
            status, _, _ = await gateway.ask(kind)
            assert status == 200
        assert len(gateway.charges) == 4


def test_storm_is_made_of_known_scenarios_and_keeps_its_rate() -> None:
    armed = parse("storm:0.4")
    assert len(armed) == len(STORM)
    assert sum(one.rate for one in armed) == pytest.approx(0.4)
