"""Input pictures as the model takes them: their own bytes, re-encoded only where it refuses the format."""

from collections.abc import Awaitable, Callable

from catalogs.checks import check_picture
from catalogs.types import Model
from tasks.protocols.wire import InputImage
from tasks.storage.containers import BadImage, scan


class UnfitPicture(ValueError):
    """The model does not take this picture; the message says why."""


async def fitted(image: InputImage, model: Model, as_png: Callable[[bytes], Awaitable[bytes]]) -> InputImage:
    """The picture as it is sent. ``UnfitPicture`` if the model takes it in no way, which nobody need ask it."""
    _judge(image, model)
    if image.format in model.image_formats:
        return image
    try:
        data = await as_png(image.data)
    except BadImage as error:
        raise UnfitPicture(f"{model.id} takes no {image.format}, and it cannot be made a PNG: {error}") from None
    made = InputImage(data=data, format="png", name=f"{image.name.partition('.')[0]}.png")
    _judge(made, model)
    return made


def _judge(image: InputImage, model: Model) -> None:
    seen = scan(image.data)
    found = check_picture(model, seen.format, seen.width_px, seen.height_px, len(image.data))
    if found is not None and found.severity == "error":
        raise UnfitPicture(f"{found.found} as {seen.format}; {found.allowed}")
