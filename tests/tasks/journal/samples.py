"""Events with everything filled in that a test does not care about."""

from typing import Any

from tasks.journal import events as ev

AT = "2026-01-02T03:04:05.678901+00:00"
KEY = "00" * 32
OTHER_KEY = "01" * 32


def owner(token: str = "t1", **values: Any) -> ev.Owner:
    filled = {"run_id": "run", "host": "h", "boot_id": "b", "pid_ns": "n", "pid": 1, "started": "1", **values}
    return ev.Owner(token=token, **filled)


def intent(number: int = 1, *, key: str = KEY, run_id: str = "run", token: str = "t1", **values: Any) -> ev.Intent:
    filled = {
        "purpose": "generate",
        "catalog": "c",
        "row_id": "r",
        "take": 1,
        "provider": "p",
        "model": "m",
        "endpoint": "/e",
        "samples": 1,
        "cap_micros": 40_000,
        **values,
    }
    return ev.Intent(at=AT, key=key, attempt=f"{number}-{token}", number=number, run_id=run_id, **filled)


def answered(paid: ev.Intent, **values: Any) -> ev.Answered:
    return ev.Answered(at=AT, key=paid.key, attempt=paid.attempt, **{"cost_micros": 30_000, **values})


def rejected(paid: ev.Intent, **values: Any) -> ev.Rejected:
    filled = {"error_class": "transient", "reason": "server_error", "final": False, **values}
    return ev.Rejected(at=AT, key=paid.key, attempt=paid.attempt, **filled)


def unknown(paid: ev.Intent, reason: str = "timeout") -> ev.Unknown:
    return ev.Unknown(at=AT, key=paid.key, attempt=paid.attempt, reason=reason)


def withdrawn(paid: ev.Intent) -> ev.Withdrawn:
    return ev.Withdrawn(at=AT, key=paid.key, attempt=paid.attempt, reason="stale")


def stored(key: str = KEY, sample_index: int = 0) -> ev.Stored:
    return ev.Stored(
        at=AT,
        key=key,
        sample_index=sample_index,
        image_key="images/ab/abc.png",
        sha256="abc",
        phash="0",
        format="png",
        width_px=1,
        height_px=1,
        size_bytes=1,
        has_c2pa=False,
    )


def wanted(key: str | None = KEY, row_id: str = "r", **values: Any) -> ev.Wanted:
    filled = {
        "catalog": "c",
        "catalog_sha256": "s",
        "row_number": 1,
        "take": 1,
        "digest": "d",
        "samples": 1,
        "operation": "generate",
        "provider": "p",
        "model": "m",
        "endpoint": "/e",
        "prompt": "赛博朋克",
        "prompt_sent": "赛博朋克【3:2】",
        "params": {"size": "1024x1024", "nested": {"a": [1, None]}},
        "requested_size": None,
        "input_sha256s": ("x",),
        "tags": {"a": "b"},
        **values,
    }
    return ev.Wanted(at=AT, run_id="run", row_id=row_id, key=key, **filled)


def finished(key: str = KEY, outcome: str = "succeeded") -> ev.Finished:
    return ev.Finished(at=AT, key=key, outcome=outcome)


def one_of_each() -> list[ev.Event]:
    """A history that touches every kind of event but the checkpoint."""
    first, second = intent(1), intent(2)
    reading = intent(1, key=f"{KEY}/0/ocr/gpt-4o", purpose="ocr")
    inline = ev.AnsweredPicture(
        stored={k: v for k, v in _fields(stored()).items() if k not in ("key", "sample_index", "at")}
    )
    return [
        ev.Opened(at=AT, owner=owner()),
        wanted(),
        wanted(None, "child", waiting_for=("r",)),
        wanted(OTHER_KEY, "other"),
        ev.Unwanted(at=AT, run_id="run", catalog="c", row_id="other", take=1, key=OTHER_KEY),
        first,
        unknown(first),
        second,
        answered(second, pictures=(ev.AnsweredPicture(url="https://x/y", expires_at=AT), inline)),
        stored(),
        reading,
        answered(reading, text="hi", pictures=()),
        ev.Read(at=AT, key=KEY, sample_index=0, reader="local", status="text", text="hi", confidence=0.9),
        finished(),
        intent(1, key=OTHER_KEY),
        rejected(intent(1, key=OTHER_KEY)),
        intent(2, key=OTHER_KEY),
        withdrawn(intent(2, key=OTHER_KEY)),
        ev.Held(at=AT, key=OTHER_KEY, reason="attempts_exhausted"),
        ev.Released(at=AT, key=OTHER_KEY, run_id="run2"),
        ev.Paused(at=AT, reason="budget", keys=(OTHER_KEY,)),
        ev.Closed(at=AT, owner_token="t1"),
    ]


def _fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}
