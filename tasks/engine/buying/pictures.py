"""From an answer with URLs to stored pictures: fetched at once, checked by decoding, stored under their content."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from tasks.engine.buying.settling import now, stored_fields
from tasks.engine.shared.keeping import answer_tag, keep_image
from tasks.engine.shared.services import Services
from tasks.journal import events as ev
from tasks.protocols.redact import strip_query
from tasks.storage.containers import BadImage
from tasks.storage.fetch import FetchError
from tasks.storage.inspect import ImageFacts

_TRIES = 4
_LONGEST_PAUSE_S = 30.0
CLOSE_S = 60.0  # seconds to spare that call for a warning


class Unfetchable(Exception):
    """A picture that cannot be had any more; ``reason`` is a word of the manifest's closed list."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def fetch_picture(
    services: Services, answer: ev.Answered, index: int, picture: ev.AnsweredPicture
) -> tuple[ev.Stored, bytes]:
    """Fetch, check and store one picture of an answer. ``Unfetchable`` when its URL is dead or holds no picture.

    A bad download is tried again while the URL lives: the picture is paid for, only its bytes are missing.
    """
    pause_s, last, why = services.pace.fetch_pause_s, "url_expired", ""
    for attempt in range(_TRIES):
        if attempt:
            await asyncio.sleep(pause_s)
            pause_s *= 3
        try:
            return await _fetch_once(services, answer, index, picture)
        except BadImage as error:
            last, why = "bad_image", str(error)
        except FetchError as error:
            last, why = _reason(error), str(error)
            if not error.retryable:
                break
            pause_s = max(pause_s, min(error.retry_after_s or 0.0, _LONGEST_PAUSE_S))
        left_s = _seconds_left(picture.expires_at)
        if left_s is not None and left_s < 0:
            break
    found = await services.patiently(lambda: services.lost_and_found.find(answer, index))
    if found is None:
        _tell_first_of_its_kind(services, last, why)
        raise Unfetchable(last)
    key, facts = found
    return _event(answer, index, picture, facts, key), facts.data


async def _fetch_once(
    services: Services, answer: ev.Answered, index: int, picture: ev.AnsweredPicture
) -> tuple[ev.Stored, bytes]:
    assert picture.url is not None
    started = time.monotonic()
    data = (await services.fetcher.fetch(picture.url)).data
    spare_s = _seconds_left(picture.expires_at)
    fetched = time.monotonic()
    if spare_s is not None:
        _warn_if_close(services, spare_s)
    facts = await services.inspector.inspect(data)
    put_at = time.monotonic()
    key = await keep_image(
        services.store,
        facts,
        answer_tag(answer.key, answer.attempt, index),
        patience_s=services.pace.journal.patience_s,
    )
    event = _event(
        answer,
        index,
        picture,
        facts,
        key,
        seconds_to_spare=None if spare_s is None else round(spare_s, 3),
        download_ms=round(1000 * (fetched - started)),
        store_ms=round(1000 * (time.monotonic() - put_at)),
    )
    return event, facts.data


def _tell_first_of_its_kind(services: Services, reason: str, why: str) -> None:
    """Say once for each reason what exactly went wrong: the manifest's words are few, and a guard is no bad network."""
    if reason not in services.progress.fetch_faults:
        services.progress.fetch_faults.add(reason)
        services.say(f"a picture that is paid for could not be fetched ({reason}): {why}")


def _warn_if_close(services: Services, spare_s: float) -> None:
    """Say that downloads come close to the end of their URLs, again only when it is half as much as before."""
    before_s = services.progress.least_spare_s
    if spare_s < CLOSE_S and (before_s is None or spare_s < before_s / 2):
        services.progress.least_spare_s = spare_s
        services.say(f"a picture was fetched {spare_s:.1f} s before its URL dies: fewer calls in flight would help")


def _event(
    answer: ev.Answered, index: int, picture: ev.AnsweredPicture, facts: ImageFacts, key: str, **measured: Any
) -> ev.Stored:
    url = picture.url or ""
    return ev.Stored(
        at=now(),
        key=answer.key,
        sample_index=index,
        source_url=None if url.startswith("data:") else strip_query(url),
        url_expires_at=picture.expires_at,
        **stored_fields(facts, key),
        **measured,
    )


def _reason(error: FetchError) -> str:
    """The word of the manifest's closed list for a download that failed."""
    if error.reason == "bad_status":
        return "rate_limited" if error.status == 429 else "server_error"
    return {"url_expired": "url_expired", "too_large": "too_large"}.get(error.reason, "connection")


def _seconds_left(expires_at: str | None) -> float | None:
    if expires_at is None:
        return None
    return (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()


def deadline(answer: ev.Answered) -> str:
    """Sort key: the nearest URL deadline of an answer, undated ones last."""
    dates = [p.expires_at for p in answer.pictures if p.expires_at]
    return min(dates, default="9999")
