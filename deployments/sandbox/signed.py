"""Signed URLs that expire: ``/files/<path>?se=<unix>&sig=<hmac>`` (section 4.5)."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import quote

from deployments.sandbox.pictures import Drawing
from deployments.sandbox.settings import now_s
from deployments.sandbox.switch import Armed

REMEMBERED_FILES = 100_000
CACHED_BYTES = 256_000_000


@dataclass(slots=True)
class File:
    """One picture behind URLs: how to make it again, how long its URL lives, what goes wrong with it."""

    name: str
    drawing: Drawing | None
    ttl_s: float  # 0 = for ever
    family: str
    fault: Armed | None = None
    expires_s: float | None = None
    fetches: int = 0
    content_type: str = "image/png"
    pinned: bytes | None = field(default=None, repr=False)  # bytes that no drawing could make again


class Files:
    """The pictures handed out, the newest 100,000, with the bytes of the most recent ones at hand."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._files: OrderedDict[str, File] = OrderedDict()
        self._bytes: OrderedDict[str, bytes] = OrderedDict()
        self._cached_bytes = 0

    def issue(self, file: File, data: bytes | None) -> str:
        """Remember a file; returns the path and query of its URL."""
        if file.expires_s is None:
            file.expires_s = now_s() + file.ttl_s if file.ttl_s else 0.0
        self._files[file.name] = file
        if len(self._files) > REMEMBERED_FILES:
            self._files.popitem(last=False)
        if data is not None:
            self.keep(file, data)
        expires = f"{file.expires_s:.3f}".removesuffix(".000") if 0 < file.ttl_s < 60 else f"{file.expires_s:.0f}"
        return f"/files/{quote(file.name)}?se={expires}&sig={self._signature(file.name, expires)}"

    def find(self, name: str, expires: str, signature: str) -> File | None:
        """The file of a URL whose signature is right; its expiry is for the caller to judge."""
        if not hmac.compare_digest(self._signature(name, expires), signature):
            return None
        return self._files.get(name)

    def keep(self, file: File, data: bytes) -> None:
        """Hold on to a file's bytes as long as there is room."""
        if file.name in self._bytes:
            return
        self._bytes[file.name] = data
        self._cached_bytes += len(data)
        while self._cached_bytes > CACHED_BYTES and len(self._bytes) > 1:
            self._cached_bytes -= len(self._bytes.popitem(last=False)[1])

    def bytes_of(self, file: File) -> bytes | None:
        """A file's bytes if they are at hand."""
        return file.pinned if file.pinned is not None else self._bytes.get(file.name)

    def clear(self) -> None:
        """Forget every file."""
        self._files.clear()
        self._bytes.clear()
        self._cached_bytes = 0

    def _signature(self, name: str, expires: str) -> str:
        return hmac.new(self._secret, f"{name}|{expires}".encode(), hashlib.sha256).hexdigest()[:40]


def expired(file: File) -> bool:
    """True once the URL's time is over."""
    return bool(file.expires_s) and now_s() > (file.expires_s or 0.0)
