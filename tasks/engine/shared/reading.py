"""Reading text back from pictures: the free local engine in worker processes, and the character error rate's input.

The local engine is rapidocr (PP-OCR models inside its wheel; nothing is downloaded). One picture costs about 1.2
CPU-seconds, so it runs beside the event loop, in as many processes as there are cores to spare.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from tasks.journal.fold import KeyState

log = logging.getLogger("printroom")
LOCAL_READER = "local:rapidocr"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader saw: ``status`` is text, no_text, refused or failed; ``confidence`` 0..1, mean over the lines."""

    status: str
    text: str | None
    confidence: float | None = None


def reading_key(state: KeyState, sample: int, model: str) -> str:
    """The key of a paid reading; that of a picture which replaces one given up names the attempt that brought it.

    Only older versions gave pictures up. Without the number the text of the old one would be found for the new one.
    """
    assert state.answer is not None
    key = f"{state.key}/{sample}/ocr/{model}"
    answers = [a.state for a in state.attempts.values()].count("answered")
    if state.former or answers == [a.state for a in state.counted_attempts()].count("answered"):
        return key
    return f"{key}@{state.attempts[state.answer.attempt].intent.number}"


class Reader:
    """The local engine behind a process pool that starts with the first picture."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or max(1, (os.cpu_count() or 2) - 1)
        self._pool: ProcessPoolExecutor | None = None
        self._slots = asyncio.Semaphore(self._workers)  # waiting pictures stay outside the pool's pickled queue

    async def read(self, data: bytes) -> Reading:
        """The text of one picture, lines joined by newlines from top to bottom; lines of signs alone are left out."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=_die_quietly)
        async with self._slots:
            try:
                lines = await asyncio.get_running_loop().run_in_executor(self._pool, _read_lines, data)
            except BrokenProcessPool:  # the engine ran out of memory: the next picture gets a new one
                self._pool, lines = None, None
        if lines is None:
            return Reading("failed", None)
        text = "\n".join(text for text, _ in lines)
        if not text.strip():
            return Reading("no_text", None)
        return Reading("text", text, round(sum(score for _, score in lines) / len(lines), 4))

    def close(self) -> None:
        """Stop the worker processes; readings still queued are dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


_engine: Any = None


def _die_quietly() -> None:
    """Leave Ctrl-C to the parent, which drains first; and die with it, however it goes (Linux)."""
    import ctypes
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _read_lines(data: bytes) -> list[tuple[str, float]] | None:
    """(text, confidence) of each line that has a letter or digit, or None if the engine could not read the picture.

    Lines without one are drawings: windows come as ``■``, the edge of a panel as ``_`` or ``–``.
    """
    global _engine  # noqa: PLW0603 - one engine per worker process: loading its models takes a second
    if _engine is None:
        from rapidocr import RapidOCR

        _engine = RapidOCR(params={"Global.log_level": "error"})
    try:
        result = _engine(data)
    except Exception as error:  # noqa: BLE001 - whatever stops the engine, the picture was not read: that is a status
        log.warning("the local engine could not read a picture: %s", error)
        return None
    if result is None or result.txts is None:
        return []
    lines = zip(result.txts, result.scores, strict=True)
    return [(text, float(score)) for text, score in lines if any(char.isalnum() for char in text)]
