"""Where the words go. A run does not end because nobody reads them any more or a terminal lacks a character."""

import io
import sys
from typing import Any, TextIO


class _Unread(io.FileIO):
    """A stream whose reader may leave: what is written after that is lost, and nothing else."""

    forgives: type[OSError] = BrokenPipeError

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except self.forgives:
            return memoryview(data).nbytes


class _Unheard(_Unread):
    """The same for words that are no result: a full disk below the log takes them too."""

    forgives = OSError


def never_stop_for_words() -> None:
    """Make stdout and stderr of this process so; a closed one stays as it is."""
    sys.stdout = _over(sys.stdout, _Unread)
    sys.stderr = _over(sys.stderr, _Unheard)


def _over(stream: TextIO | None, raw: type[_Unread]) -> TextIO:
    if stream is None:
        return stream  # type: ignore[return-value]  # as Python has it where the descriptor is closed
    lines = stream is sys.stderr or stream.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding, errors="backslashreplace", line_buffering=lines, write_through=lines,
    )  # fmt: skip
