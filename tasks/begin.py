"""Step: begin a run: from the form and the environment to a session, and from whatever forbids that to plain words."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from prefect import get_run_logger
from prefect.exceptions import MissingContextError
from prefect.runtime import flow_run

from catalogs.providers import UnknownProvider
from tasks.engine.options import RunOptions, form_of
from tasks.engine.problems import InvalidCatalog
from tasks.engine.running.part import Part
from tasks.engine.running.session import Session, forget, new_session, prepared
from tasks.form import BadForm, checked_options
from tasks.journal.errors import DatasetProblem, JournalProblem, StoreDown
from tasks.manifest.commits import BadCommit
from tasks.secret import with_block_key
from tasks.settings import MissingKey, Settings, read_settings
from tasks.show import show_problems
from tasks.storage.open import BadUri, UnsafeStore
from tasks.storage.store import StoreError

FORM_DEFAULTS = form_of(RunOptions(catalogs=(), dataset=""))


class CannotStart(Exception):
    """Why a run could not do its work. ``state`` is what the run's state is called.

    Nothing was spent, unless it says StoreDown or Damaged: these are met in the middle of a run, too.
    """

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


@asynccontextmanager
async def begun(form: Mapping[str, Any]) -> AsyncIterator[Session]:
    """The session of this flow run, forgotten at the end. ``CannotStart``: it cannot do its work, and why."""
    session = prepared()
    run_id = session.run_id if session else str(flow_run.id)
    async with plain_words(form, run_id):
        yield session or await _session(form, run_id)


@asynccontextmanager
async def part_begun(form: Mapping[str, Any], part: Part) -> AsyncIterator[Session]:
    """The session of a part: it spends in the name of the whole run."""
    whole = {**FORM_DEFAULTS, **form}
    async with plain_words(whole, part.run_id):
        session = await _session(whole, part.run_id)
        session.part = part
        yield session


@asynccontextmanager
async def plain_words(form: Mapping[str, Any], run_id: str) -> AsyncIterator[None]:
    """Turn whatever forbids a run into ``CannotStart``; forget the run's session at the end."""
    try:
        yield
    except BadForm as error:
        raise CannotStart("InvalidParameters", f"{error}; nothing was spent") from error
    except InvalidCatalog as error:
        await show_problems(form["dataset"], error)
        count = f"{error.total:,} problem{'s' if error.total != 1 else ''}"
        raise CannotStart("InvalidCatalog", f"{count} in the catalogs, nothing was spent: {error.lines[0]}") from error
    except (MissingKey, DatasetProblem, UnsafeStore, BadUri) as error:
        raise CannotStart("CannotStart", str(error)) from error
    except (JournalProblem, BadCommit) as error:
        raise CannotStart("Damaged", str(error)) from error
    except (StoreDown, StoreError) as error:
        raise CannotStart("StoreDown", str(error)) from error
    finally:
        forget(run_id)


async def _session(form: Mapping[str, Any], run_id: str) -> Session:
    options = checked_options(form)
    return new_session(options, await settings_for(options), run_id, say=_say())


def _say() -> Callable[[str], None]:
    """To the run's page; a Dask task has none and speaks to its worker's log."""
    try:
        return get_run_logger().info
    except MissingContextError:
        return logging.getLogger("printroom").info


async def settings_for(options: RunOptions) -> Settings:
    """The environment's settings with a key: from a variable, else from the Secret block that the settings name."""
    try:
        settings = await with_block_key(read_settings(options.provider))
    except (UnknownProvider, ValueError) as error:
        raise BadForm((f"provider: {error}",)) from error
    settings.require_key()
    if settings.provider.base_url is None:
        raise MissingKey(
            "no address of a sandbox: start `printroom sandbox --port 8399` and give the worker "
            "PRINTROOM_BASE_URL=http://127.0.0.1:8399/v1"
        )
    return settings
