"""The promises, checked against the truth when a schedule has come to its end."""

from tasks.journal.fold import Fold
from tests.faults.journal_sim.process import Plan
from tests.faults.journal_sim.world import World

MAX_POSTS = 2  # one unknown is retried once, then the row is held


def check_partition(world: World, partition: str, found: Fold, wanted: list[str]) -> None:
    """``found`` is what a fresh reader reads at the end."""
    if found != world.truth.folds[partition]:
        world.violation("the journal as read is not what was written", partition)
    for key in wanted:
        _check_key(world, partition, found, key)


def _check_key(world: World, partition: str, found: Fold, key: str) -> None:
    truth, state = world.truth, found.keys.get(key)
    if state is None or (state.finished is None and state.held is None):
        world.violation("row never finished", key)
        return
    if state.finished is not None and state.finished.reason not in truth.images:
        world.violation("image missing", key)
    posted = [attempt for other, attempt in truth.posted if other == key]
    states = {attempt: made.state for attempt, made in state.attempts.items()}
    for attempt in posted:
        if states.get(attempt, "withdrawn") == "withdrawn":
            world.violation("a call was made that the journal does not know of", key, attempt)
    if len(posted) > MAX_POSTS:
        world.violation("bought more often than the policy allows", key, len(posted))
    unknown = sum((key, attempt) in truth.unknown for attempt in posted)
    if truth.charges_of_key[key] - 1 > unknown:
        world.violation("paid more often than unknowns were recorded", key, truth.charges_of_key[key], unknown)
    for host, answer in truth.spooled:
        if answer.key == key and host not in world.lost_hosts and states.get(answer.attempt) != "answered":
            world.violation("an answer in the spool was lost", key, answer.attempt)
    for other, attempt in truth.recorded:
        if other == key and states.get(attempt) != "answered":
            world.violation("a recorded answer was lost", key, attempt)


def check_calm(world: World, plan: Plan) -> None:
    """Without crash, long stop or lost reply every row is paid exactly once, however many work on it."""
    faults = world.faults
    if faults.crashes or faults.long_stops or faults.lost_replies:
        return
    most = max(process.rows for process in world.processes)
    rows = sum(len(keys[:most]) for keys in plan.keys.values())
    paid = sum(world.truth.charges.values())
    if paid != rows:
        world.violation("not paid exactly once although all was calm", paid, rows)
