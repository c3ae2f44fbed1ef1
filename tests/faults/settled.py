"""The gateway's bill once nothing is under way any more: it charges even if the client is dead."""

import time
from typing import Any

from deployments.sandbox.process import SandboxProcess


def bill_when_settled(gateway: SandboxProcess, *, quiet_s: float = 0.6, timeout_s: float = 60) -> list[dict[str, Any]]:
    """The charges, once their number has stood still for a while."""
    charges: list[dict[str, Any]] = gateway.bill()["charges"]
    since, deadline = time.monotonic(), time.monotonic() + timeout_s
    while time.monotonic() - since < quiet_s:
        assert time.monotonic() < deadline, "the gateway goes on charging"
        time.sleep(0.1)
        now: list[dict[str, Any]] = gateway.bill()["charges"]
        if len(now) != len(charges):
            charges, since = now, time.monotonic()
    return charges
