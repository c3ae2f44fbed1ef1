"""Pictures inside text: ``data:`` URIs and bare base64, measured before they are decoded."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

DEFAULT_TYPE = "text/plain"  # RFC 2397

_SPACE = re.compile(r"\s+")
_URL_SAFE = str.maketrans("-_", "+/")


class BadDataUri(ValueError):
    """Not a ``data:`` URI or not base64, or (``too_large``) more bytes than allowed."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


def decode_data_uri(uri: str, *, max_bytes: int = 25_000_000) -> tuple[bytes, str]:
    """Bytes and claimed media type. Raises ``BadDataUri``."""
    head, comma, payload = uri.strip().partition(",")
    if not comma or head[:5].lower() != "data:" or len(head) > 1_000:
        raise BadDataUri("not a data: URI")
    media_type, *options = head[5:].split(";")
    if any(option.strip().lower() == "base64" for option in options):
        data = decode_base64(payload, max_bytes=max_bytes)
    else:
        _refuse_long(len(payload) // 3, max_bytes)
        data = unquote_to_bytes(payload)
        _refuse_long(len(data), max_bytes)
    return data, media_type.strip().lower() or DEFAULT_TYPE


def decode_base64(text: str, *, max_bytes: int = 25_000_000) -> bytes:
    """Bytes of base64 text, with or without a ``data:`` prefix, line breaks, padding; either alphabet.

    Raises ``BadDataUri``. The size is worked out before anything is copied.
    """
    if text[:5].lower() == "data:":
        return decode_data_uri(text, max_bytes=max_bytes)[0]
    _refuse_long(len(text) // 2, max_bytes)  # generous to line breaks; the exact check follows
    plain = _SPACE.sub("", text).rstrip("=")
    if "%" in plain:
        plain = plain.replace("%2B", "+").replace("%2F", "/").replace("%3D", "").replace("%2b", "+").replace("%2f", "/")
    _refuse_long(len(plain) * 3 // 4, max_bytes)
    try:
        padded = plain.translate(_URL_SAFE) + "=" * (-len(plain) % 4)
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadDataUri(f"not base64: {error}") from error


def _refuse_long(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise BadDataUri(f"about {size_bytes:,} bytes, the limit is {max_bytes:,}", too_large=True)
