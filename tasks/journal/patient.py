"""The store with patience: calls that are safe to repeat are repeated until the store answers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

from tasks.journal.errors import StoreDown
from tasks.journal.ports import Listed, Runtime, Store, Timing

P = ParamSpec("P")
T = TypeVar("T")


class PatientStore:
    """Repeats idempotent calls after ``ConnectionError`` and ``TimeoutError``; ``StoreDown`` beyond the patience.

    ``raw`` is the store itself, for the one call that must not simply be repeated: the put of a segment.
    """

    def __init__(self, raw: Store, runtime: Runtime, timing: Timing) -> None:
        self.raw = raw
        self._runtime = runtime
        self._timing = timing

    async def get(self, key: str) -> bytes | None:
        """The object, or None if it is not there."""
        try:
            return await self._repeat(self.raw.get, key)
        except FileNotFoundError:
            return None

    async def list(self, prefix: str, *, start_after: str = "") -> Sequence[Listed]:
        """All objects below ``prefix`` whose key sorts after ``start_after``, in key order."""
        return await self._repeat(self.raw.list, prefix, start_after=start_after)

    async def keep(self, key: str, body: bytes) -> bool:
        """Create an object of which every writer would write the same bytes. False = it was there."""
        return await self._repeat(self.raw.create, key, body)

    async def delete(self, key: str) -> None:
        """Remove the object, if it is there."""
        await self._repeat(self.raw.delete, key)

    async def _repeat(self, call: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        pauses = None
        while True:
            try:
                return await call(*args, **options)
            except FileNotFoundError:
                raise
            except (ConnectionError, TimeoutError) as error:
                pauses = pauses or Pauses(self._runtime, self._timing)
                await pauses.after(error)


class Pauses:
    """Growing pauses with jitter between attempts at one thing, until the patience is used up.

    Made at the first failure: the patience counts from there.
    """

    def __init__(self, runtime: Runtime, timing: Timing) -> None:
        self._runtime = runtime
        self._timing = timing
        self._began_s = runtime.now_s()
        self._pause_s = timing.pause_s

    async def after(self, error: Exception) -> None:
        """Wait after a failure; ``StoreDown`` once failures have outlasted the patience, or if waiting is no use."""
        if isinstance(error, PermissionError):  # no such bucket, or not for us: somebody has to do something about it
            raise StoreDown(f"the store says no: {error}") from error
        if self._runtime.now_s() - self._began_s > self._timing.patience_s:
            raise StoreDown(f"the store has been out of reach for {self._timing.patience_s:.0f} s: {error}") from error
        await self._runtime.sleep(self._pause_s * (0.5 + self._runtime.jitter()))
        self._pause_s = min(2 * self._pause_s, self._timing.max_pause_s)
