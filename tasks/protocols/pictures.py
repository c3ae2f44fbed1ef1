"""From what a reply calls a picture to a ``Picture``: a URL to fetch, or bytes decoded from base64."""

import binascii

from catalogs.types import Json
from tasks.protocols.markdown import is_source
from tasks.protocols.wire import Call, InputImage, Picture

_BASE64_BYTES_PER_PIXEL = 4  # RGB that does not compress at all, in base64
_PIXELS_OF_A_SIZE_LEFT_OPEN = 2048 * 2048


def most_bytes(call: Call) -> int:
    """The most bytes that the pictures ``call`` asks for can take in its reply, in base64."""
    width, _, height = (call.size or "").partition("x")
    stated = width.isdecimal() and height.isdecimal()
    pixels = int(width) * int(height) if stated else _PIXELS_OF_A_SIZE_LEFT_OPEN
    return call.n * pixels * _BASE64_BYTES_PER_PIXEL


def picture_from_item(item: Json) -> Picture | None:
    """One entry of an Images body's ``data``; base64 is preferred to a URL, None if neither is usable."""
    if not isinstance(item, dict):
        return None
    revised = item.get("revised_prompt")
    revised = revised if isinstance(revised, str) and revised else None
    data = decode_base64(item["b64_json"]) if isinstance(item.get("b64_json"), str) else None
    if data:
        return Picture(data=data, revised_prompt=revised)
    url = item.get("url")
    return picture_from_source(url.strip(), revised_prompt=revised) if isinstance(url, str) else None


def picture_from_source(src: str, *, revised_prompt: str | None = None, last_resort: bool = False) -> Picture | None:
    """A URL, a ``data:`` URI or ``base64://`` text as a ``Picture``; None if it is something else or broken."""
    if src[:5].lower() == "data:":
        data = decode_base64(src)
    elif src[:9].lower() == "base64://":
        data = decode_base64(src[9:])
    else:
        return Picture(url=src, revised_prompt=revised_prompt, last_resort=last_resort) if is_source(src) else None
    return Picture(data=data, revised_prompt=revised_prompt, last_resort=last_resort) if data else None


def decode_base64(text: str) -> bytes | None:
    """The bytes of strict base64, with or without a ``data:…,`` prefix or line breaks; None if it is damaged.

    A missing padding is filled in: whether the picture is whole is proven by decoding it, not here.
    """
    if text[:5].lower() == "data:":
        header, _, text = text.partition(",")
        if not header.lower().endswith(";base64"):
            return None
    try:
        encoded = text.encode("ascii")
        if b"\n" in encoded or b" " in encoded or b"\r" in encoded:
            encoded = b"".join(encoded.split())
        return binascii.a2b_base64(encoded + b"=" * (-len(encoded) % 4), strict_mode=True) or None
    except (UnicodeEncodeError, binascii.Error):
        return None


def data_uri(image: InputImage) -> str:
    """The original bytes as a ``data:image/…;base64,…`` URI."""
    return f"data:image/{image.format};base64,{binascii.b2a_base64(image.data, newline=False).decode()}"
