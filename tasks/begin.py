"""Step: begin a run: from the form and the environment to a session, and from whatever forbids that to plain words."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from prefect import get_run_logger
from prefect.runtime import flow_run

from catalogs.providers import UnknownProvider
from tasks.form import BadForm, checked_options
from tasks.journal.errors import DatasetProblem, StoreDown
from tasks.secret import with_block_key
from tasks.settings import MissingKey, Settings, read_settings
from tasks.show import show_problems
from tasks.storage.open import BadUri, UnsafeStore
from tasks.storage.store import StoreError
from tasks.work.options import RunOptions
from tasks.work.problems import InvalidCatalog
from tasks.work.session import Session, forget, new_session, prepared


class CannotStart(Exception):
    """Nothing was spent, and why. ``state`` is what the run's state is called."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


@asynccontextmanager
async def begun(form: Mapping[str, Any]) -> AsyncIterator[Session]:
    """The session of this flow run, forgotten at the end. ``CannotStart``: nothing was spent, and why."""
    run_id = str(flow_run.id)
    try:
        session = prepared() or await _session(form, run_id)
        run_id = session.run_id
        yield session
    except BadForm as error:
        raise CannotStart("InvalidParameters", f"{error}; nothing was spent") from error
    except InvalidCatalog as error:
        await show_problems(form["dataset"], error)
        count = f"{error.total:,} problem{'s' if error.total != 1 else ''}"
        raise CannotStart("InvalidCatalog", f"{count} in the catalogs, nothing was spent: {error.lines[0]}") from error
    except (MissingKey, DatasetProblem, UnsafeStore, BadUri) as error:
        raise CannotStart("CannotStart", str(error)) from error
    except (StoreDown, StoreError) as error:
        raise CannotStart("StoreDown", str(error)) from error
    finally:
        forget(run_id)


async def _session(form: Mapping[str, Any], run_id: str) -> Session:
    options = checked_options(form)
    return new_session(options, await settings_for(options), run_id, say=get_run_logger().info)


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
