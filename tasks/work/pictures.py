"""From an answer with URLs to stored pictures: fetched at once, checked by decoding, stored under their content."""

import asyncio
import time
from datetime import UTC, datetime

from tasks.journal import events as ev
from tasks.protocols.redact import strip_query
from tasks.storage.containers import BadImage
from tasks.storage.fetch import FetchError
from tasks.storage.keys import image_key
from tasks.work.services import Services
from tasks.work.settling import now, stored_fields

_TRIES = 4
_FIRST_PAUSE_S = 0.5


class Unfetchable(Exception):
    """A picture that cannot be had any more; ``reason`` is a word of the manifest's closed list."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def fetch_picture(
    services: Services, key: str, index: int, picture: ev.AnsweredPicture
) -> tuple[ev.Stored, bytes]:
    """Fetch, check and store one picture of an answer. ``Unfetchable`` when its URL is dead or holds no picture.

    A bad download is tried again while the URL lives: the picture is paid for, only its bytes are missing.
    """
    assert picture.url is not None
    pause, last = _FIRST_PAUSE_S, "url_expired"
    for attempt in range(_TRIES):
        if attempt:
            await asyncio.sleep(pause)
            pause *= 3
        try:
            return await _fetch_once(services, key, index, picture)
        except BadImage:
            last = "bad_image"
        except FetchError as error:
            last = _REASONS.get(error.reason, "connection")
            if not error.retryable:
                break
        left_s = _seconds_left(picture.expires_at)
        if left_s is not None and left_s < 0:
            break
    raise Unfetchable(last)


async def _fetch_once(services: Services, key: str, index: int, picture: ev.AnsweredPicture) -> tuple[ev.Stored, bytes]:
    assert picture.url is not None
    started = time.monotonic()
    data = (await services.fetcher.fetch(picture.url)).data
    spare = _seconds_left(picture.expires_at)
    fetched = time.monotonic()
    facts = await services.inspector.inspect(data)
    name = image_key(facts.sha256, facts.format)
    put_at = time.monotonic()
    await services.store.put(name, data, content_type=facts.content_type)
    event = ev.Stored(
        at=now(),
        key=key,
        sample_index=index,
        source_url=None if picture.url.startswith("data:") else strip_query(picture.url),
        url_expires_at=picture.expires_at,
        seconds_to_spare=None if spare is None else round(spare, 3),
        download_ms=round(1000 * (fetched - started)),
        store_ms=round(1000 * (time.monotonic() - put_at)),
        **stored_fields(facts, name),
    )
    return event, data


def _seconds_left(expires_at: str | None) -> float | None:
    if expires_at is None:
        return None
    return (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()


def deadline(answer: ev.Answered) -> str:
    """Sort key: the nearest URL deadline of an answer, undated ones last."""
    dates = [p.expires_at for p in answer.pictures if p.expires_at]
    return min(dates, default="9999")


_REASONS = {
    "url_expired": "url_expired",
    "too_large": "too_large",
    "blocked": "connection",
    "not_an_image": "bad_image",
}
