"""How each gateway software words, wraps and numbers the same trouble (protocols.md, section 9).

``openai`` is the vendor itself; ``one-api`` and ``new-api`` are open-source gateways; ``shellapi`` is the fork that
apiyi runs. An error made by the gateway before the relay is an *abort*; one of its relay code is *relay*; one it
passes on is *upstream*.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from deployments.sandbox.settings import Flavour

Origin = Literal["abort", "relay", "upstream"]
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One error as the gateway means it; ``body`` is sent as it stands, whatever the flavour."""

    status: int
    message: str = ""
    type: str = "invalid_request_error"
    code: Any = None
    param: str | None = None
    origin: Origin = "upstream"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON_TYPE


class GatewayError(Exception):
    """Ends a request with an error reply; raised by every step of the gateway."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.message)
        self.wrong = wrong


@dataclass(frozen=True, slots=True)
class Rendered:
    """What goes on the wire for an error."""

    status: int
    headers: dict[str, str]
    body: bytes


def render(wrong: Wrong, flavour: Flavour, request_id: str) -> Rendered:
    """The reply of this flavour for an error."""
    headers = {**wrong.headers, "content-type": wrong.content_type}
    if wrong.body is not None:
        return Rendered(wrong.status, headers, wrong.body)
    return Rendered(wrong.status, headers, orjson.dumps(_WRAPPERS[flavour](wrong, request_id)))


def _openai(wrong: Wrong, _: str) -> dict[str, Any]:
    fields = {"message": wrong.message, "type": wrong.type, "param": wrong.param, "code": wrong.code}
    return {"error": fields}


def _one_api(wrong: Wrong, request_id: str) -> dict[str, Any]:
    message = f"{wrong.message} (request id: {request_id})".strip()
    if wrong.origin == "abort":
        return {"error": {"message": message, "type": "one_api_error"}}
    kind = wrong.type if wrong.origin == "upstream" else "one_api_error"
    code = wrong.code if wrong.origin == "upstream" else wrong.code or ""
    return {"error": {"message": message, "type": kind, "param": wrong.param or "", "code": code}}


def _new_api(wrong: Wrong, request_id: str) -> dict[str, Any]:
    message = f"{wrong.message} (request id: {request_id})".strip()
    if wrong.origin == "upstream":
        return {"error": {"message": message, "type": wrong.type, "param": wrong.param or "", "code": wrong.code}}
    return {"error": {"code": wrong.code or "", "message": message, "type": "new_api_error"}}


def _shellapi(wrong: Wrong, request_id: str) -> dict[str, Any]:
    message = f"{wrong.message} (request id: {request_id})".strip()
    fields = {"message": message, "type": "shell_api_error", "param": wrong.param or "", "code": wrong.code or ""}
    return {"status_code": wrong.status, "error": {**fields, "localized_message": wrong.message}}


_WRAPPERS = {"openai": _openai, "one-api": _one_api, "new-api": _new_api, "shellapi": _shellapi}


def reply_headers(flavour: Flavour, request_id: str, *, reverse_model: bool, took_ms: int) -> dict[str, str]:
    """The headers this flavour puts on every reply (section 9.2)."""
    if flavour == "openai":
        return {
            "x-request-id": f"req_{request_id}",
            "openai-processing-ms": str(took_ms),
            "openai-organization": "org-sandbox",
            "openai-version": "2020-10-01",
        }
    if flavour == "new-api":
        return {"x-oneapi-request-id": request_id, "x-new-api-version": "v0.9.9"}
    if flavour == "one-api":
        return {"x-oneapi-request-id": request_id}
    return {"request-id" if reverse_model else "x-request-id": request_id}
