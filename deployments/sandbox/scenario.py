"""What one trouble of the sandbox is made of, and the ways to write it as a row of the table (``scenarios.py``)."""

from dataclasses import dataclass
from typing import Literal

from deployments.sandbox.flavours import Wrong

Stage = Literal[
    "auth",
    "rights",
    "rate",
    "channel",
    "validation",
    "balance",
    "prompt",
    "upstream",
    "output",
    "reply",
    "transport",
    "file",
]
AskKind = Literal["images", "edit", "chat", "vision"]
PICTURES: tuple[AskKind, ...] = ("images", "edit", "chat")
IMAGES_API: tuple[AskKind, ...] = ("images", "edit")
CHAT: tuple[AskKind, ...] = ("chat",)
VISION: tuple[AskKind, ...] = ("vision",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row of the table. ``only`` empty = every paid route; ``billed`` = the call is charged all the same."""

    name: str
    does: str
    covers: str
    stage: Stage
    kind: str | None = None
    wrong: Wrong | None = None
    only: tuple[AskKind, ...] = ()
    billed: bool = False


RETRY_DATE = "{retry_date}"  # filled in when the reply is sent: an HTTP date two seconds ahead
HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


def html(title: str, text: str) -> bytes:
    """A page as proxies send it."""
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><center><h1>{title}</h1></center>"
    return f"{page}<hr><center>{text}</center></body></html>\n".encode()


def error(status: int, message: str, type_: str, code: str | int | None = None, param: str | None = None) -> Wrong:
    """A wrong reply in OpenAI's shape, worded as one model behind the gateway words it."""
    return Wrong(status=status, message=message, type=type_, code=code, param=param)


def limit(headers: dict[str, str]) -> Wrong:
    """A 429 that names its wait in these headers, or nowhere."""
    message = "Rate limit exceeded for images per minute in organization org-sandbox. Limit: 5/1min. Current: 6/1min."
    return Wrong(status=429, message=message, type="images", code="rate_limit_exceeded", headers=headers)


def quota(code: str, message: str) -> Wrong:
    """A 429 that no waiting mends."""
    return Wrong(status=429, message=message, type="insufficient_quota", code=code)


def wrong(
    name: str,
    stage: Stage,
    does: str,
    covers: str,
    wrong: Wrong,
    only: tuple[AskKind, ...] = (),
    *,
    billed: bool = False,
) -> Scenario:
    """A reply of its own wording, the same for every flavour."""
    return Scenario(name=name, does=does, covers=covers, stage=stage, wrong=wrong, only=only, billed=billed)


def kind(name: str, stage: Stage, does: str, covers: str, *, kind: str, only: tuple[AskKind, ...] = ()) -> Scenario:
    """An error that the flavour in force words."""
    return Scenario(name=name, does=does, covers=covers, stage=stage, kind=kind, only=only)


def answer(name: str, does: str, covers: str, only: tuple[AskKind, ...] = PICTURES) -> Scenario:
    """An answer, billed, of another look."""
    return Scenario(name=name, does=does, covers=covers, stage="reply", only=only, billed=True)


def sending(name: str, does: str, covers: str, only: tuple[AskKind, ...] = (), *, billed: bool = True) -> Scenario:
    """An answer that is sent in another way, or not to its end."""
    return Scenario(name=name, does=does, covers=covers, stage="transport", only=only, billed=billed)


def file(name: str, does: str, covers: str) -> Scenario:
    """A picture behind a URL that does not come as it should; billed."""
    return Scenario(name=name, does=does, covers=covers, stage="file", only=PICTURES, billed=True)
