"""What the manifest needs of a store. Its errors are built-in ones, so that no other room is imported.

``FileNotFoundError`` = not there, ``TimeoutError`` = a write whose reply was lost, ``ConnectionError`` = out of reach.
"""

from collections.abc import Sequence
from typing import Protocol


class ObjectFacts(Protocol):
    """One object as a listing shows it; ``modified_at`` is epoch seconds by the store's clock."""

    @property
    def key(self) -> str:
        """Relative, ``/``-separated."""

    @property
    def size_bytes(self) -> int:
        """Of the whole object."""

    @property
    def modified_at(self) -> float:
        """When it was last written."""


class Objects(Protocol):
    """A flat key space; see ``tasks/storage/store.py`` for the meaning of each verb."""

    async def create(self, key: str, body: bytes) -> bool:
        """Put if absent; False = another object is there."""

    async def put(self, key: str, body: bytes) -> None:
        """Write or overwrite in one step."""

    async def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """Overwrite if the etag still holds (None = if absent)."""

    async def get(self, key: str) -> bytes:
        """The whole object."""

    async def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The whole object and its etag."""

    async def head(self, key: str) -> ObjectFacts | None:
        """What is known of the object, or None."""

    async def list(self, prefix: str, *, start_after: str = "") -> Sequence[ObjectFacts]:
        """All objects below the prefix that sort after ``start_after``, in key order."""

    async def delete(self, key: str) -> None:
        """Remove the object; no error if it is gone."""
