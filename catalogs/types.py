"""The frozen values that every room shares: a model, its price rule, a provider, a checked catalog row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

Json = Any  # a value of json.loads

Operation = Literal["generate", "edit", "vision"]
VisionTask = Literal["ocr", "describe", "compare", "ask"]
Outcome = Literal["succeeded", "refused", "failed", "unknown", "held", "pending"]
Billed = Literal["yes", "no", "unknown"]
WireFormat = Literal[
    "images_json",  # POST /images/generations, JSON
    "edits_multipart",  # POST /images/edits, multipart form
    "edits_json",  # POST /images/edits, JSON with images[].image_url
    "flux_json",  # POST /images/generations, JSON with input_image
    "chat_image",  # POST /chat/completions, picture in markdown
    "chat_vision",  # POST /chat/completions, text about pictures
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerImage:
    """A flat price in USD per image asked for, in a call that gave at least one; None = an edit's price is unknown."""

    usd: Decimal
    edit_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BySizeQuality:
    """A price per image looked up by (size, quality); ``""`` stands for any size or the default quality."""

    usd: Mapping[tuple[str, str], Decimal]
    edit_usd: Mapping[tuple[str, str], Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByToken:
    """USD per million tokens; ``output_tokens`` maps (size, quality) to the image tokens one picture costs.

    ``max_output_tokens`` is the most one picture costs, or the token cap of one reading; an input picture usually
    costs ``tokens_per_input_image`` and never more than ``max_tokens_per_input_image`` (None = the usual figure).
    """

    text_in: Decimal
    image_in: Decimal
    output: Decimal
    output_tokens: Mapping[tuple[str, str], int] = field(default_factory=dict)
    max_output_tokens: int
    tokens_per_input_image: int
    max_tokens_per_input_image: int | None = None


PriceRule = PerImage | BySizeQuality | ByToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price rule with where and when it was read; ``name`` is what the manifest's ``price_rule`` column shows."""

    name: str
    rule: PriceRule
    as_of: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One request parameter a model accepts: its type, and either a closed list of values or an inclusive range."""

    kind: Literal["str", "int", "float", "bool"]
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    operations: tuple[Operation, ...] = ()  # empty = every operation of the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One row of the model table. Defaults describe the plainest model; a row states only what differs."""

    id: str
    family: str
    title: str
    source: str
    price: Price | None
    aliases: tuple[str, ...] = ()
    formats: Mapping[Operation, WireFormat]
    wire_ids: Mapping[str, str] = field(default_factory=dict)  # provider name -> its spelling of the id
    sizes: tuple[str, ...] = ()  # closed list of WxH (and "auto"); empty = no size parameter
    free_sizes: bool = False  # besides ``sizes``, any WxH with sides % 16 == 0 and ratio within 1:3..3:1
    max_side_px: int = 3840  # of a free size
    max_pixels: int = 8_294_400  # of a free size
    default_size: str | None = None
    ratios: tuple[str, ...] = ()
    ratio_as: Literal["tag", "aspect_ratio"] | None = None
    max_n: int = 1
    params: Mapping[str, Param] = field(default_factory=dict)  # accepted beside prompt, model, n, size
    always_send: Mapping[str, Json] = field(default_factory=dict)
    prompt_unit: Literal["chars", "bytes", "tokens"] = "chars"
    prompt_hard_limit: int | None = None
    prompt_advised_limit: int | None = None
    image_field: Literal["image", "image[]"] = "image"
    max_images: int = 0
    image_formats: tuple[str, ...] = ("png", "jpeg", "webp")
    max_image_bytes: int = 20_000_000
    advised_image_bytes: int | None = None
    square_png_only: bool = False
    mask: Literal["alpha", "guidance", "ignored", "none"] = "none"
    result: Literal["url", "b64", "markdown", "text"] = "url"
    url_ttl_s: int | None = None
    timeout_s: float = 300.0
    rpm: int | None = None
    concurrency: int = 8
    typical_latency_s: float = 30.0  # for estimates of how long a run takes
    chinese: Literal["native", "understood"] = "understood"
    available_from: date | None = None
    retired_on: date | None = None
    replacement: tuple[str, ...] = ()
    note: str = ""

    def __hash__(self) -> int:
        return hash(self.id)  # its mappings are not hashable, and price functions are cached by model


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An OpenAI-compatible gateway: where it is and which environment variable holds its key."""

    name: str
    family: str  # part of the result key: "apiyi", "openai", "sandbox"
    base_url: str | None
    key_variable: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRef:
    """One input picture of a row, as written in the catalog."""

    kind: Literal["file", "s3", "https", "row"]
    target: str  # absolute path, URL, or the id of another row
    sample: int | None = None  # row:<id>#0 -> 0; None = all outputs of that row


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One checked catalog row. ``prompt`` is rendered (templates applied) but carries no ratio tag yet."""

    row_id: str
    row_number: int  # 1 = the first data row
    ordinal: int = 0  # position among identical requests of the catalog, so that asking twice gives two pictures
    operation: Operation
    model: str  # canonical id, or "auto:<purpose>" left for the dataset to fix
    prompt: str
    size: str | None = None
    ratio: str | None = None
    asked: tuple[str | None, str | None] = (None, None)  # size and ratio as its cells say it, whatever the model
    n: int = 1
    take: int = 1
    params: Mapping[str, Json] = field(default_factory=dict)
    images: tuple[ImageRef, ...] = ()
    mask: ImageRef | None = None
    vision: VisionTask | None = None
    ocr: bool = False
    expected_text: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong (or doubtful) in a catalog: where, what was found, what is allowed."""

    file: str
    row_number: int | None  # None = the file or its header
    column: str | None
    found: str
    allowed: str
    nearest: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = self.file if self.row_number is None else f"{self.file}, row {self.row_number}"
        column = f", column {self.column}" if self.column else ""
        nearest = f" (did you mean {self.nearest!r}?)" if self.nearest else ""
        return f"{place}{column}: found {self.found}; {self.allowed}{nearest}"
