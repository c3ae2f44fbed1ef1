"""``make ui``: a Prefect server on 127.0.0.1 with the settings this project needs, and how to point at it.

``python -m deployments.ui [PORT [HOST]]``: another host only where something else keeps strangers out.
"""

import os
import sys
from collections.abc import Mapping, Sequence

HOST = "127.0.0.1"
PORT = 4200

SETTINGS: Mapping[str, str] = {
    # the recorder writes one row at a time by default, falls behind at 45 task runs a second and then drops some
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "200",
    # leases kept in memory stay taken for ever when the server restarts
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # where the newer pages hide Resume and Retry in a menu, the older ones have them as buttons; a person may switch
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


def server_environment(port: int = PORT) -> dict[str, str]:
    """The environment of this process plus the server's settings; what the user set already wins."""
    own = {**SETTINGS, "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api"}
    return {**own, **os.environ}


def main(argv: Sequence[str] | None = None) -> None:
    """Become the server; never returns."""
    words = list(sys.argv[1:] if argv is None else argv)
    port = int(words[0]) if words else PORT
    host = words[1] if len(words) > 1 else HOST
    print(
        f"Prefect UI: http://{HOST}:{port}\n"
        f"Point runs at it, in another terminal:  export PREFECT_API_URL=http://{HOST}:{port}/api",
        flush=True,
    )
    program = os.path.join(os.path.dirname(sys.executable), "prefect")  # noqa: PTH118, PTH120 - a venv's link stays a link
    os.execve(  # noqa: S606 - our own program, no shell
        program, [program, "server", "start", "--host", host, "--port", str(port)], server_environment(port)
    )


if __name__ == "__main__":
    main()
