"""A checked catalog row becomes a request: what is sent, and the key that says "the same picture"."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from catalogs.answers import JSON_SCHEMA
from catalogs.keys import call_key
from catalogs.types import Json, Model, Operation, Row
from tasks.journal.events import Wanted
from tasks.protocols.prompting import vision_prompt, with_ratio_tag

VISION_MAX_TOKENS = 1024

_ENDPOINTS = {
    "images_json": "/images/generations",
    "flux_json": "/images/generations",
    "edits_multipart": "/images/edits",
    "edits_json": "/images/edits",
    "chat_image": "/chat/completions",
    "chat_vision": "/chat/completions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogOrigin:
    """Where rows come from: the catalog's name and the sha256 of its file."""

    name: str
    sha256: str


def endpoint_of(model: Model, operation: Operation) -> str:
    """The path below the base URL that ``model`` takes ``operation`` at."""
    return _ENDPOINTS[model.formats[operation]]


def sent_prompt(row: Row, model: Model) -> str:
    """The prompt as it goes on the wire: the question of a vision row, or the text with its ratio tag last."""
    if row.operation == "vision":
        return vision_prompt(row.vision or "ask", row.prompt, schema=row.params.get(JSON_SCHEMA))
    if row.ratio and model.ratio_as == "tag":
        return with_ratio_tag(row.prompt, row.ratio)
    return row.prompt


def sent_params(row: Row, model: Model) -> dict[str, Json]:
    """Every parameter beside prompt, model and n: the row's own, the model's fixed ones, size or ratio."""
    params: dict[str, Json] = {**model.always_send, **row.params}
    if row.operation == "vision":
        params.setdefault("max_tokens", VISION_MAX_TOKENS)
        return params
    if row.ratio and model.ratio_as == "aspect_ratio":
        params["aspect_ratio"] = row.ratio
    size = row.size or model.default_size
    if size and (model.sizes or model.free_sizes):
        params["size"] = size
    return params


def build_wanted(
    row: Row,
    model: Model,
    provider_family: str,
    origin: CatalogOrigin,
    *,
    run_id: str,
    take: int,
    input_sha256s: Sequence[str] | None,
    mask_sha256: str | None = None,
    waiting_for: tuple[str, ...] = (),
) -> Wanted:
    """What the row asks for. ``input_sha256s`` None = an input is not there yet: no key, it waits."""
    params = sent_params(row, model)
    said: dict[str, Any] = {
        "samples": row.n, "operation": row.operation, "provider": provider_family, "model": model.id, "take": take,
        "prompt_sent": sent_prompt(row, model), "params": params, "input_sha256s": tuple(input_sha256s or ()),
        "mask_sha256": mask_sha256, "vision": row.vision,
    }  # fmt: skip
    key = None if input_sha256s is None else _key(ordinal=row.ordinal, **said)
    tags = dict(row.tags)
    return Wanted(
        at="",
        run_id=run_id,
        catalog=origin.name,
        catalog_sha256=origin.sha256,
        row_id=row.row_id,
        row_number=row.row_number,
        key=key,
        digest=_digest(key, row.n, row.ocr, row.expected_text, tags, row.prompt, waiting_for),
        endpoint=endpoint_of(model, row.operation),
        prompt=row.prompt,
        requested_size=_requested_size(row, params),
        ocr=row.ocr,
        expected_text=row.expected_text,
        tags=tags,
        waiting_for=waiting_for,
        **said,
    )


def key_of(wanted: Wanted, ordinal: int) -> str:
    """The key of the call that ``wanted`` asks for: the same for the same request, take and ordinal."""
    return _key(
        ordinal=ordinal, operation=wanted.operation, vision=wanted.vision, model=wanted.model, provider=wanted.provider,
        prompt_sent=wanted.prompt_sent, params=wanted.params, samples=wanted.samples, take=wanted.take,
        input_sha256s=wanted.input_sha256s, mask_sha256=wanted.mask_sha256,
    )  # fmt: skip


def digest_of(wanted: Wanted) -> str:
    """16 hex digits over what a new ``wanted`` event would change; not over run, row number or file hash."""
    return _digest(
        wanted.key, wanted.samples, wanted.ocr, wanted.expected_text, wanted.tags, wanted.prompt, wanted.waiting_for
    )


def _key(
    *,
    operation: str,
    vision: str | None,
    model: str,
    provider: str,
    prompt_sent: str,
    params: dict[str, Json],
    samples: int,
    input_sha256s: Sequence[str],
    mask_sha256: str | None,
    take: int,
    ordinal: int,
) -> str:
    return call_key(
        {
            "operation": operation,
            "vision": vision,
            "model": model,
            "provider": provider,
            "prompt": prompt_sent,
            "params": params,
            "n": samples,
            "inputs": list(input_sha256s),
            "mask": mask_sha256,
            "take": take,
            "ordinal": ordinal,
        }
    )


def _digest(*same: object) -> str:
    return hashlib.sha256(orjson.dumps(same, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _requested_size(row: Row, params: dict[str, Json]) -> str | None:
    ratio = row.ratio or _text(params.get("aspect_ratio"))
    return row.size or ratio or _text(params.get("size"))


def _text(value: Json) -> str | None:
    return None if value is None else str(value)
