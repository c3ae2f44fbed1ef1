"""The store: the few verbs that the journal, the manifest and the images need, and what may go wrong in them.

The errors are built-in ones too (FileNotFoundError, TimeoutError, ConnectionError), so that a room which is handed a
store can tell them apart without importing this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class StoreError(OSError):
    """Something between us and the bytes went wrong; ``key`` says on which object."""

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class NotFound(StoreError, FileNotFoundError):
    """The object is not there, as far as this reply says (a late write may still land)."""


class Unclear(StoreError, TimeoutError):
    """A write whose reply was lost: it may or may not have happened, or may still happen later."""


class Unavailable(StoreError, ConnectionError):
    """The store refused or could not be reached, and nothing was written."""


class Full(Unavailable):
    """There is no room left, on the disk or in the quota: somebody has to make some."""


class Denied(Unavailable, PermissionError):
    """The store answered that we may not, or that there is no such bucket: waiting will not help, a user must act."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as a listing shows it; ``etag`` is opaque and changes with the content."""

    key: str
    size_bytes: int
    etag: str
    modified_at: float  # epoch seconds by the store's clock


class Store(Protocol):
    """A flat key space below one URI. Keys are relative, ``/``-separated, never absolute.

    Every method raises ``Unavailable`` when the store is out of reach; every write may also raise ``Unclear``.
    A write that returned is durable (local: file and directory fsynced).
    """

    uri: str

    async def create(self, key: str, body: bytes) -> bool:
        """Put if absent. True = this call made the object; False = another object is there."""

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write or overwrite in one step."""

    async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """Overwrite only if the object still has ``etag`` (None = only if absent). False = it has changed."""

    async def get(self, key: str) -> bytes:
        """The whole object; ``NotFound`` if it is not there."""

    async def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The whole object and the etag to hand to ``replace``; ``NotFound`` if it is not there."""

    async def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object, or None."""

    async def metadata(self, key: str) -> Mapping[str, str]:
        """The ``metadata`` given to ``put``; ``NotFound`` if the object is not there.

        A folder keeps it in extended attributes; on a file system without them it is empty.
        """

    async def list(self, prefix: str, *, start_after: str = "") -> list[ObjectInfo]:
        """All objects whose key begins with ``prefix`` and sorts after ``start_after``, in key order."""

    async def delete(self, key: str) -> None:
        """Remove the object; no error if it is already gone."""
