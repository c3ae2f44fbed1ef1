"""``printroom run``: plan, then call the flow. Nothing to do starts no Prefect server."""

import argparse
import asyncio
import os
import signal
import sys
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalogs.money import format_usd
from deployments.cli.arguments import options_from
from deployments.cli.leaving import is_interrupt, terminated_as_interrupted
from deployments.cli.output import print_json, say
from deployments.cli.parsing import UsageMistake
from deployments.cli.preparing import planning_mistakes, settings_for
from deployments.cli.progress import show_progress
from deployments.cli.show_plan import say_notes, show_plan
from tasks.engine.options import form_of
from tasks.engine.running.result import EXIT_BUDGET, RunResult, result_of
from tasks.engine.running.session import Session, forget, new_session, prepare
from tasks.engine.shared.progress import Progress
from tasks.journal.errors import JournalError
from tasks.manifest.commits import BadCommit
from tasks.report.wording import REASONS
from tasks.settings import Settings, at_address
from tasks.storage.store import StoreError


def main(args: argparse.Namespace) -> int:
    """Plan, ask if asked to, run, and print how the catalogs now stand."""
    options = options_from(args)
    with terminated_as_interrupted(), ExitStack() as held, planning_mistakes(as_json=args.json) as mistakes:
        settings = _keyed(_gateway(settings_for(options), held))
        settings.require_key()
        session = new_session(options, settings, str(uuid.uuid4()), say=say)
        held.callback(forget, session.run_id)
        told: list[int] = []
        try:
            asyncio.run(_run(session, args, told))
        except BaseException as error:
            if not is_interrupt(error):
                raise
            if not told:
                told.append(_report(_interrupted(session), args))
        mistakes.exit_code = told[0]
    return mistakes.exit_code


def _interrupted(session: Session) -> RunResult:
    """The result of a run that ended without telling one, as the plan had it and with what it spent."""
    if session.plan is None:
        planned = result_of({}, run_id=session.run_id, dataset=session.options.dataset, reused=0)
    else:
        planned = session.idle_result()
    progress = session.services.progress if session.is_open else Progress()
    return replace(
        planned, stopped="interrupted", message="interrupted; the next run goes on",
        cost_micros=progress.cost_micros, at_risk_micros=progress.at_risk_micros,
    )  # fmt: skip


async def _run(session: Session, args: argparse.Namespace, told: list[int]) -> None:
    """Plan, ask, run and print the result; its exit code is added to ``told``."""
    plan = await session.make_plan()
    if args.json:
        say_notes(plan.summary)
    else:
        show_plan(plan)
    if session.nothing_to_do():
        told.append(_report(await session.idle(), args, "nothing to do: every row has its outcome"))
        return
    session.yes = args.yes or (not session.approved() and _asked(session))
    if session.approved():
        told.append(_report(await _flow(session), args))
    else:
        say(session.approval_message())
        _report(session.idle_result(), args)
        told.append(EXIT_BUDGET)


async def _flow(session: Session) -> RunResult:
    """Call the Prefect flow in this process, on the configured server or the embedded one."""
    _prefect_environment()
    from flows.generate_dataset import generate_dataset

    await _server_answers()
    prepare(session)
    async with show_progress(session):
        state = await generate_dataset(**form_of(session.options), return_state=True)
    result: Any = await state.aresult(raise_on_failure=False)
    if isinstance(result, Exception):
        return cut_short(session, result)
    assert isinstance(result, RunResult)
    return result


def cut_short(session: Session, error: Exception) -> RunResult:
    """The result of a run that the dataset's damage ended after it had spent; any other error is raised."""
    spent = session.is_open and session.services.progress.posts > 0
    if not (spent and isinstance(error, (JournalError, BadCommit, StoreError))):
        raise error
    return replace(_interrupted(session), stopped="store_down", message=f"outcomes cannot be recorded: {error}")


async def _server_answers() -> None:
    """``UsageMistake`` if the server that was named does not answer: Prefect would end with a traceback."""
    from prefect.client.orchestration import get_client

    if "PREFECT_API_URL" in os.environ:
        async with get_client() as client:
            if (error := await client.api_healthcheck()) is not None:
                why = str(error) or type(error).__name__
                raise UsageMistake(f"PREFECT_API_URL: no Prefect server answers at {client.api_url} ({why})")


def _prefect_environment() -> None:
    """Settings that Prefect reads when it is imported. See docs/decisions for the figures."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")  # the run's page gets all of it
    if "PREFECT_API_URL" not in os.environ:
        os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
        _prefect_home()
        say("starting the embedded Prefect server (about 12 s; none is needed where PREFECT_API_URL is set) …")


def _prefect_home() -> None:
    """Make the folder that the embedded server keeps its database in. Without one it fails late, and at length."""
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
        writable = os.access(home, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise UsageMistake(f"Prefect cannot keep its database in {home}: name a folder in PREFECT_HOME")


def _asked(session: Session) -> bool:
    """Ask on a terminal; anywhere else nobody can answer, and the answer is no, as it is at Ctrl-D."""
    if not sys.stdin.isatty():
        return False
    cap = format_usd(session.ready_plan.summary.cap_micros)
    waits = signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio's own lets the question stand
    try:
        print(f"This may cost up to {cap}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False
    finally:
        signal.signal(signal.SIGINT, waits)


def _gateway(settings: Settings, held: ExitStack) -> Settings:
    """Start the sandbox when it is asked for and no address says where one runs already."""
    if settings.provider.name != "sandbox" or settings.provider.base_url is not None:
        return settings
    from deployments.sandbox.process import SandboxProcess

    sandbox = held.enter_context(SandboxProcess(latency_scale=0))
    return at_address(settings, sandbox.base_url)


def _keyed(settings: Settings) -> Settings:
    """With the key of the Prefect Secret block that the settings name, if no variable had one."""
    if settings.api_key or not settings.key_block:
        return settings
    from tasks.secret import with_block_key

    return asyncio.run(with_block_key(settings))


_STOPPED = {
    "budget": "stopped at the budget", "provider_stopped": "stopped by the gateway", "interrupted": "stopped",
    "store_down": "stopped, the dataset's store is away",
}  # fmt: skip


_OF_THE_RUN = frozenset({"not_started", "interrupted", "budget", "provider_stopped"})
_TAKEN_UP_BY_ONLY = ("refused", "failed", "unknown", "held")


def _report(result: RunResult, args: argparse.Namespace, note: str = "") -> int:
    if args.json:
        print_json(result.as_dict())
        return result.exit_code
    if note:
        print(note)
    if result.message:
        say(f"{_STOPPED.get(result.stopped or '', 'stopped')}: {result.message}")
    rest = "".join(
        f", {count:,} {word}"
        for word in ("refused", "failed", "unknown", "held", "pending")
        if (count := getattr(result, word))
    )
    print(f"{result.succeeded:,} of {result.rows:,} succeeded, {result.reused:,} of them reused{rest}")
    for reason, count in result.reasons.items():
        if reason in _OF_THE_RUN:
            continue  # why the run stopped was said above
        print(f"  {count:,} × {reason}: {REASONS.get(reason, reason)}")
    if again := [word for word in _TAKEN_UP_BY_ONLY if getattr(result, word)]:
        risk = "; what may have been charged is then bought anew" if result.at_risk_micros else ""
        print(f"  to take them up again: --only {' or '.join(again)}{risk}; row by row: the gallery")
    if result.acceptance is not None:
        print(result.acceptance.line())
    risk = f" (possibly {format_usd(result.at_risk_micros)} more)" if result.at_risk_micros else ""
    print(f"cost of this run: {format_usd(result.cost_micros)}{risk} in {result.wall_s:.1f} s")
    root = result.dataset.rstrip("/")
    print(f"images    {root}/images\nmanifest  {result.manifest}\ngallery   {root}/report/index.html")
    return result.exit_code
