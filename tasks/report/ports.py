"""What the report needs of a store: read pictures, see which thumbnails are there, write pages.

Its errors are built-in ones: ``FileNotFoundError`` = not there, ``TimeoutError``, ``ConnectionError`` = out of reach.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

#: From a key of the dataset to a link that a reader of the page can follow.
Link = Callable[[str], str]


class Listed(Protocol):
    """One object of a listing."""

    @property
    def key(self) -> str:
        """Relative, ``/``-separated."""


class Files(Protocol):
    """The verbs of ``tasks/storage/store.py`` that pages are made with."""

    async def get(self, key: str) -> bytes:
        """The whole object."""

    async def put(
        self, key: str, body: bytes, *, content_type: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write or overwrite in one step."""

    async def list(self, prefix: str, *, start_after: str = "") -> Sequence[Listed]:
        """All objects below the prefix, in key order."""
