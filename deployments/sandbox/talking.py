"""Chat replies for one admitted request: a picture in markdown, or words about pictures."""

from typing import Any

import orjson

from deployments.sandbox import families, vision
from deployments.sandbox.bill import Usage
from deployments.sandbox.chat_replies import PICTURE_CONTENT, TEXT_CONTENT, chat_usage, completion
from deployments.sandbox.exchange import Exchange
from deployments.sandbox.flavours import GatewayError
from deployments.sandbox.gateway import FORBIDDEN, Gateway, usage_json
from deployments.sandbox.making import make_pictures, shown
from deployments.sandbox.settings import now_s
from deployments.sandbox.wording import wrong

DEFAULT_MAX_TOKENS = 4_096


async def picture_reply(gateway: Gateway, exchange: Exchange) -> dict[str, Any]:
    """A chat completion that shows a picture, in the variant that is switched on (V1 by default)."""
    made = await make_pictures(gateway, exchange)
    gateway.settle(exchange, delivered=len(made))
    show = shown(gateway, exchange, made)
    if exchange.fired.has("chat_images_body"):
        data = [{"url": url} for url in show.urls]
        return {"created": int(now_s()), "data": data, "usage": usage_json(exchange.usage)}
    name = _variant(exchange)
    content = TEXT_CONTENT[name] if name in TEXT_CONTENT else PICTURE_CONTENT[name](show)
    usage = chat_usage(exchange.usage.input_text, exchange.usage.output)
    body = completion(str(exchange.ask.wire_model), exchange.id, int(now_s()), content, usage)
    return _emptied(exchange, body)


def _variant(exchange: Exchange) -> str:
    names = exchange.fired.names
    return next((name for name in names if name in PICTURE_CONTENT or name in TEXT_CONTENT), "chat_plain")


def _emptied(exchange: Exchange, body: dict[str, Any]) -> dict[str, Any]:
    if exchange.fired.has("no_choices"):
        body["choices"] = []
    return body


async def vision_reply(gateway: Gateway, exchange: Exchange) -> dict[str, Any]:
    """A chat completion about the pictures of the request, with the token counts of section 8."""
    ask, model, fired = exchange.ask, exchange.model, exchange.fired
    try:
        facts = [await gateway.studio.facts(data, with_words=True) for data in exchange.inputs]
    except (OSError, ValueError) as error:
        raise GatewayError(wrong("invalid_image_file", gateway.settings.flavour, index=1)) from error
    await gateway.wait(exchange)
    refused = fired.has("vision_refusal") or FORBIDDEN.search(ask.prompt)
    text = vision.REFUSAL if refused or fired.has("vision_refusal_text") else _text(exchange, facts)
    text, finish = _cut(text, exchange)
    if fired.has("text_empty") or fired.has("vision_content_filter"):
        text, finish = "", "content_filter" if fired.has("vision_content_filter") else "stop"
    details = _details(ask.fields)
    pictures = sum(
        families.vision_tokens(model, one.width_px, one.height_px, details[index] if index < len(details) else "high")
        for index, one in enumerate(exchange.seen)
    )
    words = families.text_tokens(ask.prompt) + 8
    exchange.usage = Usage(input_text=words, input_image=pictures, output=max(2, families.text_tokens(text)))
    gateway.settle(exchange, delivered=1)
    usage = chat_usage(words + pictures, exchange.usage.output, pictures)
    message = {"refusal": text if refused else None, "finish_reason": finish}
    content = None if refused else text
    return _emptied(exchange, completion(str(ask.wire_model), exchange.id, int(now_s()), content, usage, **message))


def _details(fields: Any) -> list[str]:
    parts = next((m.get("content") for m in reversed(fields["messages"]) if m.get("role") == "user"), None)
    if not isinstance(parts, list):
        return []
    pictures = [part["image_url"] for part in parts if part.get("type") == "image_url"]
    return [(one.get("detail") if isinstance(one, dict) else None) or "high" for one in pictures]


def _text(exchange: Exchange, facts: list[Any]) -> str:
    ask, fired = exchange.ask, exchange.fired
    wanted = ask.fields.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in ("json_schema", "json_object") or fired.has("json_ignored"):
        return vision.answer(ask.prompt, facts)
    if fired.has("json_invalid"):
        return '{"unexpected": true}'
    named = wanted.get("json_schema") if isinstance(wanted, dict) else None
    schema = named.get("schema") if isinstance(named, dict) else None
    schema = schema or {"type": "object", "properties": {"text": {"type": "string"}, "description": {"type": "string"}}}
    text = orjson.dumps(vision.answer_json(schema, ask.prompt, facts)).decode()
    return f"Here is the result:\n```json\n{text}\n```" if fired.has("json_fenced") else text


def _cut(text: str, exchange: Exchange) -> tuple[str, str]:
    """The text within the token cap, and why it ends."""
    fields = exchange.ask.fields
    limit = fields.get("max_completion_tokens") or fields.get("max_tokens") or DEFAULT_MAX_TOKENS
    limit = limit if isinstance(limit, int) else DEFAULT_MAX_TOKENS
    if exchange.fired.has("vision_length"):
        limit = min(limit, max(1, families.text_tokens(text) // 2))
    if families.text_tokens(text) <= limit:
        return text, "stop"
    while families.text_tokens(text) > limit:
        text = text[: -max(1, len(text) // 50)]
    return text, "length"
