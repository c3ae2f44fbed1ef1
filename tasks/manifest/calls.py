"""The call log: one row per call that was, or may have been, made; the rows of ``calls.parquet``."""

from collections.abc import Iterator

from catalogs.keys import result_key
from tasks.journal import events as ev
from tasks.journal.fold import Attempt, Fold
from tasks.manifest.books import made, reading_of
from tasks.manifest.money import attempt_cost
from tasks.manifest.rows import RowDict
from tasks.manifest.schema import CALL_SCHEMA

_BLANK: RowDict = dict.fromkeys(CALL_SCHEMA.names)


def call_rows(fold: Fold) -> Iterator[RowDict]:
    """Every call of a partition, oldest first, paid readings included, withdrawn intents left out."""
    calls = [(key, attempt) for key, state in fold.keys.items() for attempt in made(state)]
    calls.sort(key=lambda call: (call[1].intent.at, call[0], call[1].intent.number, call[1].intent.attempt))
    return (_call(key, attempt) for key, attempt in calls)


def _call(key: str, attempt: Attempt) -> RowDict:
    i, result, cost = attempt.intent, attempt.result, attempt_cost(attempt)
    reading = reading_of(key)
    row: RowDict = _BLANK | {
        "call_id": f"{key}.{i.attempt}", "run_id": i.run_id, "row_id": i.row_id, "catalog": i.catalog,
        "result_key": result_key(reading[0], reading[1]) if reading else result_key(key, 0),
        "purpose": i.purpose, "provider": i.provider, "model": i.model, "endpoint": i.endpoint,
        "started_at": i.at, "attempt": i.number, "cost_usd": cost.shown_micros, "billed": cost.billed,
    }  # fmt: skip
    if result is not None:
        row["finished_at"] = result.at
    if isinstance(result, ev.Answered):
        row |= {"input_tokens": result.input_tokens, "output_tokens": result.output_tokens}
    if isinstance(result, ev.Rejected):
        row["error_class"] = result.error_class
    if isinstance(result, ev.Unknown):
        row["error_class"] = "unknown"
    if isinstance(result, (ev.Answered, ev.Rejected)):
        row["request_id"] = result.request_id
    if isinstance(result, (ev.Answered, ev.Rejected, ev.Unknown)):
        row["http_status"] = result.http_status
    return row
