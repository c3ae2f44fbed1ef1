"""What a run that is at work says of itself beside its sign of life: how far it is, and what its limits decided."""

import json
import time

from tasks.engine.shared.services import Services


class Note:
    """The note of this process; empty until the services are open."""

    def __init__(self) -> None:
        self.services: Services | None = None

    def __call__(self) -> bytes:
        """One line of JSON, redacted, or nothing."""
        services = self.services
        if services is None:
            return b""
        progress, owner = services.progress, services.owner
        values = {
            "run_id": services.run_id, "host": owner.host, "pid": owner.pid, "at_s": round(time.time(), 3),
            "done": progress.bought, "planned": progress.planned, "in_flight": progress.in_flight,
            "stopping": services.stop.reason, **services.traffic.snapshot(),
        }  # fmt: skip
        return services.redactor.text(json.dumps(values)).encode() + b"\n"
