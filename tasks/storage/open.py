"""From a URI to what stands behind it: a store, a stream, some bytes."""

import io
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from tasks.storage.keys import BadKey
from tasks.storage.store import Denied, NotFound, Store, StoreError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from tasks.storage.memory import MemoryStore

PROBE_PREFIX = "journal/probe"
READ_AHEAD_BYTES = 4 * 1024 * 1024

_MISSPELT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?:[/\\]|$)")  # a folder "s3:" is never what was meant
_memories: dict[str, "MemoryStore"] = {}


class BadUri(ValueError):
    """A URI that names no kind of store we know."""


class UnsafeStore(StoreError):
    """A store on which two writers could both believe that they were first."""


def open_store(uri: str) -> Store:
    """The store behind a folder path, ``file://``, ``s3://bucket/prefix`` or ``memory://name``.

    Nothing is read or written yet; a folder need not exist, but a file is refused. A memory store lives as long as
    the process, one for each name. Raises ``BadUri``, or ``Denied`` if there are no credentials for S3.
    """
    scheme, place = _parse(uri)
    if scheme == "s3":
        from tasks.storage.s3 import S3Store

        bucket, _, prefix = place.partition("/")
        try:
            return S3Store(bucket, prefix)
        except BadKey as error:
            raise BadUri(f"{uri!r} cannot hold a dataset: {error}") from None
    if scheme == "memory":
        from tasks.storage.memory import MemoryStore

        return _memories.setdefault(place, MemoryStore(place))
    if Path(place).is_file():
        raise BadUri(f"{uri!r} is a file; a dataset is a folder or s3://bucket/prefix")
    from tasks.storage.local import LocalStore

    return LocalStore(place)


def open_binary(uri: str) -> BinaryIO:
    """A seekable stream of one file: a path, ``file://`` or ``s3://bucket/key`` (read piece by piece).

    Raises ``FileNotFoundError``; of S3, ``PermissionError`` too.
    """
    scheme, place = _parse(uri)
    if scheme == "memory":
        raise BadUri(f"no file can be read from {uri!r}")
    if scheme == "file":
        return Path(place).open("rb")
    return cast("BinaryIO", io.BufferedReader(_S3File(uri, place), READ_AHEAD_BYTES))


def read_input(uri: str, *, max_bytes: int | None = None) -> bytes:
    """All bytes of one file, as ``open_binary`` finds it; ``ValueError`` if there are more than ``max_bytes``."""
    with open_binary(uri) as file:
        data = file.read(-1 if max_bytes is None else max_bytes + 1)
    if max_bytes is not None and len(data) > max_bytes:
        raise ValueError(f"{uri} has more than {max_bytes:,} bytes")
    return data


async def probe(store: Store) -> None:
    """Make sure that the store keeps the promise the journal rests on: of two creates, the second one loses.

    Raises ``UnsafeStore`` if it does not, and what the store raises if it cannot be written at all.
    """
    key = f"{PROBE_PREFIX}/{secrets.token_hex(16)}"
    answers = [await store.create(key, b"first"), await store.create(key, b"second")]
    kept = await store.get(key)
    await store.delete(key)
    if answers != [True, False] or kept != b"first":
        raise UnsafeStore(
            f"{store.uri} lets a second writer overwrite an object it asked to create (it ignores If-None-Match): "
            "two runs could pay for the same rows, so it cannot hold a dataset"
        )


def _parse(uri: str) -> tuple[str, str]:
    if "://" not in uri:
        if not uri:
            raise BadUri("an empty string names no place")
        if _MISSPELT.match(uri):
            raise BadUri(
                f"{uri!r} is no address: s3://bucket/prefix and file:///folder have their slashes (a folder that bears "
                f"this name is ./{uri})"
            )
        return "file", str(Path(uri).expanduser())
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path:
        return "file", unquote(parts.path)
    place = uri.partition("://")[2]
    if parts.scheme == "s3" and parts.netloc:
        return "s3", place
    if parts.scheme == "memory":
        return "memory", place
    raise BadUri(f"cannot open {uri!r}: give a folder, file:///folder or s3://bucket/prefix")


class _S3File(io.RawIOBase):
    """One object as a raw stream: obstore reads ahead, this only has the shape that ``io`` wants."""

    def __init__(self, uri: str, place: str) -> None:
        import obstore
        from obstore import exceptions

        from tasks.storage import s3_client

        bucket, _, key = place.partition("/")
        client = s3_client.open_bucket(bucket, "", silence_s=30.0)
        try:
            self._file: Any = obstore.open_reader(client, key, buffer_size=READ_AHEAD_BYTES)
        except FileNotFoundError:
            raise NotFound(f"no such object: {uri}", key=uri) from None
        except exceptions.BaseError as error:
            summary = str(error).partition("Debug source")[0].strip()
            denied = isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError))
            raise (Denied if denied else StoreError)(f"cannot read {uri}: {summary}", key=uri) from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = memoryview(self._file.read(len(view)))
        view[: len(data)] = data
        return len(data)


def folder_of(store: Store) -> Path | None:
    """The local folder behind a store, or None: for those who show paths to people."""
    return None if "://" in store.uri else Path(store.uri)
