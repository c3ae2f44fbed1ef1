"""Until when a URL lives: what its family is known for, or sooner if the URL itself carries its end."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus

_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_EPOCHS_S = range(1_000_000_000, 100_000_000_000)  # 2001 to 5138: smaller numbers are no dates


def expiry(url: str, received_at: str, url_ttl_s: int | None) -> str | None:
    """When a URL received at that time dies, ISO 8601 in UTC; None if nobody knows. Never raises.

    ``url_ttl_s``: the life that the model's family documents. A signed URL often states its own end: ``se`` of an
    Azure signature (a date, or seconds since 1970), ``X-Amz-Date`` and ``X-Amz-Expires``, ``Expires``.
    """
    received = datetime.fromisoformat(received_at)
    ends = [received + timedelta(seconds=url_ttl_s)] if url_ttl_s is not None else []
    stated = _stated_end(url)
    if stated is not None:
        ends.append(stated)
    return min(ends).isoformat(timespec="microseconds") if ends else None


def _stated_end(url: str) -> datetime | None:
    try:
        fields = _fields(url)
        for prefix in ("x-amz-", "x-goog-", "x-oss-", "x-tos-"):
            if f"{prefix}date" in fields and f"{prefix}expires" in fields:
                return _stamp(fields[f"{prefix}date"]) + timedelta(seconds=int(fields[f"{prefix}expires"]))
        return next((_moment(fields[name]) for name in ("se", "expires", "exp") if name in fields), None)
    except (ValueError, OverflowError):
        return None  # whatever stands there, it is no date


def _fields(url: str) -> dict[str, str]:
    """The query's fields by name in lower case, empty ones left out; ``parse_qs`` takes six times as long."""
    pairs = [pair.partition("=") for pair in url.partition("#")[0].partition("?")[2].split("&")]
    return {unquote_plus(name).casefold(): unquote_plus(value) for name, _, value in pairs if value}


def _stamp(text: str) -> datetime:
    match = _STAMP.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = map(int, match.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _moment(text: str) -> datetime:
    if text.replace(".", "", 1).isdigit():
        seconds = float(text)
        if int(seconds) not in _EPOCHS_S:
            raise ValueError(text)
        return datetime.fromtimestamp(seconds, UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
