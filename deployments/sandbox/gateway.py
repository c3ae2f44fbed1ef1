"""The way of one request, in one-api's order (section 13).

Id, key, rights, rate, channel, validation, balance, moderation, latency, result, bill.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

import aiohttp

from catalogs.prices import cap_micros
from deployments.sandbox import checks, families
from deployments.sandbox.asks import TOO_LARGE
from deployments.sandbox.bill import Bill, Charge, Usage, price_micros
from deployments.sandbox.exchange import Exchange
from deployments.sandbox.flavours import GatewayError
from deployments.sandbox.limits import Limits, masked
from deployments.sandbox.scenario import RETRY_DATE, Scenario, Stage
from deployments.sandbox.settings import Settings, now_s
from deployments.sandbox.signed import Files
from deployments.sandbox.studio import Studio
from deployments.sandbox.switch import Switch
from deployments.sandbox.wording import wrong

CLOUDFLARE_LIMIT_S = 100.0
MAX_FETCH_BYTES = 20_000_000
FORBIDDEN = re.compile(
    r"\b(gore|gory|beheading|bloodbath|nude|nudity|porn\w*|erotic|child abuse)\b|血腥|色情|裸体|裸露|暴恐|虐杀",
    re.IGNORECASE,
)
_OWN_FILE = re.compile(r"^https?://(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)/files/")


class HungUp(Exception):
    """The connection is to be cut without an answer."""


class Gateway:
    """All that lasts longer than a request."""

    def __init__(self, settings: Settings) -> None:
        self.studio = Studio(
            settings.workers, settings.picture_bytes, settings.reader, side_px=settings.picture_side_px
        )
        self.files = Files()
        self.bill = Bill()
        self.apply(settings)
        self.find_own: Callable[[str], bytes | None] = lambda _: None
        self._client: aiohttp.ClientSession | None = None

    def apply(self, settings: Settings) -> None:
        """Behave like this from now on; counters of limits start anew. Raises UnknownScenario."""
        self.switch = Switch(settings.scenarios, settings.seed)
        self.limits = Limits(settings)
        self.settings = settings

    def reset(self) -> None:
        """Forget bill, files and counters; settings stay."""
        self.bill.clear()
        self.files.clear()
        self.apply(self.settings)

    async def close(self) -> None:
        """End the workers and the client."""
        self.studio.close()
        if self._client is not None:
            await self._client.close()

    def admit(self, exchange: Exchange, held: ExitStack) -> None:
        """All steps up to validation; ``held`` keeps the place in flight."""
        ask, flavour = exchange.ask, self.settings.flavour
        self._trouble(exchange, "auth")
        exchange.key = masked(key := self.limits.check_key(_bearer(exchange)))
        exchange.known_model = model = families.model_of(ask)
        self._trouble(exchange, "rights")
        self._trouble(exchange, "rate")
        name = model.id if model else ask.wire_model or ""
        self.limits.check_rate(key, name)
        held.enter_context(self.limits.in_flight(key, name))
        self._trouble(exchange, "channel")
        if ask.broken is not None:
            kind = "body_too_large" if ask.broken == TOO_LARGE else "invalid_image_request"
            raise GatewayError(wrong(kind, flavour))
        if not ask.wire_model:
            raise GatewayError(wrong("model_missing", flavour))
        if model is None:
            raise GatewayError(wrong("no_channel", flavour, model=ask.wire_model))
        checks.check_route(ask, model, exchange.family, flavour)
        self._trouble(exchange, "validation")
        checks.check_body(ask, model, flavour)
        checks.check_files(ask, model, exchange.family, flavour)
        exchange.n = ask.n if ask.route != "chat" else 1

    async def take_inputs(self, exchange: Exchange) -> None:
        """Fetch the input pictures and check them, with the mask."""
        ask, model = exchange.ask, exchange.model
        exchange.inputs = [await self.fetched(reference) for reference in ask.images]
        exchange.mask = await self.fetched(ask.mask) if ask.mask is not None else None
        exchange.seen = checks.check_pictures(exchange.inputs, exchange.mask, model, self.settings.flavour)

    def reserve(self, exchange: Exchange, held: ExitStack) -> None:
        """Set the worst case aside (``held`` gives it back), then the quick look at the prompt."""
        ask = exchange.ask
        self._trouble(exchange, "balance")
        held.enter_context(self.limits.reserved(self._worst_case(exchange), chat=ask.route == "chat"))
        self._trouble(exchange, "prompt")
        self._moderate(exchange, late=False)

    async def wait(self, exchange: Exchange) -> None:
        """The family's latency, then what goes wrong upstream or at the moderation of the result."""
        rng = Random(f"{self.settings.seed}/{exchange.ask.digest}")
        pause_s = families.latency_s(exchange.family, rng, self.settings.latency_scale)
        if exchange.fired.has("slow"):
            pause_s = max(1.0, pause_s * 10)
        if exchange.fired.has("cloudflare_524"):
            pause_s = CLOUDFLARE_LIMIT_S * self.settings.latency_scale
        if pause_s:
            await asyncio.sleep(pause_s)
        if exchange.fired.has("reset_before"):
            raise HungUp
        self._trouble(exchange, "upstream")
        self._trouble(exchange, "output")
        self._moderate(exchange, late=True)

    def settle(self, exchange: Exchange, delivered: int) -> None:
        """Charge the call. It counts from here on, whether or not anybody is still there to take the answer."""
        ask, model = exchange.ask, exchange.model
        if not exchange.usage.output:
            sizes = [(one.width_px, one.height_px) for one in exchange.seen]
            exchange.usage = families.picture_usage(ask, model, sizes, exchange.n)
        exchange.charged_micros = price_micros(
            model,
            operation=exchange.operation,
            n=exchange.n,
            delivered=delivered,
            size=ask.text("size"),
            quality=ask.text("quality"),
            images=len(ask.images) + (ask.mask is not None),
            usage=exchange.usage,
        )
        self.limits.spend(exchange.charged_micros)
        self.bill.add(
            Charge(
                id=f"chg_{len(self.bill.charges) + 1}",
                time_s=now_s(),
                key=exchange.key,
                model=model.id,
                route=exchange.request.path,
                operation=exchange.operation,
                n=exchange.n,
                micros=exchange.charged_micros,
                input_tokens=exchange.usage.input_text + exchange.usage.input_image,
                output_tokens=exchange.usage.output,
                request_id=exchange.id,
                request_sha256=ask.digest,
                prompt=ask.prompt[:80],
                use_time_s=now_s() - exchange.started_s,
                client_present=exchange.client_present,
                idempotency_key=exchange.idempotency_key,
            )
        )

    async def fetched(self, reference: bytes | str) -> bytes:
        """The bytes of an input picture: given as they are, as a data URI, or behind an address."""
        if isinstance(reference, bytes):
            return reference
        if reference.startswith("data:"):
            return self._decoded(reference.partition(",")[2])
        if not reference.startswith(("http://", "https://")):
            return self._decoded(reference)
        if _OWN_FILE.match(reference) and (own := self.find_own(reference)) is not None:
            return own
        return await self._downloaded(reference)

    def _decoded(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise GatewayError(wrong("invalid_image_file", self.settings.flavour, index=1)) from None

    async def _downloaded(self, url: str) -> bytes:
        if self._client is None:
            self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10), trust_env=False)
        try:
            async with self._client.get(url) as reply:
                data = await reply.content.read(MAX_FETCH_BYTES)
                if reply.status == 200:
                    return data
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass  # one reply for every way of not getting a picture, as the gateways give it
        raise GatewayError(wrong("image_url_unreachable", self.settings.flavour, url=url.partition("?")[0]))

    def _worst_case(self, exchange: Exchange) -> int:
        ask, model = exchange.ask, exchange.model
        max_tokens = ask.fields.get("max_tokens") or ask.fields.get("max_completion_tokens")
        worst = cap_micros(
            model,
            operation=exchange.operation,
            n=exchange.n,
            size=ask.text("size"),
            quality=ask.text("quality"),
            input_images=len(ask.images) + (ask.mask is not None),
            prompt_chars=len(ask.prompt),
            max_tokens=max_tokens if isinstance(max_tokens, int) and max_tokens > 0 else None,
        )
        return worst or 0

    def _moderate(self, exchange: Exchange, *, late: bool) -> None:
        """Refuse forbidden words the way the family does; vision models refuse in their reply instead."""
        family = exchange.family
        if family.slow_refusal is late and family.refusal != "vision" and FORBIDDEN.search(exchange.ask.prompt):
            raise GatewayError(wrong(family.refusal, self.settings.flavour))

    def _trouble(self, exchange: Exchange, stage: Stage) -> None:
        """Raise what the scenario of this stage says, charging first where the call is billed all the same."""
        scenario = exchange.fired.at(stage)
        if scenario is None or (scenario.kind is None and scenario.wrong is None):
            return
        error = GatewayError(self._worded(scenario, exchange))
        if scenario.billed:
            self.settle(exchange, exchange.n)
        raise error

    def _worded(self, scenario: Scenario, exchange: Exchange) -> Any:
        ask = exchange.ask
        values = {
            "model": ask.wire_model,
            "masked_key": exchange.key or masked(_bearer(exchange) or "sk-none"),
            "param": "response_format",
            "index": 1,
            "limit": 10,
            "current": 11,
            "why": "Invalid mask image: its size differs from the image's.",
            "found": ask.text("size") or "100x100",
            "allowed": "'1024x1024'",
            "have": 0,
            "need": 5_000,
        }
        if scenario.kind is not None:
            return wrong(scenario.kind, self.settings.flavour, **values)
        assert scenario.wrong is not None
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        headers = {name: value.replace(RETRY_DATE, date) for name, value in scenario.wrong.headers.items()}
        message = scenario.wrong.message.replace("{model}", str(ask.wire_model))
        return replace(scenario.wrong, message=message, headers=headers)


def _bearer(exchange: Exchange) -> str | None:
    scheme, _, key = exchange.request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def usage_json(usage: Usage) -> dict[str, Any]:
    """The ``usage`` of an Images reply."""
    given = usage.input_text + usage.input_image
    return {
        "input_tokens": given,
        "output_tokens": usage.output,
        "total_tokens": given + usage.output,
        "input_tokens_details": {"text_tokens": usage.input_text, "image_tokens": usage.input_image},
        "output_tokens_details": {"image_tokens": usage.output, "text_tokens": 0},
    }
