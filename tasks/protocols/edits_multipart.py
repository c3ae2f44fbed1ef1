"""POST /images/edits as a multipart form: pictures and mask as files, every other field as text."""

import orjson

from catalogs.types import Json
from tasks.protocols.images_json import common_fields, parse
from tasks.protocols.wire import Call, InputImage, WireRequest

__all__ = ["build", "parse"]

# new-api takes the content type from the extension, so files are named after what they are, never after the user's.
_EXTENSIONS = {"jpeg": "jpg"}


def build(call: Call) -> WireRequest:
    """One picture goes as ``image``, several as the model's field name repeated, the mask as ``mask``."""
    field: str = "image" if len(call.images) == 1 else call.image_field
    files = [(field, _file(image, f"image{index}")) for index, image in enumerate(call.images, start=1)]
    if call.mask is not None:
        files.append(("mask", _file(call.mask, "mask")))
    form = tuple((name, _as_text(value)) for name, value in common_fields(call).items())
    return WireRequest(path="/images/edits", form=form, files=tuple(files))


def _file(image: InputImage, stem: str) -> tuple[str, bytes, str]:
    return f"{stem}.{_EXTENSIONS.get(image.format, image.format)}", image.data, f"image/{image.format}"


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
