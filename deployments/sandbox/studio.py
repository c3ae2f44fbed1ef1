"""Where pictures are drawn and looked at: processes of their own, so that the server's loop never waits for a pixel."""

import asyncio
import hashlib
import multiprocessing
import os
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import wait
from typing import TypeVar

import numpy as np

from deployments.sandbox import edits, pictures, png
from deployments.sandbox.pictures import Drawing
from deployments.sandbox.reading import Facts, look_at
from deployments.sandbox.settings import Reader

T = TypeVar("T")
NOISE_PICTURES = 16
REMEMBERED_FACTS = 2_000
REMEMBERED_BYTES = 64_000_000


def draw(drawing: Drawing) -> bytes:
    """The file of a drawing. Raises ``edits.BadPicture`` for inputs that do not decode."""
    image = edits.edited(drawing) if drawing.inputs and not drawing.blank else None
    return pictures.finished(drawing) if image is None else pictures.encode(image, drawing)


class Studio:
    """Draws and reads. ``workers`` processes draw, each with its own share of the backgrounds; one more reads."""

    def __init__(self, workers: int, picture_bytes: int | None, reader: Reader, *, side_px: int | None = None) -> None:
        self.reader: Reader = reader
        self._noise = (
            [noise_png(picture_bytes, seed, side_px) for seed in range(NOISE_PICTURES)] if picture_bytes else []
        )
        self._drawers: list[Executor] = [
            _process() if workers else ThreadPoolExecutor(1) for _ in range(max(1, workers))
        ]
        self._reader_process = _process() if reader == "rapidocr" else self._drawers[0]
        self._facts: OrderedDict[str, Facts] = OrderedDict()
        self._drawn: OrderedDict[str, bytes] = OrderedDict()
        self._drawn_bytes = 0

    async def picture(self, drawing: Drawing) -> bytes:
        """The file of a drawing, from memory where the same was drawn lately."""
        identity = f"{drawing.identity}/{drawing.format}/{drawing.blank}/{drawing.quality}/{drawing.width_px}"
        if self._noise:
            return self._marked_noise(identity)
        if (data := self._drawn.get(identity)) is None:
            drawer = self._drawers[hash(pictures.composition(drawing)) % len(self._drawers)]
            data = await _run(drawer, partial(draw, drawing))
            self._remember(identity, data)
        return data

    async def facts(self, data: bytes, *, with_words: bool) -> Facts:
        """What is on a picture. Raises OSError or ValueError for what is none."""
        key = f"{hashlib.sha256(data).hexdigest()}/{with_words}"
        if (facts := self._facts.get(key)) is None:
            look = partial(look_at, data, self.reader, with_words=with_words)
            facts = await _run(self._reader_process if with_words else self._drawers[0], look)
            self._facts[key] = facts
            if len(self._facts) > REMEMBERED_FACTS:
                self._facts.popitem(last=False)
        return facts

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for executor in {*self._drawers, self._reader_process}:
            executor.shutdown(wait=False, cancel_futures=True)

    def _marked_noise(self, identity: str) -> bytes:
        """One of the ready pictures, with a note that makes its bytes (and hash) this drawing's own."""
        digest = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
        data = self._noise[int(digest[:4], 16) % len(self._noise)]
        return data[:33] + png.chunk(b"tEXt", b"Comment\0" + digest.encode()) + data[33:]

    def _remember(self, identity: str, data: bytes) -> None:
        if identity in self._drawn:
            return
        self._drawn[identity] = data
        self._drawn_bytes += len(data)
        while self._drawn_bytes > REMEMBERED_BYTES:
            self._drawn_bytes -= len(self._drawn.popitem(last=False)[1])


def noise_png(size_bytes: int, seed: int, side_px: int | None = None) -> bytes:
    """A square PNG of random pixels, about ``size_bytes`` long.

    With ``side_px`` so many pixels wide: patches of one colour each, or grain of a few levels. Such a picture takes as
    long to decode as a real one of its size, pure noise next to nothing.
    """
    if side_px is None:
        return _noise(size_bytes, seed, max(8, round((size_bytes / 3) ** 0.5)))
    aim = size_bytes
    for _ in range(3):  # how well it compresses shows only then
        picture = _noise(aim, seed, side_px)
        aim = aim * size_bytes // len(picture)
    return picture


def _noise(content_bytes: int, seed: int, side: int) -> bytes:
    random = np.random.default_rng(seed)
    levels = 2 ** min(8.0, 8 * content_bytes / (3 * side * side))
    if levels >= 2:
        grain = random.integers(0, round(levels), (side, side, 3), dtype=np.uint16)
        slope = np.linspace(0, 256 - round(levels), side, dtype=np.uint16)  # without it, it would look blank from afar
        pixels = (grain + slope[None, :, None]).astype(np.uint8)
    else:
        cells = max(1, round((content_bytes / 3) ** 0.5))
        patch = np.arange(side) * cells // side
        pixels = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)[patch][:, patch]
    return png.assemble(side, side, png.encode_bands(pixels))


async def _run(executor: Executor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(executor, work)


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_live_with_parent)


def _live_with_parent() -> None:
    """End with the server even when it is killed, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave() -> None:
        wait([parent.sentinel])
        os._exit(0)

    threading.Thread(target=leave, daemon=True).start()
