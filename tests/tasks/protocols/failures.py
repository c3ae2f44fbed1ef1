"""Failures for tests of what is done about them."""

from typing import Any

from tasks.protocols.wire import ErrorClass, Failure


def failure(error_class: ErrorClass, *, reason: str = "server_error", resend: bool = False, **more: Any) -> Failure:
    """A failure of this class; unbilled and final unless said otherwise."""
    return Failure(error_class=error_class, reason=reason, resend=resend, **{"paid": "no", "message": "…", **more})
