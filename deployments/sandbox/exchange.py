"""One request on its way through the gateway, and the line it leaves in the log."""

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from catalogs.types import Model, Operation
from deployments.sandbox.asks import Ask
from deployments.sandbox.bill import Usage
from deployments.sandbox.checks import Seen
from deployments.sandbox.families import Family, family_of
from deployments.sandbox.settings import now_s
from deployments.sandbox.switch import Fired

LOG_LINES = 200_000


@dataclass(slots=True)
class Exchange:
    """What is known of one request so far."""

    request: web.Request
    ask: Ask
    fired: Fired
    key: str = ""
    known_model: Model | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    started_s: float = field(default_factory=now_s)
    usage: Usage = field(default_factory=Usage)
    charged_micros: int = 0
    n: int = 1
    inputs: list[bytes] = field(default_factory=list)
    mask: bytes | None = None
    seen: list[Seen] = field(default_factory=list)

    @property
    def model(self) -> Model:
        """The model asked for; only to be used once the gateway has found a channel for it."""
        assert self.known_model is not None
        return self.known_model

    @property
    def family(self) -> Family:
        """The family of that model."""
        return family_of(self.model)

    @property
    def operation(self) -> Operation:
        """What is being bought."""
        vision = self.known_model is not None and self.family.name == "vision"
        return "vision" if vision else self.ask.operation

    @property
    def base_url(self) -> str:
        """Scheme, host and port the client used."""
        return f"{self.request.scheme}://{self.request.host}"

    @property
    def idempotency_key(self) -> str:
        """The name the client gave to this very attempt, empty if it gave none."""
        return self.request.headers.get("idempotency-key", "")

    @property
    def client_present(self) -> bool:
        """False once the client's connection is gone."""
        transport = self.request.transport
        return transport is not None and not transport.is_closing()


class RequestLog:
    """The last requests with their start and end, for checks of rates and concurrency."""

    def __init__(self) -> None:
        self.lines: deque[dict[str, Any]] = deque(maxlen=LOG_LINES)

    def add(self, request: web.Request, started_s: float, status: int, exchange: Exchange | None) -> None:
        """Write down one finished request; ``status`` 0 = the connection was cut."""
        line: dict[str, Any] = {
            "method": request.method,
            "path": request.path,
            "started_s": started_s,
            "finished_s": now_s(),
            "status": status,
        }
        if exchange is not None:
            line |= {
                "id": exchange.id,
                "key": exchange.key,
                "model": exchange.known_model.id if exchange.known_model else exchange.ask.wire_model,
                "operation": exchange.operation,
                "scenarios": exchange.fired.names,
                "charged_micros": exchange.charged_micros,
                "client_present": exchange.client_present,
                "request_sha256": exchange.ask.digest,
                "idempotency_key": exchange.idempotency_key,
            }
        self.lines.append(line)
