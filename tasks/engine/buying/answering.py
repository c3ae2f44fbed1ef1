"""Structured answers: a vision row's text held against its schema, and asked for once more with the faults named.

The second call is a paid one with a key of its own, ``<call key>/0/json/<model>``, in the same partition: it is
reserved, journaled and counted like any other, and never made twice.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from catalogs.answers import JSON_SCHEMA
from catalogs.keys import canonical_json
from tasks.engine.buying.purchase import Buyer, Purchase
from tasks.engine.buying.settling import now
from tasks.engine.planning.spill import PlannedRow
from tasks.engine.shared.services import Services
from tasks.journal import events as ev
from tasks.journal.fold import KeyState, outcome
from tasks.journal.partition import PartitionJournal
from tasks.protocols.prompting import JsonAnswer, answer_json, repair_prompt
from tasks.protocols.wire import Call

_CUT = "the answer was cut off at max_tokens: answer more briefly"


def is_structured(row: PlannedRow) -> bool:
    """Whether the row's answer is to follow a schema."""
    return row.wanted.operation == "vision" and JSON_SCHEMA in row.wanted.params


async def finished_answer(
    services: Services,
    journal: PartitionJournal,
    buyer: Buyer,
    row: PlannedRow,
    state: KeyState,
    make_call: Callable[[], Awaitable[Call]],
) -> list[ev.Event]:
    """The events that end a structured row. Empty: the second call is still owed, and a later run makes it.

    An answer that is wrong twice leaves the row succeeded, with its text and without ``answer_json``.
    """
    assert state.answer is not None
    first = _checked(row, state.answer)
    if not first.problems:
        return [_finished(services, state.key, state.answer.text, first)]
    key = repair_key(row)
    await buyer.buy(_repair(services, row, state.answer, first, make_call))
    repaired = journal.fold.keys.get(key)
    if repaired is None or repaired.answer is None:
        given_up = outcome(repaired)[0] in ("refused", "failed", "held")
        return [_finished(services, state.key, state.answer.text, first)] if given_up else []
    second = _checked(row, repaired.answer)
    done = ev.Finished(at=now(), key=key, outcome="succeeded", run_id=services.run_id)
    return [done, _finished(services, state.key, repaired.answer.text, second)]


def repair_key(row: PlannedRow) -> str:
    """The key of a row's second call."""
    return f"{row.wanted.key}/0/json/{row.wanted.model}"


def _checked(row: PlannedRow, answer: ev.Answered) -> JsonAnswer:
    found = answer_json(answer.text or "", row.wanted.params[JSON_SCHEMA])
    return JsonAnswer(problems=(_CUT, *found.problems)) if answer.truncated and found.problems else found


def _finished(services: Services, key: str, text: str | None, found: JsonAnswer) -> ev.Finished:
    value = None if found.problems else canonical_json(found.value).decode()
    return ev.Finished(
        at=now(), key=key, outcome="succeeded", run_id=services.run_id, answer_text=text, answer_json=value
    )


def _repair(
    services: Services,
    row: PlannedRow,
    answer: ev.Answered,
    found: JsonAnswer,
    make_call: Callable[[], Awaitable[Call]],
) -> Purchase:
    wanted = row.wanted
    prompt = repair_prompt(wanted.prompt_sent, answer.text or "", found)
    cap = services.table.price(replace(wanted, prompt_sent=prompt))[1]
    assert cap is not None

    async def call() -> Call:
        return replace(await make_call(), prompt=prompt)

    return Purchase(
        key=repair_key(row), purpose="vision", catalog=wanted.catalog, row_id=wanted.row_id, take=wanted.take,
        model=services.table.get(wanted.model), endpoint=wanted.endpoint, samples=1, cap_micros=cap, make_call=call,
    )  # fmt: skip
