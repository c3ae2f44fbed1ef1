"""From a partition's fold to manifest rows: pure, one row per result that was asked for, and per extra picture.

A row is a dict with every column of a part: money in micro-dollars, times as ISO 8601 text, null as None.
"""

from collections.abc import Iterator
from typing import Any

from catalogs.keys import canonical_json, result_key, waiting_key
from tasks.journal import events as ev
from tasks.journal.fold import Attempt, Fold, KeyState, Want, outcome
from tasks.manifest.books import Books, deciding, made, open_books
from tasks.manifest.money import share, shares
from tasks.manifest.outcomes import Word, sample_outcome
from tasks.manifest.reading import answer_json, best_reading, character_error_rate
from tasks.manifest.schema import PART_SCHEMA, SCHEMA_VERSION
from tasks.manifest.shape import as_requested

RowDict = dict[str, Any]

_BLANK: RowDict = dict.fromkeys(PART_SCHEMA.names) | {
    "attempts": 0, "reused": False, "cost_usd": 0, "ocr_cost_usd": 0, "cost_at_risk_usd": 0, "billed": "no",
    "schema_version": SCHEMA_VERSION,
}  # fmt: skip


def manifest_rows(fold: Fold) -> Iterator[RowDict]:
    """Every manifest row of a partition, sorted by catalog, row number, row id, take, key and sample."""
    books = open_books(fold)
    for want in books.wants:
        key = want.event.key
        base = _BLANK | _request(want)
        state = fold.keys.get(key) if key is not None else None
        if state is None:
            base |= {"outcome": "pending", "outcome_reason": "not_started" if key else "waiting_for_input"}
            base["call_outcome"] = "pending"
            yield from _untouched(base, want.event)
        else:
            yield from _called(base, want, state, books)


def _request(want: Want) -> RowDict:
    """Identity and request: what the newest ``wanted`` says."""
    e = want.event
    return {
        "row_id": e.row_id, "catalog": e.catalog, "take": e.take, "run_id": e.run_id,
        "catalog_sha256": e.catalog_sha256, "row_number": e.row_number, "tags": sorted(e.tags.items()),
        "operation": e.operation, "provider": e.provider, "model": e.model, "endpoint": e.endpoint,
        "prompt": e.prompt, "prompt_sent": e.prompt_sent,
        "params": canonical_json(e.params).decode() if e.params else "{}",
        "input_sha256s": e.input_sha256s, "mask_sha256": e.mask_sha256, "requested_size": e.requested_size,
        "expected_text": e.expected_text, "current": want.current,
        "call_key": e.key, "request_digest": e.digest, "samples": e.samples, "ocr_wanted": e.ocr,
    }  # fmt: skip


def _untouched(base: RowDict, event: ev.Wanted) -> Iterator[RowDict]:
    key = event.key or waiting_key(event.catalog, event.row_id, event.take)
    for sample in range(event.samples):
        yield base | {"sample_index": sample, "result_key": result_key(key, sample)}


def _called(base: RowDict, want: Want, state: KeyState, books: Books) -> Iterator[RowDict]:
    event, attempts = want.event, made(state)
    word, last = outcome(state), deciding(state, attempts)
    again = books.asked_again(state.key)
    paid = books.paid_by(want, [*attempts, *again])
    readings = books.readings_paid_by(want) if books.readings else {}
    base |= {"attempts": len(attempts) + len(again), "reused": bool(attempts) and not paid and word[0] != "pending"}
    base["finished_at"], base["call_outcome"] = _finished_at(state, last, word), word[0]
    if last is not None:
        base |= _call(last)
        if paid:
            base["run_id"] = last.intent.run_id
    for sample in _samples(event, state):
        row = base | {"sample_index": sample, "result_key": result_key(state.key, sample)}
        row["outcome"], row["outcome_reason"], row["refusal_stage"] = sample_outcome(state, sample, word)
        row |= _money(paid, readings.get(sample, []), sample, event.samples)
        if paid and state.answer is not None:
            row |= _tokens(state.answer, sample, event.samples)
        if event.operation == "vision":
            row |= _answer(event, state, sample, row["outcome"])
        else:
            row |= _picture(event, state, sample)
        yield row


def _samples(event: ev.Wanted, state: KeyState) -> Iterator[int]:
    yield from range(event.samples)
    if len(state.stored) > event.samples or any(sample >= event.samples for sample in state.stored):
        yield from sorted(sample for sample in state.stored if sample >= event.samples)


def _call(attempt: Attempt) -> RowDict:
    """What the deciding call says of all its results."""
    intent, result = attempt.intent, attempt.result
    columns: RowDict = {
        "started_at": intent.at, "price_rule": intent.price_rule or None, "price_as_of": intent.price_as_of or None
    }  # fmt: skip
    if isinstance(result, (ev.Answered, ev.Rejected, ev.Unknown)):
        columns["http_status"] = result.http_status
    if isinstance(result, (ev.Answered, ev.Rejected)):
        columns["queue_ms"], columns["generate_ms"] = result.queue_ms, result.generate_ms
    if isinstance(result, ev.Answered):
        columns["revised_prompt"] = result.revised_prompt
    return columns


def _finished_at(state: KeyState, last: Attempt | None, word: Word) -> str | None:
    if word[0] == "pending":
        return None
    if state.finished is not None:
        return state.finished.at
    if state.held is not None:
        return state.held.at
    return last.result.at if last is not None and last.result is not None else None


def _money(paid: list[Attempt], readings: list[Attempt], sample: int, samples: int) -> RowDict:
    call, read = shares(paid, sample, samples), shares(readings, 0, 1)
    return {
        "cost_usd": call.shown_micros, "ocr_cost_usd": read.shown_micros,
        "cost_at_risk_usd": call.at_risk_micros + read.at_risk_micros, "billed": call.billed,
    }  # fmt: skip


def _tokens(answer: ev.Answered, sample: int, samples: int) -> RowDict:
    if sample >= samples:
        return {}
    counts = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    return {name: share(count, sample, samples) for name, count in counts.items() if count is not None}


def _picture(event: ev.Wanted, state: KeyState, sample: int) -> RowDict:
    """The stored picture and its reading; until it is stored, where it was offered."""
    stored = state.stored.get(sample)
    columns = _stored(stored, event.requested_size) if stored is not None else _offered(state.answer, sample)
    return columns | _reading(_best(state, sample), event.expected_text) if state.reads else columns


def _stored(s: ev.Stored, requested_size: str | None) -> RowDict:
    return {
        "image_uri": s.image_key, "source_url": s.source_url, "url_expires_at": s.url_expires_at,
        "seconds_to_spare": s.seconds_to_spare, "sha256": s.sha256, "phash": s.phash, "format": s.format,
        "width_px": s.width_px, "height_px": s.height_px, "size_bytes": s.size_bytes,
        "size_as_requested": as_requested(requested_size, s.width_px, s.height_px), "has_c2pa": s.has_c2pa,
        "blank": s.blank,
        "download_ms": s.download_ms, "store_ms": s.store_ms,
    }  # fmt: skip


def _offered(answer: ev.Answered | None, sample: int) -> RowDict:
    """Where a picture that is not stored was offered. The query string is its signature: it stays out."""
    if answer is None or sample >= len(answer.pictures):
        return {}
    picture = answer.pictures[sample]
    url = picture.url.partition("#")[0].partition("?")[0] if picture.url else None
    return {"source_url": url, "url_expires_at": picture.expires_at}


def _best(state: KeyState, sample: int) -> ev.Read | None:
    return best_reading(read for (index, _), read in state.reads.items() if index == sample)


def _reading(read: ev.Read | None, expected: str | None) -> RowDict:
    if read is None:
        return {}
    seen = read.text or "" if read.status in ("text", "no_text") else None
    return {
        "ocr_text": read.text, "ocr_model": read.reader, "ocr_status": read.status,
        "ocr_confidence": read.confidence, "cer": character_error_rate(expected, seen),
    }  # fmt: skip


def _answer(event: ev.Wanted, state: KeyState, sample: int, word: str) -> RowDict:
    """The answer of a vision row: the reading itself for ``ocr``, else text that may be JSON."""
    text = state.answer.text if state.answer is not None else None
    if event.vision != "ocr":
        done = state.finished
        if "json_schema" in event.params and done is not None:
            return {"answer_text": done.answer_text or text, "answer_json": done.answer_json}
        return {"answer_text": text, "answer_json": answer_json(text)}
    read = _best(state, sample)
    if read is None and word in ("refused", "failed"):
        return {"ocr_model": event.model, "ocr_status": word}
    if read is None and word == "succeeded" and text is not None:
        status = "text" if text.strip() else "no_text"
        read = ev.Read(at="", key=state.key, sample_index=sample, reader=event.model, status=status, text=text or None)
    return _reading(read, event.expected_text)
