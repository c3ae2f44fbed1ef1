"""What each wire format puts on the wire, to the letter."""

import base64
from dataclasses import replace

import orjson
import pytest

from tasks.protocols.formats import FORMATS, build
from tasks.protocols.pictures import most_bytes
from tasks.protocols.wire import Call, InputImage, WireRequest

CAT = InputImage(data=b"cat bytes", format="png", name='../../"cat".png')
DOG = InputImage(data=b"dog bytes", format="jpeg")
MASK = InputImage(data=b"mask bytes", format="png")
CAT_URI = "data:image/png;base64,Y2F0IGJ5dGVz"
DOG_URI = "data:image/jpeg;base64,ZG9nIGJ5dGVz"
MASK_URI = "data:image/png;base64,bWFzayBieXRlcw=="

DALLE = Call(operation="generate", format="images_json", wire_model="dall-e-3", prompt="a cat")
GPT = replace(DALLE, wire_model="gpt-image-1", result="b64")
EDIT = Call(operation="edit", format="edits_multipart", wire_model="dall-e-2", prompt="a hat", images=(CAT,), mask=MASK)
SORA = Call(operation="generate", format="chat_image", wire_model="sora_image", prompt="橘猫【2:3】", result="markdown")
LOOK = Call(
    operation="vision",
    format="chat_vision",
    wire_model="gpt-4o",
    prompt="What is it?",
    vision="ask",
    images=(CAT,),
    max_tokens=300,
    result="text",
)
SCHEMA = {
    "title": "a caption!",
    "type": "object",
    "properties": {"caption": {"type": "string"}},
    "required": ["caption"],
    "additionalProperties": False,
}

JSON_REQUESTS = [
    ("the plainest call", DALLE, "/images/generations", {"model": "dall-e-3", "prompt": "a cat"}),
    (
        "size, parameters and a response format the caller asks for",
        replace(DALLE, size="1024x1792", params={"quality": "hd", "style": "vivid", "response_format": "url"}),
        "/images/generations",
        {
            "model": "dall-e-3",
            "prompt": "a cat",
            "size": "1024x1792",
            "quality": "hd",
            "style": "vivid",
            "response_format": "url",
        },
    ),
    (
        "n above 1",
        replace(DALLE, wire_model="dall-e-2", n=4, size="512x512"),
        "/images/generations",
        {"model": "dall-e-2", "prompt": "a cat", "n": 4, "size": "512x512"},
    ),
    (
        "GPT image never gets a response_format",
        replace(GPT, params={"quality": "low", "background": "transparent", "response_format": "b64_json"}),
        "/images/generations",
        {"model": "gpt-image-1", "prompt": "a cat", "quality": "low", "background": "transparent"},
    ),
    (
        "parameters without a value are left out, and cannot replace the model",
        replace(DALLE, params={"style": None, "model": "other", "prompt": "other"}),
        "/images/generations",
        {"model": "dall-e-3", "prompt": "a cat"},
    ),
    (
        "Flux text to image",
        replace(
            DALLE,
            format="flux_json",
            wire_model="flux-kontext-max",
            params={"aspect_ratio": "16:9", "seed": 42, "safety_tolerance": 2, "prompt_upsampling": False},
        ),
        "/images/generations",
        {
            "model": "flux-kontext-max",
            "prompt": "a cat",
            "aspect_ratio": "16:9",
            "seed": 42,
            "safety_tolerance": 2,
            "prompt_upsampling": False,
        },
    ),
    (
        "Flux edit of two pictures; a mask is not sent",
        replace(EDIT, format="flux_json", wire_model="flux-2-pro", images=(CAT, DOG)),
        "/images/generations",
        {"model": "flux-2-pro", "prompt": "a hat", "input_image": CAT_URI, "input_image_2": DOG_URI},
    ),
    (
        "JSON edit with mask",
        replace(EDIT, format="edits_json", wire_model="gpt-image-1.5", images=(CAT, DOG), result="b64", size="auto"),
        "/images/edits",
        {
            "model": "gpt-image-1.5",
            "prompt": "a hat",
            "size": "auto",
            "images": [{"image_url": CAT_URI}, {"image_url": DOG_URI}],
            "mask": {"image_url": MASK_URI},
        },
    ),
    (
        "Sora text to image, n never sent",
        replace(SORA, n=3, size="1024x1024"),
        "/chat/completions",
        {"model": "sora_image", "stream": False, "messages": [{"role": "user", "content": "橘猫【2:3】"}]},
    ),
    (
        "Sora fusion of two pictures",
        replace(SORA, operation="edit", wire_model="gpt-4o-image", images=(CAT, DOG)),
        "/chat/completions",
        {
            "model": "gpt-4o-image",
            "stream": False,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "橘猫【2:3】"},
                        {"type": "image_url", "image_url": {"url": CAT_URI}},
                        {"type": "image_url", "image_url": {"url": DOG_URI}},
                    ],
                }
            ],
        },
    ),
    (
        "vision with detail and temperature",
        replace(LOOK, params={"detail": "low", "temperature": 0}),
        "/chat/completions",
        {
            "model": "gpt-4o",
            "stream": False,
            "max_tokens": 300,
            "temperature": 0,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is it?"},
                        {"type": "image_url", "image_url": {"url": CAT_URI, "detail": "low"}},
                    ],
                }
            ],
        },
    ),
    (
        "vision without a cap still sends one",
        replace(LOOK, max_tokens=None, images=()),
        "/chat/completions",
        {
            "model": "gpt-4o",
            "stream": False,
            "max_tokens": 1024,
            "messages": [{"role": "user", "content": "What is it?"}],
        },
    ),
    (
        "vision with a strict schema",
        replace(LOOK, images=(), json_schema=SCHEMA),
        "/chat/completions",
        {
            "model": "gpt-4o",
            "stream": False,
            "max_tokens": 300,
            "messages": [{"role": "user", "content": "What is it?"}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a_caption_", "strict": True, "schema": SCHEMA},
            },
        },
    ),
]


@pytest.mark.parametrize(
    ("call", "path", "body"), [row[1:] for row in JSON_REQUESTS], ids=[r[0] for r in JSON_REQUESTS]
)
def test_a_json_request_is_exactly(call, path, body):
    request = build(call)
    assert request == WireRequest(path=path, json=body)
    assert orjson.loads(orjson.dumps(request.json)) == body


MULTIPART = [
    (
        "one picture and a mask",
        EDIT,
        (("model", "dall-e-2"), ("prompt", "a hat")),
        (
            ("image", ("image1.png", b"cat bytes", "image/png")),
            ("mask", ("mask.png", b"mask bytes", "image/png")),
        ),
    ),
    (
        "several pictures under image[], every scalar as text",
        replace(
            EDIT,
            wire_model="gpt-image-1",
            images=(CAT, DOG),
            mask=None,
            n=2,
            size="1024x1024",
            result="b64",
            image_field="image[]",
            params={"output_compression": 80, "stream": False, "input_fidelity": "high", "response_format": "url"},
        ),
        (
            ("output_compression", "80"),
            ("stream", "false"),
            ("input_fidelity", "high"),
            ("model", "gpt-image-1"),
            ("prompt", "a hat"),
            ("n", "2"),
            ("size", "1024x1024"),
        ),
        (
            ("image[]", ("image1.png", b"cat bytes", "image/png")),
            ("image[]", ("image2.jpg", b"dog bytes", "image/jpeg")),
        ),
    ),
    (
        "one picture goes as image even where several go as image[]",
        replace(EDIT, images=(DOG,), mask=None, image_field="image[]"),
        (("model", "dall-e-2"), ("prompt", "a hat")),
        (("image", ("image1.jpg", b"dog bytes", "image/jpeg")),),
    ),
]


@pytest.mark.parametrize(("call", "form", "files"), [row[1:] for row in MULTIPART], ids=[row[0] for row in MULTIPART])
def test_a_multipart_request_is_exactly(call, form, files):
    assert build(call) == WireRequest(path="/images/edits", form=form, files=files)


def test_a_schema_that_strict_mode_would_refuse_is_sent_without_strict():
    loose = {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {}}}}, "required": ["a"]}
    sent = build(replace(LOOK, json_schema=loose)).json["response_format"]["json_schema"]
    assert (sent["strict"], sent["name"]) == (False, "answer")


def test_every_wire_format_has_its_functions():
    assert set(FORMATS) == {
        "images_json",
        "edits_multipart",
        "edits_json",
        "flux_json",
        "chat_image",
        "chat_vision",
    }


@pytest.mark.parametrize("size", ["2880x2880", "1024x1536", "auto", None])
def test_a_reply_may_be_as_large_as_its_pictures_are_without_compression(size):
    width, height = map(int, size.split("x")) if size and "x" in size else (1536, 1024)
    assert most_bytes(replace(GPT, n=10, size=size)) >= 10 * len(base64.b64encode(bytes(3 * width * height)))


def test_building_leaves_the_call_as_it_was():
    params = {"detail": "low", "response_format": "url"}
    for format_ in FORMATS:
        build(replace(LOOK, format=format_, params=params, result="b64"))
    assert params == {"detail": "low", "response_format": "url"}
