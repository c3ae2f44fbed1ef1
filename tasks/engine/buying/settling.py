"""A raw reply becomes a journal event: an answer with its pictures safe, a rejection, or an unknown.

The blob that is spooled and may wait in ``late/`` carries its own context, so any process can settle it later.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from catalogs import prices
from catalogs.types import Model
from tasks.engine.buying.url_life import expiry
from tasks.engine.planning.table import ModelTable
from tasks.engine.shared.keeping import PATIENCE_S, answer_tag, keep_image
from tasks.journal import events as ev
from tasks.protocols.formats import parse
from tasks.protocols.redact import PATTERNS, Redactor
from tasks.protocols.wire import Answer, Call, Failure, Picture, Reply, Usage
from tasks.storage.containers import BadImage
from tasks.storage.inspect import ImageFacts, Inspector
from tasks.storage.store import Store

_LARGEST_ERROR_BYTES = 65_536
Retries = Callable[[ev.Intent, Failure], bool]


def now() -> str:
    """The present, UTC, as events carry it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """What is needed to read a reply without the row that asked for it."""

    operation: str
    format: str
    result: str
    vision: str | None
    n: int
    size: str | None
    quality: str | None
    inputs: int
    received_at: str
    queue_ms: int
    generate_ms: int
    price: tuple[str, ...] | None = None  # what the call was bought at; None = an earlier release did not say


def encode_reply(context: ReplyContext, reply: Reply) -> bytes:
    """One JSON line of context, status and headers, then the raw body."""
    fields = asdict(context)
    price = fields.pop("price")  # beside the others, since earlier releases take no field they do not know among them
    head = {"context": fields, "price": price, "status": reply.status, "headers": dict(reply.headers)}
    head["too_large"] = reply.too_large
    return b"\n".join((orjson.dumps(head), reply.body))


def decode_reply(blob: bytes) -> tuple[ReplyContext, Reply]:
    """The inverse of ``encode_reply``."""
    head, _, body = blob.partition(b"\n")
    fields: dict[str, Any] = orjson.loads(head)
    price, too_large = fields.get("price"), fields.get("too_large", False)  # earlier releases did not say
    reply = Reply(status=fields["status"], headers=fields["headers"], body=body, too_large=too_large)
    return ReplyContext(**fields["context"], price=None if price is None else tuple(price)), reply


class Settler:
    """Reads replies. Pictures that come inside a reply are stored before the answer is recorded."""

    def __init__(
        self,
        store: Store,
        table: ModelTable,
        inspector: Inspector,
        redactor: Redactor = PATTERNS,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._store, self._table, self._inspector, self._redactor = store, table, inspector, redactor
        self._patience_s = patience_s
        self.will_retry: Retries = _resend
        self._seen: dict[tuple[str, str], tuple[ReplyContext, Answer | Failure]] = {}

    def look(self, intent: ev.Intent, context: ReplyContext, reply: Reply) -> Failure | None:
        """What a reply that has just come means for the calls behind it; it is settled when it is safe.

        What was read is kept for that, so that no reply is read twice; one with a picture inside is left for then.
        """
        if reply.status < 400 and len(reply.body) > _LARGEST_ERROR_BYTES:
            return None
        parsed = parse(reply, _call(context), self._redactor)
        self._seen[intent.key, intent.attempt] = context, parsed
        return parsed if isinstance(parsed, Failure) else None

    async def __call__(self, intent: ev.Intent, blob: bytes) -> ev.Answered | ev.Rejected | ev.Unknown:
        """The event for one reply to ``intent``."""
        seen = self._seen.pop((intent.key, intent.attempt), None)
        if seen is None:
            context, reply = decode_reply(blob)
            seen = context, parse(reply, _call(context), self._redactor)
        context, parsed = seen
        if isinstance(parsed, Failure):
            return self._failed(intent, context, parsed)
        return await self._answered(intent, context, parsed)

    async def _answered(self, intent: ev.Intent, context: ReplyContext, answer: Answer) -> ev.Answered:
        model = self._table.get(intent.model)
        pictures = tuple(
            [
                await self._picture(picture, model, context.received_at, answer_tag(intent.key, intent.attempt, index))
                for index, picture in enumerate(answer.pictures)
            ]
        )
        usage = answer.usage
        cost = _charged(model, context, usage, len(pictures) if context.operation != "vision" else 1)
        return ev.Answered(
            at=context.received_at,
            key=intent.key,
            attempt=intent.attempt,
            pictures=pictures,
            text=answer.text,
            truncated=answer.truncated,
            revised_prompt=next((p.revised_prompt for p in answer.pictures if p.revised_prompt), None),
            request_id=answer.request_id,
            cost_micros=cost,
            billed="yes",
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            queue_ms=context.queue_ms,
            generate_ms=context.generate_ms,
        )

    async def _picture(self, picture: Picture, model: Model, received_at: str, tag: str) -> ev.AnsweredPicture:
        if picture.data is None:
            dies_at = expiry(picture.url or "", received_at, model.url_ttl_s)
            return ev.AnsweredPicture(url=picture.url, expires_at=dies_at)
        try:
            facts = await self._inspector.inspect(picture.data)
        except BadImage as error:
            return ev.AnsweredPicture(bad=error.reason)
        key = await keep_image(self._store, facts, tag, patience_s=self._patience_s)
        return ev.AnsweredPicture(stored=stored_fields(facts, key))

    def _failed(self, intent: ev.Intent, context: ReplyContext, failure: Failure) -> ev.Rejected | ev.Unknown:
        if failure.error_class == "unknown":
            return ev.Unknown(
                at=context.received_at, key=intent.key, attempt=intent.attempt, reason=failure.reason,
                http_status=failure.http_status, message=failure.message,
            )  # fmt: skip
        return ev.Rejected(
            at=context.received_at,
            key=intent.key,
            attempt=intent.attempt,
            error_class=failure.error_class,
            reason=failure.reason,
            final=not self.will_retry(intent, failure),
            stage=failure.stage,
            http_status=failure.http_status,
            message=failure.message,
            request_id=failure.request_id,
            cost_micros=self._cost_of(intent, context, failure),
            billed=failure.paid,
            queue_ms=context.queue_ms,
            generate_ms=context.generate_ms,
        )

    def _cost_of(self, intent: ev.Intent, context: ReplyContext, failure: Failure) -> int | None:
        """What a charged reply without an answer cost: by its usage or its price, else its worst case."""
        if failure.paid != "yes":
            return 0 if failure.paid == "no" else None
        known = _charged(self._table.get(intent.model), context, failure.usage, 1)
        return intent.cap_micros if known is None else known


def _charged(model: Model, context: ReplyContext, usage: Usage, delivered: int) -> int | None:
    """What the reply was billed in micro-dollars, at the price the call was bought at; None if it does not tell."""
    if context.price is not None:
        model = prices.at_quote(model, context.price)
    return prices.charged_micros(
        model,
        operation=context.operation,  # type: ignore[arg-type]  # written by us from an Operation
        delivered=delivered,
        requested_n=context.n,
        size=context.size,
        quality=context.quality,
        input_images=context.inputs,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        input_text_tokens=usage.input_text_tokens,
        input_image_tokens=usage.input_image_tokens,
    )


def _resend(_intent: ev.Intent, failure: Failure) -> bool:
    """What is known of a late answer: nobody waits to send it again, but the next run may."""
    return failure.resend


def stored_fields(facts: ImageFacts, key: str) -> dict[str, Any]:
    """The fields of a ``stored`` event that the picture itself tells."""
    return {
        "image_key": key,
        "sha256": facts.sha256,
        "phash": facts.phash,
        "format": facts.format,
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "size_bytes": facts.size_bytes,
        "has_c2pa": facts.has_c2pa,
        "blank": facts.blank,
    }


def _call(context: ReplyContext) -> Call:
    """As much of the call as reading its reply takes."""
    return Call(
        operation=context.operation,  # type: ignore[arg-type]  # written by us from an Operation
        format=context.format,  # type: ignore[arg-type]  # written by us from a WireFormat
        wire_model="",
        prompt="",
        n=context.n,
        vision=context.vision,  # type: ignore[arg-type]  # written by us from a VisionTask
        result=context.result,  # type: ignore[arg-type]  # written by us from a Model
    )
