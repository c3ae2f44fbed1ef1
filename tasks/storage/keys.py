"""Names of objects: content keys of images, safe slugs of users' ids, and the rule every key keeps in every store."""

import hashlib
import re
import unicodedata

MAX_KEY_BYTES = 900  # S3 allows 1,024 with the prefix, and its test server does not enforce it
MAX_SEGMENT_BYTES = 240  # a file name holds 255
SLUG_CHARS = 64

_EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NOT_IN_A_KEY = re.compile(r"[\x00-\x1f\x7f\\]")
_NOT_IN_A_SLUG = re.compile(r"[^A-Za-z0-9._-]+")
_DOTS = re.compile(r"\.{2,}")


class BadKey(ValueError):
    """A key that some store could not hold, or that would lead out of the dataset."""


def image_key(sha256: str, image_format: str) -> str:
    """``images/ab/<sha256>.png``: where a picture of that content lives; ``jpeg`` is spelt ``.jpg``."""
    if not _SHA256.fullmatch(sha256):
        raise BadKey(f"not a sha256 in lower-case hex: {sha256!r}")
    try:
        extension = _EXTENSIONS[image_format]
    except KeyError:
        raise BadKey(f"no extension for image format {image_format!r}") from None
    return f"images/{sha256[:2]}/{sha256}.{extension}"


def slug(identifier: str) -> str:
    """One key segment for a user's id: at most 64 harmless characters, then 12 hex digits of its sha256.

    The digits keep ids apart that only differ in case, in what was replaced, or behind the cut.
    """
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    harmless = _DOTS.sub(".", _NOT_IN_A_SLUG.sub("-", identifier))
    return f"{harmless[:SLUG_CHARS].strip('.-') or 'id'}-{digest}"


def check_key(key: str) -> str:
    """The key itself, or ``BadKey``.

    A key is relative and ``/``-separated, in NFC, without control characters or backslashes; no segment is empty or
    begins with a dot (which keeps ``..`` out and leaves hidden names to the folder store).
    """
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        raise BadKey(f"key is not valid Unicode: {key!r}") from None
    if not 0 < len(encoded) <= MAX_KEY_BYTES:
        raise BadKey(f"key must have 1 to {MAX_KEY_BYTES} bytes: {key[:80]!r}")
    if _NOT_IN_A_KEY.search(key) or not (key.isascii() or unicodedata.is_normalized("NFC", key)):
        raise BadKey(f"key holds a character that is not allowed: {key!r}")
    for segment in key.split("/"):
        if not segment or segment[0] == "." or len(segment) > MAX_SEGMENT_BYTES or not _fits(segment):
            raise BadKey(f"key has an empty, hidden or overlong segment: {key!r}")
    return key


def _fits(segment: str) -> bool:
    return segment.isascii() or len(segment.encode()) <= MAX_SEGMENT_BYTES
