"""What runs that are at work said of themselves beside their sign of life (``noting``), for people."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.journal.names import HEARTBEATS
from tasks.storage.store import NotFound, Store

SILENT_AFTER_S = 120.0  # five beats: by the journal's own time-out it would be taken for dead


@dataclass(frozen=True, slots=True)
class AtWork:
    """One process's note as a reader found it; ``said`` is the note, ``silent_s`` how old it is by our clock."""

    said: Mapping[str, Any]
    silent_s: float

    @property
    def line(self) -> str:
        """Who, how far, since when."""
        said = self.said
        when = datetime.fromtimestamp(said["at_s"], UTC)
        doing = f"{said['done']:,} of {said['planned']:,} calls done, {said['in_flight']:,} in flight"
        sign = f"no sign of life since {when:%Y-%m-%d %H:%M:%S} UTC" if self.silent_s > SILENT_AFTER_S else doing
        return f"run {said['run_id']}, process {said['pid']} on {said['host']}: {sign}"

    def details(self) -> list[str]:
        """What was decided on its traffic."""
        return list(decisions(self.said))


async def at_work(store: Store) -> list[AtWork]:
    """The notes in a dataset, whoever's signs of life have none left out."""
    found = []
    for listed in await store.list(HEARTBEATS):
        try:
            _, _, line = (await store.get(listed.key)).partition(b"\n")
            said = json.loads(line)
            found.append(AtWork(said, time.time() - said["at_s"]))
        except (NotFound, ValueError, KeyError, TypeError):
            continue  # it ended meanwhile, or has said nothing yet
    return found


def decisions(traffic: Mapping[str, Any]) -> Iterator[str]:
    """What a snapshot of the traffic says, in sentences: limits in force, refusals, rests, what was given up."""
    for model, lane in sorted(traffic["models"].items()):
        yield f"{model}: {limits(lane)}{_refused(lane)}"
    budget = traffic["retries"]
    if budget["retries"]:
        yield f"{budget['retries']:,} retries of {budget['requests']:,} requests{_delayed(budget)}"
    for model, message in sorted(traffic["models_given_up"].items()):
        yield f"{model} is given up: {message}"
    if traffic["waiting_for_connection"]:
        yield traffic.get("unreachable") or "the gateway cannot be reached; one call at a time tries"
    if traffic["stopped"]:
        yield f"stopped by the gateway: {traffic['stopped']}"


def limits(lane: Mapping[str, Any]) -> str:
    """The limits of one model in force, and the rest it takes."""
    most = lane["concurrency_max"]
    room = f"{lane['in_flight']} of {lane['concurrency']} in flight"
    cut = f" (of {most} asked for)" if lane["concurrency"] < most else ""
    rate = f", {lane['rpm']:g} a minute" if lane["rpm"] else ""
    rest = f", rests another {lane['paused_s']:.0f} s" if lane["paused_s"] else ""
    return f"{room}{cut}{rate}{rest}"


def _refused(lane: Mapping[str, Any]) -> str:
    if not lane["rate_limited"]:
        return ""
    return f"; {lane['rate_limited']:,} of {lane['started']:,} calls rate limited, last: {lane['why']}"


def _delayed(budget: Mapping[str, Any]) -> str:
    return "; their budget is used up, so further ones wait up to a minute" if budget["exhausted"] else ""
