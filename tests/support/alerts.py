"""Somebody who is told: a webhook on 127.0.0.1 that keeps what an automation's notification says."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.prefect_server import PrefectServer
from tests.support.team import new_block

BLOCK = "custom-webhook/alerts"


@dataclass(slots=True)
class Alerts:
    """What came, as (subject, body)."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def wait_for(self, words: str) -> str:
        """The body of the first alert whose subject has ``words``; a server looks for late runs every few seconds."""
        for _ in range(240):
            for subject, body in list(self.told):
                if words in subject:
                    return body
            time.sleep(0.25)
        raise AssertionError(f"nobody was told of {words!r}, only: {self.told}")


@contextmanager
def listening(server: PrefectServer) -> Iterator[Alerts]:
    """A listener, and the notification block ``BLOCK`` that leads to it."""
    alerts = Alerts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            alerts.told.append((said["subject"], said["body"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        kind, _, name = BLOCK.partition("/")
        said = {"subject": "{{subject}}", "body": "{{body}}"}
        address = f"http://127.0.0.1:{listener.server_address[1]}/"
        new_block(server, kind, name, {"name": "Printroom", "url": address, "method": "POST", "json_data": said})
        try:
            yield alerts
        finally:
            listener.shutdown()
