"""Waiting for a store that does not answer, around work that may simply be done again."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tasks.engine.shared.stopping import StopSignal
from tasks.journal.driver import AsyncioRuntime
from tasks.journal.patient import Pauses
from tasks.journal.ports import Timing

T = TypeVar("T")


async def patiently(work: Callable[[], Awaitable[T]], timing: Timing, stop: StopSignal) -> T:
    """``work``, again each time the store did not answer.

    Raises ``StoreDown`` when the journal's patience is used up, and the store's own error at once if waiting would not
    help (it says no, or an object is missing) or if somebody wants the run to end now.
    """
    pauses: Pauses | None = None
    while True:
        try:
            return await work()
        except (FileNotFoundError, PermissionError):
            raise
        except (ConnectionError, TimeoutError) as error:
            if stop.at_once:
                raise
            pauses = pauses or Pauses(AsyncioRuntime(), timing)
            await pauses.after(error)
