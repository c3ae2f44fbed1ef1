"""What is left when all is over: the gateway's bill (it charges even if the client is dead), and answers in spools."""

import time
from pathlib import Path
from typing import Any

from deployments.sandbox.process import SandboxProcess
from tasks.journal.dataset import find_dataset
from tasks.journal.spool import LocalSpool
from tasks.storage.open import open_store


def bill_when_settled(gateway: SandboxProcess, *, timeout_s: float = 60) -> list[dict[str, Any]]:
    """The charges, once no paid call is served any more: twice in a row, for one may just be coming in."""
    deadline, quiet = time.monotonic() + timeout_s, 0
    while quiet < 2:
        assert time.monotonic() < deadline, "the gateway is still serving calls"
        time.sleep(0.03)
        quiet = 0 if gateway.health()["in_hand"] else quiet + 1
    charges: list[dict[str, Any]] = gateway.bill()["charges"]
    return charges


async def answers_in_spool(dataset: str, root: Path) -> int:
    """How many answers for the dataset wait in the spool below ``root``."""
    found = await find_dataset(open_store(dataset))
    if found is None:
        return 0
    spool = LocalSpool(found.id, root)
    try:
        return len(await spool.answers())
    finally:
        spool.close()
