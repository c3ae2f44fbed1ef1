"""A gateway's bill against our call log: what was billed but not recorded, and what was recorded but not billed.

A line and a call belong together by their request id, else by model, amount and time: the charge falls between the
call's start and its end, give or take ``within``. Charges of calls with unknown outcome have any amount.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from tasks.manifest.usage_export import BillLine


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One row of the call log; ``cost_micros`` None = nobody knows."""

    call_id: str
    row_id: str
    catalog: str
    model: str
    started_at: datetime
    finished_at: datetime | None
    billed: str  # yes | no | unknown
    cost_micros: int | None
    request_id: str | None


Pair = tuple[BillLine, RecordedCall]
_NEAREST_FIRST = (timedelta(seconds=2), timedelta(seconds=15))
LineAmount = Callable[[BillLine], int | None]
CallAmount = Callable[[RecordedCall], int | None]


@dataclass(slots=True)
class Reconciliation:
    """Every line of the bill and every call of its period, each in exactly one place."""

    matched: list[Pair] = field(default_factory=list)
    different_amount: list[Pair] = field(default_factory=list)
    billed_as_free: list[Pair] = field(default_factory=list)  # recorded as not billed
    unknown_billed: list[Pair] = field(default_factory=list)  # the bill tells what we could not know
    unknown_not_billed: list[RecordedCall] = field(default_factory=list)
    billed_not_recorded: list[BillLine] = field(default_factory=list)
    recorded_not_billed: list[RecordedCall] = field(default_factory=list)
    outside: int = 0  # calls before the first or after the last line of the bill

    @property
    def agrees(self) -> bool:
        """Whether bill and log say the same, as far as the log claims to know."""
        return not (
            self.different_amount or self.billed_as_free or self.billed_not_recorded or self.recorded_not_billed
        )


def reconcile(
    lines: Iterable[BillLine],
    calls: Iterable[RecordedCall],
    *,
    canonical: Callable[[str], str] = str,
    within: timedelta = timedelta(seconds=120),
) -> Reconciliation:
    """Match a bill with the call log. ``canonical`` turns a gateway's spelling of a model into our id."""
    found = Reconciliation()
    left = sorted(lines, key=lambda line: line.at)
    open_calls = _of_the_period(left, calls, within, found)
    left, open_calls = _by_request_id(left, open_calls, found)
    names = {spelling: canonical(spelling) for spelling in {line.model for line in left}}
    known = [call for call in open_calls if call.billed == "yes"]

    def pair_up(calls: list[RecordedCall], line_amount: LineAmount, call_amount: CallAmount) -> list[Pair]:
        """Take pairs of the same model and amount out of ``calls`` and of the lines that are left."""
        found_pairs: list[Pair] = []
        for tolerance in (*(step for step in _NEAREST_FIRST if step < within), within):
            pairs, left[:], calls[:] = _matched(
                left, calls, tolerance,
                lambda line: (names[line.model], line_amount(line)), lambda call: (call.model, call_amount(call)),
            )  # fmt: skip
            found_pairs += pairs
        return found_pairs

    found.matched += pair_up(known, lambda line: line.cost_micros if line.quota is None else -1, _micros)
    found.matched += pair_up(known, lambda line: line.quota, lambda call: _micros(call) // 2)
    found.matched += pair_up(known, lambda line: line.quota, lambda call: -(-_micros(call) // 2))
    for billed, place in (("unknown", found.unknown_billed), ("yes", found.different_amount),
                          ("no", found.billed_as_free)):  # fmt: skip
        calls_so = known if billed == "yes" else [call for call in open_calls if call.billed == billed]
        place.extend(pair_up(calls_so, lambda _: None, lambda _: None))
        if billed == "unknown":
            found.unknown_not_billed += calls_so
    found.billed_not_recorded += left
    found.recorded_not_billed += [call for call in known if call.cost_micros]
    return found


def _micros(call: RecordedCall) -> int:
    return call.cost_micros or 0


def _of_the_period(
    lines: Sequence[BillLine], calls: Iterable[RecordedCall], within: timedelta, found: Reconciliation
) -> list[RecordedCall]:
    """The calls that could be on the bill, by when it begins and ends."""
    if not lines:
        inside = list(calls)
    else:
        first, last = lines[0].at - within, lines[-1].at + within
        listed = list(calls)
        inside = [call for call in listed if _end(call) >= first and call.started_at <= last]
        found.outside = len(listed) - len(inside)
    return inside


def _by_request_id(
    lines: list[BillLine], calls: list[RecordedCall], found: Reconciliation
) -> tuple[list[BillLine], list[RecordedCall]]:
    by_id = {call.request_id: call for call in calls if call.request_id}
    left: list[BillLine] = []
    for line in lines:
        call = by_id.pop(line.request_id, None) if line.request_id else None
        if call is None:
            left.append(line)
        elif call.billed == "yes":
            same = abs(line.cost_micros - (call.cost_micros or 0)) <= (0 if line.quota is None else 2)
            (found.matched if same else found.different_amount).append((line, call))
        else:
            (found.unknown_billed if call.billed == "unknown" else found.billed_as_free).append((line, call))
    matched = {call.call_id for pairs in (found.matched, found.different_amount, found.unknown_billed,
                                          found.billed_as_free) for _, call in pairs}  # fmt: skip
    return left, [call for call in calls if call.call_id not in matched]


def _matched(
    lines: Sequence[BillLine],
    calls: Sequence[RecordedCall],
    within: timedelta,
    line_group: Callable[[BillLine], Hashable],
    call_group: Callable[[RecordedCall], Hashable],
) -> tuple[list[Pair], list[BillLine], list[RecordedCall]]:
    """As many pairs as can be, each inside one group and its call's time; then the lines and calls left over."""
    groups: dict[Hashable, list[RecordedCall]] = defaultdict(list)
    for call in calls:
        groups[call_group(call)].append(call)
    for members in groups.values():
        members.sort(key=lambda call: call.started_at, reverse=True)
    waiting: dict[Hashable, list[tuple[datetime, str, RecordedCall]]] = defaultdict(list)
    pairs: list[Pair] = []
    left: list[BillLine] = []
    for line in sorted(lines, key=lambda line: line.at):
        group = line_group(line)
        begun, ends = groups[group], waiting[group]
        while begun and begun[-1].started_at - within <= line.at:
            call = begun.pop()
            heappush(ends, (_end(call) + within, call.call_id, call))
        while ends and ends[0][0] < line.at:
            heappop(ends)
        if ends:
            pairs.append((line, heappop(ends)[2]))
        else:
            left.append(line)
    taken = {call.call_id for _, call in pairs}
    return pairs, left, [call for call in calls if call.call_id not in taken]


def _end(call: RecordedCall) -> datetime:
    return call.finished_at or call.started_at
