"""The bytes of a catalog file before anything is read from them: what kind they are, how they are encoded, their hash.

Guessing an encoding wrongly would buy pictures of garbled prompts, so UTF-8 must be valid to the last byte, GBK/GB18030
is taken only when it reads as Chinese (and is announced by a warning), and everything else is refused.
"""

import codecs
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from catalogs.problems import Complaint, shown

CHUNK_BYTES = 1 << 20
SPOOL_BYTES = 8 << 20
_SAMPLE_BYTES = 1 << 18
_EVERYDAY = frozenset((0xA1, 0xA2, 0xA3, *range(0xB0, 0xD8)))  # lead bytes: punctuation, full width, level 1
_SAVE_AS = "save the table as CSV in UTF-8"
_FOREIGN_STARTS = (
    (b"\xff\xfe\x00\x00", "a UTF-32 file", _SAVE_AS),
    (b"\xff\xfe", "a UTF-16 file", _SAVE_AS),
    (b"\xfe\xff", "a UTF-16 file", _SAVE_AS),
    (b"PK\x03\x04", "an Excel workbook or zip file", _SAVE_AS),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _SAVE_AS),
    (b"\x1f\x8b", "a gzip file", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it first"),
    (b"%PDF", "a PDF file", _SAVE_AS),
    (b"\x89PNG", "a PNG picture", "a catalog is CSV or Parquet"),
    (b"\xff\xd8\xff", "a JPEG picture", "a catalog is CSV or Parquet"),
)


@dataclass(slots=True)
class Inspected:
    """What one pass over the bytes says. ``complaint`` set and ``fatal``: nothing can be read from the file."""

    sha256: str
    size_bytes: int
    kind: Literal["csv", "parquet"]
    encoding: str = "utf-8-sig"
    has_nul: bool = False
    has_quote: bool = False
    complaint: Complaint | None = None

    @property
    def fatal(self) -> bool:
        """Whether the file cannot be read at all."""
        return self.complaint is not None and self.complaint.severity == "error"


def seekable(source: BinaryIO) -> BinaryIO:
    """``source`` itself, or a copy of what is left of it (on disk from 8 MB) if it cannot be read twice."""
    if source.seekable():
        return source
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - lives as long as the reading
    while chunk := source.read(CHUNK_BYTES):
        spool.write(chunk)
    return spool  # type: ignore[return-value] # typeshed: it is an IO[bytes] with every method of BinaryIO


def inspect_bytes(source: BinaryIO) -> Inspected:
    """Kind, encoding and sha256 of the whole file, read once from its start (twice if it is not UTF-8)."""
    source.seek(0)
    sha256 = hashlib.sha256()
    utf8 = _Utf8Check()
    inspected = Inspected("", 0, "csv")
    for chunk in _chunks(source):
        if not inspected.size_bytes:
            inspected.kind = "parquet" if chunk.startswith(b"PAR1") else "csv"
            inspected.complaint = _foreign(chunk)
        sha256.update(chunk)
        inspected.size_bytes += len(chunk)
        if inspected.kind == "csv" and not inspected.fatal:
            utf8.feed(chunk)
            inspected.has_nul = inspected.has_nul or b"\0" in chunk
            inspected.has_quote = inspected.has_quote or b'"' in chunk
    inspected.sha256 = sha256.hexdigest()
    if inspected.kind == "csv" and not inspected.fatal:
        utf8.end()
        _settle(source, inspected, utf8)
    return inspected


class _Utf8Check:
    """Finds the first byte that is not UTF-8, and the line (1 = the first) it stands in."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self.line = 1
        self.bad_byte: int | None = None
        self.bom = False
        self._started = False

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        if not self._started:
            self._started, self.bom = True, chunk.startswith(codecs.BOM_UTF8)
        if self.bad_byte is not None:
            return
        kept = self._decoder.getstate()[0]
        try:
            self._decoder.decode(chunk, final)
            self.line += chunk.count(b"\n")
        except UnicodeDecodeError as error:
            data = kept + chunk
            self.bad_byte = data[error.start]
            self.line += data.count(b"\n", 0, error.start)

    def end(self) -> None:
        self.feed(b"", final=True)


def _settle(source: BinaryIO, inspected: Inspected, utf8: _Utf8Check) -> None:
    if not inspected.size_bytes:
        inspected.complaint = Complaint(None, "an empty file", "a header row and one row per request", kind="empty")
    elif utf8.bad_byte is None and not inspected.has_nul:
        return
    elif inspected.has_nul and (utf8.bad_byte is not None or _nul_share(source) > 0.05):
        inspected.complaint = Complaint(None, "a UTF-16 or binary file", _SAVE_AS, kind="encoding")
    elif utf8.bad_byte is not None:
        chinese = None if utf8.bom else _as_chinese(source)
        inspected.encoding = "gb18030"
        found = f"byte 0x{utf8.bad_byte:02X} in line {utf8.line:,}, which is not UTF-8"
        inspected.complaint = Complaint(None, found, f"UTF-8 or GBK/GB18030 text: {_SAVE_AS}", kind="encoding")
        if chinese is not None:
            allowed = "check that this reads right; UTF-8 needs no guessing"
            found = f"GBK/GB18030 text such as {shown(chinese, 20)}"
            inspected.complaint = Complaint(None, found, allowed, severity="warning", kind="encoding")


def _as_chinese(source: BinaryIO) -> str | None:
    """The first Chinese words of the file read as GB18030, or None if it is something else."""
    decoder = codecs.getincrementaldecoder("gb18030")("strict")
    sample = ""
    raw = b""
    source.seek(0)
    try:
        for chunk in _chunks(source):
            text = decoder.decode(chunk)
            if len(sample) < _SAMPLE_BYTES:
                sample += "".join(c for c in text if c > "\x7f")[:_SAMPLE_BYTES]
                raw += chunk[: max(0, 4 * _SAMPLE_BYTES - len(raw))]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return sample[:20] if _reads_as_chinese(sample) and not _is_broken_utf8(raw) else None


def _reads_as_chinese(letters: str) -> bool:
    """Mostly everyday characters and punctuation of GB 2312. Other languages' bytes read as GBK fall outside it."""
    coded = [letter.encode("gb18030") for letter in letters]
    common = sum(len(pair) == 2 and pair[0] in _EVERYDAY and pair[1] >= 0xA1 for pair in coded)
    private = sum("\ue000" <= letter <= "\uf8ff" for letter in letters)
    return 2 * common >= len(letters) and not private


def _is_broken_utf8(raw: bytes) -> bool:
    """True if most of the letters are good UTF-8: a damaged UTF-8 file, which GB18030 would garble.

    Of GBK's two-byte letters about one in five is by chance a letter of UTF-8 too.
    """
    text = raw.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) - bad >= 2 * bad


def _nul_share(source: BinaryIO) -> float:
    source.seek(0)
    start = source.read(4096)
    return start.count(b"\0") / max(1, len(start))


def _foreign(start: bytes) -> Complaint | None:
    for magic, what, advice in _FOREIGN_STARTS:
        if start.startswith(magic):
            return Complaint(None, what, advice, kind="encoding")
    return None


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while chunk := source.read(CHUNK_BYTES):
        yield chunk
