"""``python -m deployments.sandbox``: start the gateway and say where it listens."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from catalogs.money import parse_usd
from deployments.sandbox.settings import FLAVOURS, READERS, Settings

HOST = "127.0.0.1"


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM (or the end of stdin with ``--with-stdin``); 0 = stopped, 2 = wrong use."""
    options = parser().parse_args(argv)
    try:
        settings = settings_of(options)
    except ValueError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(settings, options.port, with_stdin=options.with_stdin))
    except OSError as error:
        print(f"sandbox: cannot listen on {HOST}:{options.port}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of ``printroom sandbox``."""
    made = argparse.ArgumentParser(prog="printroom sandbox", description="A local OpenAI-compatible image gateway.")
    add = made.add_argument
    add("--port", type=int, default=8787, metavar="N", help="0 picks a free one (default 8787)")
    add(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME[:RATE][@FIRST]",
        help="a trouble to rehearse; repeatable",
    )
    add("--list-scenarios", action=_ListScenarios, help="print every scenario and stop")
    add("--flavour", choices=FLAVOURS, default=Settings().flavour, help="whose error replies to speak")
    add("--latency-scale", type=float, default=0.05, metavar="F", help="times real latency (default 0.05; 0 = none)")
    add("--ttl-scale", type=float, default=1.0, metavar="F", help="times the life of signed URLs")
    add(
        "--rpm", action="append", default=[], metavar="MODEL=N", help="requests per window; * = every model; repeatable"
    )
    add("--rpm-window", type=float, default=60.0, metavar="S", help="length of that window (default 60)")
    add("--concurrency", action="append", default=[], metavar="MODEL=N", help="requests in flight; * = every model")
    add("--balance", metavar="USD", help="what the purse holds; without it, no end")
    add("--bad-key", action="append", default=[], metavar="KEY", help="a key to reject, besides sk-bad")
    add("--seed", type=int, default=0, metavar="N", help="chooses which requests scenarios hit")
    add("--picture-bytes", type=int, metavar="N", help="serve ready-made noise of about N bytes instead of drawing")
    add(
        "--picture-side",
        type=int,
        metavar="PX",
        help="with --picture-bytes: this many pixels wide, not all of it noise",
    )
    add("--reader", choices=READERS, default="rapidocr", help="embedded = take the words from the sandbox's own PNGs")
    add("--workers", type=int, default=2, metavar="N", help="processes that draw (default 2; 0 = a thread)")
    add("--with-stdin", action="store_true", help="stop when stdin ends, so that it cannot outlive who started it")
    return made


class _ListScenarios(argparse.Action):
    def __init__(self, **options: object) -> None:
        super().__init__(**{**options, "nargs": 0})  # type: ignore[arg-type]  # argparse passes its own keywords through

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from deployments.sandbox.scenarios import ROWS

        lines = [f"{row.name:26} {row.does}{' (billed)' if row.billed else ''}" for row in ROWS]
        print("\n".join([*lines, f"{'storm':26} a bad night: a mix of the above, 0.3 of all requests unless asked"]))
        parser.exit()


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings that the options ask for. Raises ValueError."""
    from deployments.sandbox.switch import parse

    for spelling in options.scenario:
        parse(spelling)
    return Settings(
        flavour=options.flavour,
        seed=options.seed,
        latency_scale=options.latency_scale,
        ttl_scale=options.ttl_scale,
        rpm=_per_model(options.rpm),
        rpm_window_s=options.rpm_window,
        concurrency=_per_model(options.concurrency),
        balance_micros=None if options.balance is None else parse_usd(options.balance),
        bad_keys=("sk-bad", *options.bad_key),
        scenarios=tuple(options.scenario),
        picture_bytes=options.picture_bytes,
        picture_side_px=options.picture_side,
        reader=options.reader,
        workers=options.workers,
    )


def _per_model(pairs: Sequence[str]) -> dict[str, int]:
    from catalogs.models import find_model

    limits: dict[str, int] = {}
    for pair in pairs:
        name, _, count = pair.rpartition("=")
        if not name or not count.isdigit():
            raise ValueError(f"{pair!r} is not MODEL=N")
        try:
            limits[name if name == "*" else find_model(name).id] = int(count)
        except KeyError as error:
            raise ValueError(str(error)) from error
    return limits


async def _serve(settings: Settings, port: int, *, with_stdin: bool) -> None:
    from aiohttp import web

    from deployments.sandbox.app import Sandbox

    runner = web.AppRunner(Sandbox(settings).application(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        print(f"sandbox ready on http://{HOST}:{runner.addresses[0][1]}/v1", flush=True)
        await _until_told(with_stdin=with_stdin)
    finally:
        await runner.cleanup()


async def _until_told(*, with_stdin: bool) -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # a loop without signal handlers (Windows): Ctrl-C still ends it
            loop.add_signal_handler(number, told.set)
    if with_stdin:
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        ended = asyncio.ensure_future(reader.read())
        ended.add_done_callback(lambda _: told.set())
    await told.wait()
