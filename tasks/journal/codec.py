"""Segments as bytes: a header line and one JSON line per event, gzipped when large (``zcat -f`` reads both).

Unknown fields are skipped, so that a newer minor version can add some. An unknown kind of event or a newer layout is
refused: to overlook an event would mean to miscount money.
"""

import gzip
import sys
from dataclasses import dataclass, fields
from typing import Any, get_args

import orjson

from tasks.journal import events as ev
from tasks.journal.errors import JournalProblem

LAYOUT = 1
GZIP_FROM_BYTES = 32_768  # smaller ones are not worth it
_GZIP_MAGIC = b"\x1f\x8b"
_KINDS: dict[str, Any] = {kind.kind: kind for kind in get_args(ev.Event)}


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a segment.

    ``checkpoint`` is the newest segment (this one included) that begins with a checkpoint, 0 if there is none;
    ``nonce`` tells whose bytes these are when a reply was lost.
    """

    seq: int
    nonce: str
    checkpoint: int
    at: str
    owner: ev.Owner
    layout: int = LAYOUT


@dataclass(frozen=True, slots=True)
class Segment:
    """One durable step of a partition."""

    header: Header
    events: tuple[ev.Event, ...]

    @property
    def closed(self) -> bool:
        """The writer has said that it will write no more."""
        return bool(self.events) and isinstance(self.events[-1], ev.Closed)


def encode_event(event: ev.Event) -> bytes:
    """One line, without its end."""
    return b'{"kind":"%b",%b' % (event.kind.encode(), orjson.dumps(event)[1:])


def encode_segment(header: Header, lines: list[bytes]) -> bytes:
    """The bytes of a segment; the same header and lines give the same bytes. ``compressed`` is left to the caller."""
    return b"\n".join((orjson.dumps(header), *lines, b""))


def compressed(body: bytes) -> bytes:
    """The same segment in fewer bytes: about 30 ms of CPU per MB, and a tenth of the size."""
    return gzip.compress(body, 1, mtime=0)


def decode_segment(body: bytes) -> Segment:
    """What ``encode_segment`` made. Raises ``JournalProblem`` for anything else, and for newer layouts."""
    try:
        lines = (gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else body).splitlines()
        header = _header(orjson.loads(lines[0]))
        return Segment(header, tuple([decode_event(orjson.loads(line)) for line in lines[1:]]))
    except (ValueError, TypeError, KeyError, IndexError, EOFError, OSError) as error:
        raise JournalProblem(f"a journal segment cannot be read ({type(error).__name__}: {error})") from error


def decode_event(values: dict[str, Any]) -> ev.Event:
    """The event of a decoded line, or of a place in a checkpoint."""
    kind = _KINDS.get(values.pop("kind"))
    if kind is None:
        raise JournalProblem("the journal holds a kind of event that this version does not know; use a newer Printroom")
    event: ev.Event = event_of(kind, values)
    return event


def event_of(kind: Any, values: dict[str, Any]) -> Any:
    """An instance of the frozen class ``kind`` from a JSON object; fields it does not know are skipped."""
    nested = _NESTED.get(kind)
    if nested is not None:
        nested(values)
    try:
        return kind(**values)
    except TypeError:
        known = {field.name for field in fields(kind)}
        return kind(**{name: value for name, value in values.items() if name in known})


def _header(values: dict[str, Any]) -> Header:
    if values["layout"] > LAYOUT:
        raise JournalProblem(f"the journal has layout {values['layout']}, this version knows {LAYOUT}")
    owner = event_of(ev.Owner, values["owner"])
    return Header(values["seq"], values["nonce"], values["checkpoint"], values["at"], owner, values["layout"])


def _nest_opened(values: dict[str, Any]) -> None:
    values["owner"] = event_of(ev.Owner, values["owner"])


def _nest_answered(values: dict[str, Any]) -> None:
    values["pictures"] = tuple(event_of(ev.AnsweredPicture, picture) for picture in values.get("pictures", ()))


_SAME_IN_MANY = ("run_id", "catalog", "catalog_sha256", "operation", "provider", "model", "endpoint", "requested_size")


def _nest_wanted(values: dict[str, Any]) -> None:
    for name in ("input_sha256s", "waiting_for"):
        values[name] = tuple(values.get(name, ()))
    for name in _SAME_IN_MANY:  # a copy of each in every row would be a fifth of what a fold takes
        if (text := values[name]) is not None:
            values[name] = sys.intern(text)
    if values["prompt_sent"] == values["prompt"]:
        values["prompt_sent"] = values["prompt"]


def _nest_paused(values: dict[str, Any]) -> None:
    values["keys"] = tuple(values.get("keys", ()))


_NESTED: dict[Any, Any] = {
    ev.Opened: _nest_opened,
    ev.Answered: _nest_answered,
    ev.Wanted: _nest_wanted,
    ev.Paused: _nest_paused,
}
