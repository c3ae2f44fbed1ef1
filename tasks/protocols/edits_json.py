"""POST /images/edits with a JSON body (GPT image models, newer gateways): pictures and mask as data URIs."""

from tasks.protocols.images_json import common_fields, parse
from tasks.protocols.pictures import data_uri
from tasks.protocols.wire import Call, WireRequest

__all__ = ["build", "parse"]


def build(call: Call) -> WireRequest:
    """``{"model", "prompt", "images": [{"image_url"}], "mask"?: {"image_url"}, …params}``."""
    fields = common_fields(call)
    fields["images"] = [{"image_url": data_uri(image)} for image in call.images]
    if call.mask is not None:
        fields["mask"] = {"image_url": data_uri(call.mask)}
    return WireRequest(path="/images/edits", json=fields)
