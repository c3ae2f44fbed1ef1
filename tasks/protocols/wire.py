"""The values between a planned call and the gateway: what is asked, what goes on the wire, what came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from catalogs.types import Billed, Json, Operation, VisionTask, WireFormat

Purpose = Literal["generate", "edit", "vision", "ocr"]
ErrorClass = Literal[
    "refused", "invalid", "auth", "quota", "rate_limited", "model_unavailable", "transient", "no_image", "unknown"
]
Stage = Literal["prompt", "output", "vision", "unspecified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """The bytes of one input picture and what they are (``png``, ``jpeg``, ``webp``)."""

    data: bytes
    format: str
    name: str = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One paid call, complete: nothing outside it decides what goes on the wire."""

    operation: Operation
    format: WireFormat
    wire_model: str
    prompt: str  # as sent, ratio tag included
    n: int = 1
    size: str | None = None
    params: Mapping[str, Json] = field(default_factory=dict)
    images: tuple[InputImage, ...] = ()
    mask: InputImage | None = None
    image_field: Literal["image", "image[]"] = "image"
    vision: VisionTask | None = None
    max_tokens: int | None = None
    json_schema: Mapping[str, Json] | None = None
    result: Literal["url", "b64", "markdown", "text"] = "url"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """What is sent: a path below the base URL, and either a JSON body or multipart fields and files."""

    path: str
    json: Mapping[str, Json] | None = None
    form: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, tuple[str, bytes, str]], ...] = ()  # field -> (file name, bytes, content type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: status, lower-case headers, the raw body; of one that is ``too_large`` only its beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    too_large: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts of a reply; None where the gateway gave none, or the 1 that gateways fill in for "unknown"."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_text_tokens: int | None = None
    input_image_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture in a reply: either a URL to fetch or the bytes themselves."""

    url: str | None = None
    data: bytes | None = None
    revised_prompt: str | None = None
    last_resort: bool = False  # taken from a download link because nothing better was there


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A usable reply: pictures (possibly more than asked for) or text."""

    pictures: tuple[Picture, ...] = ()
    text: str | None = None
    truncated: bool = False
    usage: Usage = field(default_factory=Usage)
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A reply that is no answer, or no reply at all; ``message`` is redacted and safe to store.

    ``resend``: the same request may be sent again. ``paid``: whether the gateway charged for it.
    ``reason`` is a word of the manifest's closed list (product contract, section 6).
    """

    error_class: ErrorClass
    reason: str
    resend: bool
    paid: Billed
    message: str
    http_status: int | None = None
    code: str | None = None
    stage: Stage = "unspecified"
    retry_after_s: float | None = None
    request_id: str | None = None
    max_resends: int | None = None  # None = the retry layer's own limit
    usage: Usage = field(default_factory=Usage)  # of a charged reply without an answer: a refusal by a vision model
