"""The four wrappers, their headers, and requests that every gateway refuses before spending."""

import re
from typing import Any

import pytest

from tests.deployments.sandbox.served import data_uri, form, png_bytes, served

SMALL = {"picture_bytes": 2_000}
BAD_SIZE = {"model": "dall-e-3", "prompt": "a", "size": "100x100"}


@pytest.mark.parametrize(
    ("flavour", "status", "fields"),
    [
        ("openai", 400, {"message", "type", "param", "code"}),
        ("one-api", 400, {"message", "type", "param", "code"}),
        ("new-api", 500, {"message", "type", "code"}),
        ("shellapi", 400, {"message", "type", "param", "code", "localized_message"}),
    ],
)
async def test_a_validation_error_wears_the_wrapper_of_its_flavour(flavour: str, status: int, fields: set[str]) -> None:
    async with served(**SMALL, flavour=flavour) as gateway:
        got, headers, body = await gateway.post("/images/generations", BAD_SIZE)
        assert (got, set(body["error"])) == (status, fields)
        assert (body.get("status_code") == status) == (flavour == "shellapi")
        assert ("(request id: " in body["error"]["message"]) == (flavour != "openai")
        expected = {"openai": "x-request-id", "shellapi": "x-request-id"}.get(flavour, "x-oneapi-request-id")
        assert headers[expected]


async def test_one_api_s_own_aborts_have_only_message_and_type() -> None:
    async with served(**SMALL, flavour="one-api", scenarios=("key_exhausted",)) as gateway:
        _, _, body = await gateway.ask("images")
        assert set(body["error"]) == {"message", "type"}
        assert body["error"]["message"].startswith("该令牌额度已用尽")


async def test_reverse_models_of_apiyi_name_their_request_id_otherwise() -> None:
    async with served(**SMALL, flavour="shellapi") as gateway:
        _, chat, _ = await gateway.ask("chat")
        _, images, _ = await gateway.ask("images")
        assert "request-id" in chat
        assert "x-request-id" in images


@pytest.mark.parametrize("path", ["/v1/nothing", "/elsewhere"])
async def test_an_unknown_path_is_an_invalid_url(path: str) -> None:
    async with served() as gateway, gateway.client.get(gateway.root + path) as reply:
        assert reply.status == 404
        assert (await reply.json())["error"]["message"] == f"Invalid URL (GET {path})"


def images(**body: Any) -> tuple[str, Any]:
    return "/images/generations", {"model": "dall-e-2", "prompt": "a", **body}


def edit(files: dict[str, bytes], **fields: str) -> tuple[str, Any]:
    return "/images/edits", form(files, **{"model": "gpt-image-1", "prompt": "a", **fields})


SQUARE, WIDE = png_bytes(), png_bytes(64, 32)
HOLE = png_bytes(64, 64, (0, 0, 0, 0), "RGBA")
REFUSED: dict[str, tuple[tuple[str, Any], int, str]] = {
    "gpt-image knows no response_format": (
        images(model="gpt-image-1", response_format="b64_json"),
        400,
        "unknown_parameter",
    ),
    "quality outside the list": (images(model="gpt-image-1", quality="hd"), 400, "invalid_value"),
    "safety tolerance outside its range": (images(model="flux-kontext-max", safety_tolerance=9), 400, "invalid_value"),
    "transparent jpeg": (
        images(model="gpt-image-1", background="transparent", output_format="jpeg"),
        400,
        "invalid_value",
    ),
    "dall-e-3 makes one": (images(model="dall-e-3", n=2), 400, "integer_above_max_value"),
    "n is no number": (images(n="many"), 400, "integer_above_max_value"),
    "a multiplication sign in the size": (images(size="512×512"), 400, "invalid_value"),
    "prompt over its limit": (images(prompt="x" * 1001), 400, "string_above_max_length"),
    "dall-e-2 edits square pictures": (edit({"image": WIDE}, model="dall-e-2"), 400, "invalid_image_file"),
    "no picture": (edit({}), 400, "missing_required_parameter"),
    "flux takes image and not image[]": (
        edit({"image[]": SQUARE}, model="flux-kontext-max"),
        400,
        "missing_required_parameter",
    ),
    "not a picture": (edit({"image": b"hello"}), 400, "invalid_image_file"),
    "mask of another size": (edit({"image": SQUARE, "mask": png_bytes(32, 32, 0, "RGBA")}), 400, "invalid_mask"),
    "mask without alpha": (edit({"image": SQUARE, "mask": SQUARE}), 400, "invalid_mask"),
    "dall-e-3 has no edits": (edit({"image": SQUARE}, model="dall-e-3"), 404, "model_not_found"),
    "a vision model does not draw": (images(model="gpt-4o"), 404, "model_not_found"),
    "an unknown model": (images(model="dall-e-9"), 404, "model_not_found"),
    "base64 that is none": (images(model="flux-kontext-max", input_image="***"), 400, "invalid_image_file"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_invalid_requests_are_refused_with_the_vendor_s_code(name: str) -> None:
    (path, body), status, code = REFUSED[name]
    async with served(**SMALL) as gateway:
        got, _, reply = await gateway.post(path, body)
        assert (got, reply["error"]["code"]) == (status, code)
        assert gateway.charges == []


ACCEPTED: dict[str, tuple[str, Any]] = {
    "mask with a hole": edit({"image": SQUARE, "mask": HOLE}),
    "sixteen pictures": edit({f"image[]#{number}": SQUARE for number in range(16)}),
    "flux edit by one file": edit({"image": SQUARE}, model="flux-kontext-max"),
    "flux edit by data URI": images(model="flux-kontext-max", input_image=data_uri(SQUARE), aspect_ratio="16:9"),
    "free size of gpt-image-2": images(model="gpt-image-2", size="1280x720"),
    "unknown fields of other families are dropped": images(aspect_ratio="16:9", hello="world"),
}


@pytest.mark.parametrize("name", ACCEPTED)
async def test_valid_requests_near_the_refused_ones_pass(name: str) -> None:
    async with served(**SMALL) as gateway:
        assert (await gateway.post(*ACCEPTED[name]))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{not json",
        b'{"model":"sora_image"}',
        b'{"model":"sora_image","messages":[1]}',
        b'{"model":5,"prompt":"a"}',
    ],
)
async def test_a_body_that_is_no_request_is_refused_and_never_a_crash(body: bytes) -> None:
    async with served(**SMALL) as gateway:
        for path in ("/images/generations", "/chat/completions"):
            async with gateway.client.post(f"{gateway.root}/v1{path}", data=body) as reply:
                assert reply.status in (400, 404)
                assert re.search(r'"error":\{', await reply.text())


async def test_chinese_prompts_are_measured_in_bytes_by_gateways_and_in_characters_by_openai() -> None:
    body = images(prompt="山" * 500)
    for flavour, status in (("openai", 200), ("one-api", 400), ("new-api", 500), ("shellapi", 400)):
        async with served(**SMALL, flavour=flavour) as gateway:
            assert (await gateway.post(*body))[0] == status
