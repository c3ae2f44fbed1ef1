"""When a partition may be taken over: at once by proof, else after a time-out without a sign of life."""

from collections.abc import Callable

from tasks.journal.codec import Segment
from tasks.journal.context import Context
from tasks.journal.events import Owner
from tasks.journal.names import heartbeat_name
from tasks.journal.ports import Runtime
from tasks.journal.rules import Rules

OnWait = Callable[[str], None]


class Watch:
    """How long nothing has moved, measured on our own clock from one look to the next.

    A step counts for at most twice the time between two looks: a watcher that was itself asleep has seen nothing.
    """

    def __init__(self, rules: Rules, runtime: Runtime) -> None:
        self._rules, self._runtime = rules, runtime
        self._sign: object = None
        self._looked_s = runtime.now_s()
        self.silent_s = 0.0

    def look(self, sign: object) -> None:
        """Take in a sign of life: any change, of whatever kind, begins the silence anew."""
        now_s = self._runtime.now_s()
        step_s = min(now_s - self._looked_s, 2 * self._rules.timing.poll_s)
        self.silent_s = self.silent_s + step_s if sign == self._sign else 0.0
        self._sign, self._looked_s = sign, now_s


async def may_open(context: Context, tail: Segment | None, me: Owner, watch: Watch) -> bool:
    """Whether the partition is free, ours already, or may be taken from its owner."""
    if tail is None or tail.closed or tail.header.owner.token == me.token:
        return True
    owner = tail.header.owner
    gone = context.runtime.gone(owner)
    if not gone:
        watch.look((tail.header.nonce, await context.store.get(heartbeat_name(owner.token))))
    return context.rules.may_take_over(gone=gone, silent_s=watch.silent_s)


def waiting_message(partition: str, owner: Owner, rules: Rules) -> str:
    """What a user reads who waits for somebody else's partition."""
    return (
        f"partition {partition} is being worked on by run {owner.run_id} (process {owner.pid} on {owner.host}); "
        f"waiting until it is done, or has shown no sign of life for {rules.timing.takeover_s:.0f} s"
    )
