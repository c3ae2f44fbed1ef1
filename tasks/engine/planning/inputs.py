"""Input pictures of a row: find out what they are (sha256), and hand over their original bytes when the call is made.

A picture behind an https URL is fetched once, at run time, through the guard: its bytes go into the dataset and a
create-only note ``inputs/<sha256 of the URL>.json`` remembers which ones they were, so a rerun asks nobody.
"""

import asyncio
import hashlib
from collections import OrderedDict

import orjson

from catalogs.types import ImageRef
from tasks.engine.planning.spill import InputSource
from tasks.protocols.wire import InputImage
from tasks.storage.containers import BadImage, scan
from tasks.storage.fetch import Fetcher
from tasks.storage.inspect import inspect_image
from tasks.storage.keys import image_key
from tasks.storage.open import read_input
from tasks.storage.reencode import as_png
from tasks.storage.store import Store, StoreError

_CACHED_BYTES = 64_000_000


class InputDesk:
    """Resolves references to contents and loads contents, with a small cache of recently used bytes."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._known: dict[str, InputSource | None] = {}
        self._faults: dict[str, str] = {}
        self._looks: dict[str, tuple[str, int, int, int]] = {}
        self._bytes: OrderedDict[str, bytes] = OrderedDict()
        self._held = 0

    async def resolve(self, ref: ImageRef) -> InputSource | None:
        """Content of a file, ``s3://`` or already fetched https reference; None for an https URL nobody fetched."""
        if ref.target not in self._known or self._known[ref.target] is None:
            self._known[ref.target] = await self._find(ref)
        return self._known[ref.target]

    async def fault(self, ref: ImageRef) -> str | None:
        """Why the content of a file or ``s3://`` reference is no picture that can be sent; None if it is one.

        Raises ``StoreError`` if the store does not answer: that says nothing about the reference.
        """
        if ref.target not in self._faults:
            try:
                await self.resolve(ref)
            except FileNotFoundError:
                self._faults[ref.target] = "which is not there"
            except OSError as error:
                if isinstance(error, StoreError) and not isinstance(error, PermissionError):
                    raise
                self._faults[ref.target] = error.strerror or str(error)
        return self._faults.get(ref.target)

    async def look(self, ref: ImageRef) -> tuple[str, int, int, int] | None:
        """(format, width, height, bytes) of the picture in a file or ``s3://`` reference; None if it is none."""
        await self.resolve(ref)
        return self._looks.get(ref.target)

    async def _find(self, ref: ImageRef) -> InputSource | None:
        if ref.kind == "https":
            return await self._fetched_before(ref.target)
        data = await asyncio.to_thread(read_input, ref.target)
        try:
            seen = scan(data)
            self._looks[ref.target] = (seen.format, seen.width_px, seen.height_px, len(data))
        except BadImage as error:  # its words may hold the file's first bytes, which are nobody's business
            self._faults[ref.target] = "no PNG, JPEG or WebP" if error.reason == "not_an_image" else str(error)
        sha256 = hashlib.sha256(data).hexdigest()
        return InputSource(sha256=sha256, kind="file" if ref.kind == "file" else "s3", location=ref.target)

    async def _fetched_before(self, url: str) -> InputSource | None:
        if self._store is None:
            return None
        try:
            note = orjson.loads(await self._store.get(_note_key(url)))
        except FileNotFoundError:
            return None
        return InputSource(sha256=note["sha256"], kind="store", location=note["key"])

    async def fetch(self, url: str, fetcher: Fetcher, store: Store) -> InputSource:
        """Fetch an https input once and remember it. ``FetchError`` or ``BadImage`` if there is no picture."""
        facts = await asyncio.to_thread(inspect_image, (await fetcher.fetch(url)).data)
        key = image_key(facts.sha256, facts.format).replace("images/", "inputs/", 1)
        await store.put(key, facts.data, content_type=facts.content_type)
        note = orjson.dumps({"url_sha256": _url_hash(url), "sha256": facts.sha256, "key": key})
        await store.create(_note_key(url), note)
        source = InputSource(sha256=facts.sha256, kind="store", location=key)
        self._known[url] = source
        return source

    async def load(self, source: InputSource) -> InputImage:
        """The original bytes of a resolved input; ``FileNotFoundError`` if they are gone or have changed."""
        data = self._bytes.get(source.sha256)
        if data is None:
            data = await self._read(source)
            if hashlib.sha256(data).hexdigest() != source.sha256:
                raise FileNotFoundError(f"{source.location} has changed since the plan was made")
            self._remember(source.sha256, data)
        fmt = scan(data).format
        return InputImage(data=data, format=fmt, name=f"{source.sha256[:12]}.{'jpg' if fmt == 'jpeg' else fmt}")

    async def as_png(self, source: InputSource, data: bytes) -> bytes:
        """The picture that ``load`` gave, re-encoded; kept like its own bytes, for many rows may be fed with it."""
        key = f"{source.sha256}.png"
        if key not in self._bytes:
            self._remember(key, await asyncio.to_thread(as_png, data))
        return self._bytes[key]

    async def _read(self, source: InputSource) -> bytes:
        if source.kind in ("file", "s3"):
            return await asyncio.to_thread(read_input, source.location)
        if self._store is None:
            raise FileNotFoundError(source.location)
        return await self._store.get(source.location)

    def _remember(self, key: str, data: bytes) -> None:
        self._bytes[key] = data
        self._held += len(data)
        while self._held > _CACHED_BYTES and len(self._bytes) > 1:
            self._held -= len(self._bytes.popitem(last=False)[1])


def _url_hash(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _note_key(url: str) -> str:
    return f"inputs/{_url_hash(url)}.json"
