"""The routes: OpenAI's, the files behind URLs, and the controls under ``/__``."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

import orjson
from aiohttp import web

from catalogs.models import MODELS, names_of
from catalogs.money import parse_usd
from deployments.sandbox import downloads, sending
from deployments.sandbox.asks import PATHS, TOO_LARGE, Ask, Route, ask_kind, read_ask
from deployments.sandbox.exchange import Exchange, RequestLog
from deployments.sandbox.families import family_of, model_of
from deployments.sandbox.flavours import GatewayError, render, reply_headers
from deployments.sandbox.gateway import Gateway, HungUp
from deployments.sandbox.making import images_body, make_pictures
from deployments.sandbox.scenarios import ROWS, STORM
from deployments.sandbox.settings import FLAVOURS, Settings, now_s
from deployments.sandbox.switch import UnknownScenario
from deployments.sandbox.talking import picture_reply, vision_reply
from deployments.sandbox.wording import wrong

MAX_BODY_BYTES = 80_000_000
CREATED = 1_763_700_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandbox:
    """The gateway behind HTTP handlers."""

    def __init__(self, settings: Settings) -> None:
        self.gateway = Gateway(settings)
        self.gateway.find_own = lambda url: downloads.own_bytes(self.gateway, url)
        self.log = RequestLog()
        self._in_hand = 0

    def application(self) -> web.Application:
        """The aiohttp application with every route."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        for route, path in PATHS.items():
            app.router.add_post(path, self._paid(route))
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/v1/models/{model:.+}", self.model)
        app.router.add_get("/files/{path:.+}", self.file)
        app.router.add_get("/__bill", self.bill)
        app.router.add_get("/__bill.csv", self.bill_csv)
        app.router.add_get("/__log", self.request_log)
        app.router.add_get("/__health", self.health)
        app.router.add_get("/__scenario", self.scenarios)
        app.router.add_post("/__scenario", self.switch)
        app.router.add_post("/__reset", self.reset)
        app.router.add_route("*", "/{path:.*}", self.unknown)
        app.on_cleanup.append(self._close)
        return app

    async def _close(self, _: web.Application) -> None:
        await self.gateway.close()

    def _paid(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            # a task of its own: neither a client that hangs up nor a cancelled handler stops a job that will be billed
            return await asyncio.shield(asyncio.create_task(self._serve(request, route)))

        return handle

    async def _serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        started_s = now_s()
        exchange: Exchange | None = None
        status = 0
        self._in_hand += 1
        try:
            exchange = await self._received(request, route)
            exchange.started_s = started_s
            response = await self._answered(exchange)
            status = response.status
        except HungUp:
            return cut(request)
        except ConnectionError:
            return web.Response()  # the client left while the answer was on its way
        finally:
            self._in_hand -= 1
            self.log.add(request, started_s, status, exchange)
        return response

    async def _received(self, request: web.Request, route: Route) -> Exchange:
        try:
            ask = await read_ask(request, route)
        except web.HTTPRequestEntityTooLarge:
            ask = Ask(route=route, wire_model=None, prompt="", broken=TOO_LARGE)
        model = model_of(ask)
        vision = route == "chat" and model is not None and family_of(model).name == "vision"
        fired = self.gateway.switch.fire(ask.digest, ask.prompt, ask_kind(ask, vision=vision))
        return Exchange(request=request, ask=ask, fired=fired)

    async def _answered(self, exchange: Exchange) -> web.StreamResponse:
        gateway, flavour = self.gateway, self.gateway.settings.flavour
        with ExitStack() as held:
            try:
                gateway.admit(exchange, held)
                await gateway.take_inputs(exchange)
                gateway.reserve(exchange, held)
                body = await self._made(exchange)
            except GatewayError as error:
                reply = render(error.wrong, flavour, exchange.id)
                return web.Response(
                    status=reply.status, body=reply.body, headers=self._headers(exchange) | reply.headers
                )
            return await sending.send(exchange, body, self._headers(exchange))

    async def _made(self, exchange: Exchange) -> dict[str, Any]:
        if exchange.family.name == "vision":
            return await vision_reply(self.gateway, exchange)
        if exchange.ask.route == "chat":
            return await picture_reply(self.gateway, exchange)
        made = await make_pictures(self.gateway, exchange)
        self.gateway.settle(exchange, delivered=len(made))
        return images_body(self.gateway, exchange, made)

    def _headers(self, exchange: Exchange) -> dict[str, str]:
        reverse = exchange.family.reverse if exchange.known_model else False
        took_ms = round((now_s() - exchange.started_s) * 1000)
        return reply_headers(self.gateway.settings.flavour, exchange.id, reverse_model=reverse, took_ms=took_ms)

    async def models(self, request: web.Request) -> web.StreamResponse:
        """``GET /v1/models``: every model of the table under its id and its other spellings."""
        if (refused := self._keyless(request)) is not None:
            return refused
        return json_reply({"object": "list", "data": [_card(name) for name in _CARDS]})

    async def model(self, request: web.Request) -> web.StreamResponse:
        """``GET /v1/models/{model}``."""
        name = request.match_info["model"]
        if (refused := self._keyless(request)) is not None:
            return refused
        return json_reply(_card(name)) if name in _CARDS else self._error(request, "no_channel", model=name)

    def _keyless(self, request: web.Request) -> web.Response | None:
        key = request.headers.get("authorization", "").partition(" ")[2].strip()
        try:
            self.gateway.limits.check_key(key or None)
        except GatewayError as error:
            reply = render(error.wrong, self.gateway.settings.flavour, "0" * 24)
            return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
        return None

    async def file(self, request: web.Request) -> web.StreamResponse:
        """``GET /files/<signed>``."""
        started_s, status = now_s(), 0
        try:
            response = await downloads.download(self.gateway, request)
            status = response.status
        except HungUp:
            return cut(request)
        except ConnectionError:
            return web.Response()  # the client left while the file was on its way
        finally:
            self.log.add(request, started_s, status, None)
        return response

    async def unknown(self, request: web.Request) -> web.StreamResponse:
        """Everything else."""
        return self._error(request, "invalid_url", method=request.method, path=request.path)

    def _error(self, request: web.Request, kind: str, **values: object) -> web.Response:
        del request
        reply = render(wrong(kind, self.gateway.settings.flavour, **values), self.gateway.settings.flavour, "0" * 24)
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)

    async def bill(self, _: web.Request) -> web.StreamResponse:
        """``GET /__bill``: every charge and the totals."""
        return json_reply(self.gateway.bill.to_json())

    async def bill_csv(self, _: web.Request) -> web.StreamResponse:
        """``GET /__bill.csv``: the usage export."""
        return web.Response(text=self.gateway.bill.to_csv(), content_type="text/csv")

    async def request_log(self, request: web.Request) -> web.StreamResponse:
        """``GET /__log?path=/v1/``: finished requests, oldest first, of paths that begin so."""
        prefix = request.query.get("path", "/")
        return json_reply({"requests": [line for line in self.log.lines if line["path"].startswith(prefix)]})

    async def health(self, _: web.Request) -> web.StreamResponse:
        """``GET /__health``: also how many charges there are, and paid calls that may still add to them."""
        return json_reply({"status": "ok", "charges": len(self.gateway.bill.charges), "in_hand": self._in_hand})

    async def reset(self, _: web.Request) -> web.StreamResponse:
        """``POST /__reset``: forget bill, files, log and counters; settings stay."""
        self.gateway.reset()
        self.log.lines.clear()
        return json_reply({"status": "reset"})

    async def scenarios(self, _: web.Request) -> web.StreamResponse:
        """``GET /__scenario``: what is in force, and the table of all that can be."""
        return json_reply(
            {"settings": settings_json(self.gateway.settings), "scenarios": SCENARIO_TABLE, "storm": STORM}
        )

    async def switch(self, request: web.Request) -> web.StreamResponse:
        """``POST /__scenario``: change settings while running; returns those in force.

        Body, all optional: ``{"scenarios": ["name:rate@first"], "flavour": "openai", "latency_scale": 0.1, "seed": 1,
        "ttl_scale": 1, "rpm": {"*": 60}, "rpm_window_s": 60, "concurrency": {"*": 8}, "balance_usd": "1.50"}``.
        """
        try:
            change = orjson.loads(await request.read() or b"{}")
            self.gateway.apply(changed(self.gateway.settings, change))
        except (UnknownScenario, ValueError, TypeError, AttributeError) as error:
            return json_reply({"error": str(error)}, status=400)
        return json_reply({"settings": settings_json(self.gateway.settings)})


CHANGEABLE = ("scenarios", "latency_scale", "ttl_scale", "flavour", "rpm", "rpm_window_s", "concurrency", "seed")


def changed(settings: Settings, change: dict[str, Any]) -> Settings:
    """Settings with some values replaced. Raises ValueError for a name or value that cannot be."""
    values = dict(change)
    if "balance_usd" in values:
        amount = values.pop("balance_usd")
        values["balance_micros"] = None if amount is None else parse_usd(str(amount))
    if unknown := set(values) - {*CHANGEABLE, "balance_micros"}:
        raise ValueError(f"cannot change {', '.join(sorted(unknown))}")
    if values.get("flavour", settings.flavour) not in FLAVOURS:
        raise ValueError(f"flavour is one of {', '.join(FLAVOURS)}")
    if "scenarios" in values:
        values["scenarios"] = tuple(values["scenarios"])
    return replace(settings, **values)


def settings_json(settings: Settings) -> dict[str, Any]:
    """The settings as the control route shows them; keys are not among them."""
    return {name: value for name, value in asdict(settings).items() if name != "bad_keys"}


SCENARIO_TABLE = [
    {
        "name": row.name,
        "does": row.does,
        "covers": row.covers,
        "stage": row.stage,
        "only": row.only,
        "billed": row.billed,
    }
    for row in ROWS
]
_CARDS = {name: model for model in MODELS.values() for name in names_of(model) if " " not in name}


def _card(name: str) -> dict[str, Any]:
    retired = _CARDS[name].retired_on
    card = {"id": name, "object": "model", "created": CREATED, "owned_by": family_of(_CARDS[name]).name}
    return {**card, "shutdown_date": retired.isoformat() if retired else None}


def json_reply(value: Any, status: int = 200) -> web.Response:
    """A JSON reply of the control routes."""
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def cut(request: web.Request) -> web.Response:
    """Reset the client's connection; the reply that is returned never leaves."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
