"""The vendor's own Python SDK as a client: what it parses, other clients parse too."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
import pytest

from catalogs.models import MODELS
from catalogs.types import Model
from deployments.sandbox.families import family_of
from tests.deployments.sandbox.served import Served, data_uri, image_of, png_bytes, served

GENERATES = [model for model in MODELS.values() if "generate" in model.formats]
ON_IMAGES = [model for model in GENERATES if model.formats["generate"] != "chat_image"]
IN_CHAT = [model for model in MODELS.values() if "chat_image" in model.formats.values()]
EDITS = [
    model for model in MODELS.values() if model.formats.get("edit") in ("edits_multipart", "edits_json", "flux_json")
]
READS = [model for model in MODELS.values() if "vision" in model.formats]


@asynccontextmanager
async def sdk(**settings: object) -> AsyncIterator[tuple[Served, openai.AsyncOpenAI]]:
    async with served(**settings) as gateway:
        client = openai.AsyncOpenAI(api_key="sk-tests-0123456789", base_url=f"{gateway.root}/v1", max_retries=0)
        async with client:
            yield gateway, client


async def bytes_of(gateway: Served, item: openai.types.Image) -> bytes:
    if item.b64_json:
        return base64.b64decode(item.b64_json)
    assert item.url is not None
    return (await gateway.get(item.url))[2]


def ids(models: list[Model]) -> list[str]:
    return [model.id for model in models]


@pytest.mark.parametrize("model", ON_IMAGES, ids=ids(ON_IMAGES))
async def test_images_generate_gives_a_decodable_picture_of_the_model_s_default_size(model: Model) -> None:
    async with sdk() as (gateway, client):
        reply = await client.images.generate(model=model.id, prompt="a lighthouse at dusk")
        assert reply.data is not None
        image = image_of(await bytes_of(gateway, reply.data[0]))
        assert image.size == (1024, 1024)
        assert [charge.model for charge in gateway.charges] == [model.id]
        assert gateway.charges[0].micros > 0


@pytest.mark.parametrize("model", EDITS, ids=ids(EDITS))
async def test_images_edit_takes_one_file_as_the_sdk_sends_it(model: Model) -> None:
    async with sdk() as (gateway, client):
        reply = await client.images.edit(
            model=model.id, image=("a.png", png_bytes(256, 256), "image/png"), prompt="make it winter"
        )
        assert reply.data is not None
        assert image_of(await bytes_of(gateway, reply.data[0])).width >= 256
        assert gateway.charges[0].operation == "edit"


@pytest.mark.parametrize("model", IN_CHAT, ids=ids(IN_CHAT))
async def test_chat_completions_show_a_picture_in_the_ratio_of_the_tag(model: Model) -> None:
    async with sdk() as (gateway, client):
        reply = await client.chat.completions.create(
            model=model.id, messages=[{"role": "user", "content": "一只橘猫坐在窗台上【2:3】"}]
        )
        content = reply.choices[0].message.content or ""
        url = content.partition("](")[2].partition(")")[0]
        assert image_of((await gateway.get(url))[2]).size == (1024, 1536)


@pytest.mark.parametrize("model", READS, ids=ids(READS))
async def test_vision_models_read_the_words_of_a_picture(model: Model) -> None:
    async with sdk() as (_, client):
        drawn = await client.images.generate(
            model="dall-e-2", prompt='a shop sign "FRESH BREAD"', response_format="b64_json", size="512x512"
        )
        assert drawn.data is not None
        reply = await client.chat.completions.create(
            model=model.id,
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Read all the text in this picture."},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{drawn.data[0].b64_json}"}},
                    ],
                }
            ],
        )
        assert reply.choices[0].message.content == "FRESH BREAD"
        assert reply.usage is not None
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 85


async def test_gpt_image_reports_the_tokens_its_price_is_made_of() -> None:
    async with sdk() as (gateway, client):
        reply = await client.images.generate(model="gpt-image-1", prompt="x" * 40, quality="high", size="1024x1536")
        assert reply.usage is not None
        assert (reply.usage.output_tokens, reply.usage.input_tokens) == (6_240, 16)
        assert gateway.charges[0].micros == 16 * 10 + 6_240 * 40
        assert (reply.quality, reply.size, reply.output_format) == ("high", "1024x1536", "png")


async def test_dall_e_3_rewrites_the_prompt_and_dall_e_2_makes_variations() -> None:
    async with sdk(picture_bytes=2_000) as (gateway, client):
        rewritten = await client.images.generate(model="dall-e-3", prompt="a fox")
        assert rewritten.data is not None
        assert rewritten.data[0].revised_prompt not in (None, "a fox")
        varied = await client.images.create_variation(image=("a.png", png_bytes(), "image/png"), n=3)
        assert varied.data is not None
        assert len(varied.data) == 3
        assert gateway.charges[-1].micros == 60_000


async def test_chat_and_image_streams_are_read_to_the_end() -> None:
    async with sdk(picture_bytes=2_000) as (_, client):
        stream = await client.chat.completions.create(
            model="sora_image", messages=[{"role": "user", "content": "a fox"}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        assert text.startswith("![image](")
        events = await client.images.generate(model="gpt-image-1", prompt="a fox", stream=True, partial_images=2)
        kinds = [event.type async for event in events]
        assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]


@pytest.mark.parametrize(
    ("scenario", "raised"),
    [
        ("bad_key", openai.AuthenticationError),
        ("balance_empty", openai.PermissionDeniedError),
        ("rate_limit", openai.RateLimitError),
        ("moderation_blocked", openai.BadRequestError),
        ("model_not_found", openai.NotFoundError),
        ("upstream_502", openai.InternalServerError),
        ("hangup_after_billing", openai.APIConnectionError),
    ],
)
@pytest.mark.parametrize("flavour", ["openai", "one-api", "new-api", "shellapi"])
async def test_the_sdk_raises_its_own_error_for_each_kind_of_trouble(
    scenario: str, raised: type[Exception], flavour: str
) -> None:
    async with sdk(picture_bytes=2_000, flavour=flavour, scenarios=(scenario,)) as (_, client):
        with pytest.raises(raised):
            await client.images.generate(model="dall-e-3", prompt="a fox")


async def test_models_are_listed_under_their_ids_and_other_spellings() -> None:
    async with sdk() as (_, client):
        listed = {model.id async for model in await client.models.list()}
        assert set(MODELS) <= listed
        assert "black-forest-labs/flux-pro-v1.1" in listed
        assert (await client.models.retrieve("dall-e-3")).model_dump()["shutdown_date"] == "2026-05-12"


async def test_json_edits_fusion_and_data_uris_are_understood() -> None:
    async with served() as gateway:
        body = {
            "model": "gpt-image-1.5",
            "prompt": "put both together",
            "images": [{"image_url": data_uri(png_bytes(colour=colour))} for colour in ("red", "blue")],
            "size": "1536x1024",
        }
        status, _, reply = await gateway.post("/images/edits", body)
        assert status == 200
        image = image_of(base64.b64decode(reply["data"][0]["b64_json"])).convert("RGB")
        left, right = image.getpixel((100, 300)), image.getpixel((1436, 300))
        assert left[0] > 200 > left[2]
        assert right[2] > 200 > right[0]


async def test_the_seeds_gpt_4o_with_a_ratio_tag_draws_as_sora_image() -> None:
    async with sdk(picture_bytes=2_000) as (gateway, client):
        await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "一只猫【1:1】"}])
        assert [(charge.model, charge.micros) for charge in gateway.charges] == [("sora_image", 10_000)]


def test_every_model_of_the_table_has_a_family() -> None:
    names = {family_of(model).name for model in MODELS.values()}
    assert names == {"dall-e-2", "dall-e-3", "gpt-image", "flux", "chat", "all", "vision"}
