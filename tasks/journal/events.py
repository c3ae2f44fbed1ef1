"""The events of a partition's journal: what was wanted, intended, answered, stored. One frozen class each.

Money is in micro-dollars (int), times are ISO 8601 UTC strings with microseconds, durations in milliseconds.
Fields may be added, with a default; none is ever removed or changes its meaning (old readers skip unknown fields).
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Billed = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who writes: enough to prove on the same host that the process is gone."""

    token: str  # random, new for each process
    run_id: str
    host: str
    boot_id: str
    pid_ns: str
    pid: int
    started: str  # the process's start time as the kernel tells it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A catalog row asks for the result(s) of one call. The newest event of (catalog, row_id, take, key) counts.

    ``key`` is the call's key: 64 hex digits whose leading 32 bits choose the partition; None while the row waits for
    the output of ``waiting_for``. Sample i of the call has the result key ``result_key(key, i)``.
    """

    kind: ClassVar[str] = "wanted"
    at: str
    run_id: str
    catalog: str
    catalog_sha256: str
    row_id: str
    row_number: int
    take: int
    key: str | None
    digest: str  # of everything below: a plan compares it and writes a new event only when it differs
    samples: int
    operation: str
    provider: str
    model: str
    endpoint: str
    prompt: str
    prompt_sent: str
    params: dict[str, Any]
    requested_size: str | None
    input_sha256s: tuple[str, ...] = ()
    mask_sha256: str | None = None
    vision: str | None = None
    ocr: bool = False
    expected_text: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    waiting_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """The row was edited, retaken or removed from its catalog: its results stay, but are no longer current."""

    kind: ClassVar[str] = "unwanted"
    at: str
    run_id: str
    catalog: str
    row_id: str
    take: int
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """``owner`` has taken the partition over; intents it declares unknown follow in the same segment."""

    kind: ClassVar[str] = "opened"
    at: str
    owner: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A paid call is about to be made. One intent, one POST."""

    kind: ClassVar[str] = "intent"
    at: str
    key: str
    attempt: str  # "<number>-<owner token>", unique per key
    number: int  # 1, 2, 3… among the attempts of this key
    purpose: str  # generate | edit | vision | ocr
    run_id: str
    catalog: str  # the row that pays; other rows with this key reuse
    row_id: str
    take: int
    provider: str
    model: str
    endpoint: str
    samples: int
    cap_micros: int  # the most this attempt can cost
    price_rule: str = ""
    price_as_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """The intent's POST was never sent and never will be: it is not an attempt."""

    kind: ClassVar[str] = "withdrawn"
    at: str
    key: str
    attempt: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredPicture:
    """One picture of an answer: a URL with its deadline, or the image that came inside the reply, already stored."""

    url: str | None = None
    expires_at: str | None = None
    stored: dict[str, Any] | None = None  # fields of ``Stored`` but key and sample_index, when it came as bytes
    bad: str | None = None  # came inside the reply and is no usable picture: why


NO_PICTURE = AnsweredPicture()  # the place of a picture that did not come, before one that is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The gateway answered an attempt, and the answer is safe."""

    kind: ClassVar[str] = "answered"
    at: str
    key: str
    attempt: str
    pictures: tuple[AnsweredPicture, ...] = ()
    text: str | None = None
    truncated: bool = False
    revised_prompt: str | None = None
    http_status: int = 200
    request_id: str | None = None
    cost_micros: int | None = None  # None = the reply does not tell
    billed: Billed = "yes"
    input_tokens: int | None = None
    output_tokens: int | None = None
    queue_ms: int = 0
    generate_ms: int = 0
    late: bool = False  # came from the spool or from late/


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The gateway answered an attempt with something that is no answer. ``final``: not to be sent again by itself."""

    kind: ClassVar[str] = "rejected"
    at: str
    key: str
    attempt: str
    error_class: str
    reason: str
    final: bool
    stage: str = "unspecified"
    http_status: int | None = None
    message: str = ""
    request_id: str | None = None
    cost_micros: int | None = 0
    billed: Billed = "no"
    queue_ms: int = 0
    generate_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody can say what became of an attempt. It may have cost up to the intent's cap."""

    kind: ClassVar[str] = "unknown"
    at: str
    key: str
    attempt: str
    reason: str  # timeout | connection_lost | gateway_timeout | crash | malformed_reply
    http_status: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A picture of the answer is in the store under its content key."""

    kind: ClassVar[str] = "stored"
    at: str
    key: str
    sample_index: int
    image_key: str
    sha256: str
    phash: str
    format: str
    width_px: int
    height_px: int
    size_bytes: int
    has_c2pa: bool
    blank: bool = False
    source_url: str | None = None  # without query string
    url_expires_at: str | None = None
    seconds_to_spare: float | None = None
    download_ms: int = 0
    store_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The text of a stored picture as ``reader`` sees it. A newer reading of the same sample replaces it."""

    kind: ClassVar[str] = "read"
    at: str
    key: str
    sample_index: int
    reader: str  # "local" engine name, or a model id
    status: str  # text | no_text | refused | failed
    text: str | None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The key is not bought again by itself: too many attempts without an outcome, or the user said hold."""

    kind: ClassVar[str] = "held"
    at: str
    key: str
    reason: str  # attempts_exhausted | on_unknown_hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A user asked for a held, refused or failed key again (``--only``, ``--rows``): it may be bought once more.

    ``keeps_pictures``: what is stored of a failed call stays. Older versions do not say so, and gave it up.
    """

    kind: ClassVar[str] = "released"
    at: str
    key: str
    run_id: str
    keeps_pictures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Nothing more happens to the key by itself: ``succeeded``, or ``failed`` after an answer (its bytes are lost)."""

    kind: ClassVar[str] = "finished"
    at: str
    key: str
    outcome: str  # succeeded | failed
    reason: str | None = None
    run_id: str = ""
    answer_text: str | None = None  # of an answer that was to follow a schema: the one that counts
    answer_json: str | None = None  # its value, if it does follow it


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The run stopped before these keys' turn: budget | provider_stopped | interrupted. Empty keys = all pending."""

    kind: ClassVar[str] = "paused"
    at: str
    reason: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The whole fold of everything before this event."""

    kind: ClassVar[str] = "checkpoint"
    at: str
    fold: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The owner is done with the partition and will write no more."""

    kind: ClassVar[str] = "closed"
    at: str
    owner_token: str


Event = (
    Wanted | Unwanted | Opened | Intent | Withdrawn | Answered | Rejected | Unknown | Stored | Read | Held | Released
    | Finished | Paused | Checkpoint | Closed
)  # fmt: skip
