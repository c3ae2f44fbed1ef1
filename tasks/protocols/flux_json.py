"""POST /images/generations the way Flux takes it: pictures to edit as ``input_image``, ``input_image_2`` and so on."""

from tasks.protocols.images_json import common_fields, parse
from tasks.protocols.pictures import data_uri
from tasks.protocols.wire import Call, WireRequest

__all__ = ["build", "parse"]


def build(call: Call) -> WireRequest:
    """``{"model", "prompt", "aspect_ratio"?, "seed"?, "input_image"?, …}``; Kontext knows no mask, none is sent."""
    fields = common_fields(call)
    for index, image in enumerate(call.images, start=1):
        fields["input_image" if index == 1 else f"input_image_{index}"] = data_uri(image)
    return WireRequest(path="/images/generations", json=fields)
