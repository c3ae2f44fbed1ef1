"""The sandbox as a child process: started, asked for its bill, stopped, and never left behind."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import httpx

READY = "sandbox ready on "
ROOT = Path(__file__).resolve().parents[2]  # where the rooms can be imported from


class SandboxFailed(RuntimeError):
    """The sandbox did not start; the message is what it said."""


class SandboxProcess:
    """A sandbox of its own on 127.0.0.1, ready when entered.

    ``options`` are those of the command line. The child reads a pipe from this process and ends when that closes, so it
    is gone even if this process is killed; it is a session of its own, so that a Ctrl-C here does not stop it first.

    >>> with SandboxProcess("--scenario", "storm", latency_scale=0) as sandbox:
    ...     run(base_url=sandbox.base_url)
    ...     assert sandbox.bill()["totals"]["micros"] == spent
    """

    def __init__(
        self, *options: str, port: int = 0, latency_scale: float | None = None, scenarios: Sequence[str] = ()
    ) -> None:
        self._options = [*options, "--port", str(port), "--with-stdin"]
        if latency_scale is not None:
            self._options += ["--latency-scale", str(latency_scale)]
        for scenario in scenarios:
            self._options += ["--scenario", scenario]
        self._child: subprocess.Popen[str] | None = None
        self.base_url = ""

    def start(self) -> Self:
        """Start and wait until it listens. Raises SandboxFailed."""
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._child = subprocess.Popen(  # noqa: S603 - our own module, run by our own interpreter
            [sys.executable, "-m", "deployments.sandbox", *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
            text=True,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        line = self._child.stdout.readline().strip()
        if not line.startswith(READY):
            self.stop()
            raise SandboxFailed(f"the sandbox did not start: {line or 'it said nothing'}")
        self.base_url = line.removeprefix(READY)
        return self

    def stop(self) -> None:
        """End the child and wait for it; harmless when it has ended already."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def root_url(self) -> str:
        """The address without ``/v1``."""
        return self.base_url.removesuffix("/v1")

    @property
    def pid(self) -> int | None:
        """The child's process id, None when it is not running."""
        return self._child.pid if self._child else None

    def bill(self) -> dict[str, Any]:
        """``{"charges": [...], "totals": {"charges", "images", "micros", "usd", …}}``."""
        return dict(self._asked("/__bill"))

    def bill_csv(self) -> str:
        """The usage export, as a file to reconcile."""
        return str(self._read("/__bill.csv").text)

    def health(self) -> dict[str, Any]:
        """``{"status": "ok", "charges": 12, "in_hand": 3}``: charges so far, paid calls that are still served."""
        return dict(self._asked("/__health"))

    def log(self, path: str = "/v1/") -> list[dict[str, Any]]:
        """Finished requests whose path begins so, oldest first, with ``started_s`` and ``finished_s``."""
        return list(self._asked(f"/__log?path={path}")["requests"])

    def switch(self, **change: Any) -> dict[str, Any]:
        """Change settings while it runs: ``switch(scenarios=["rate_limit:0.2"], latency_scale=0)``."""
        return dict(self._asked("/__scenario", change))

    def reset(self) -> None:
        """Forget bill, files, log and counters."""
        self._asked("/__reset", {})

    def _asked(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._read(path, body).json()

    def _read(self, path: str, body: Mapping[str, Any] | None = None) -> "httpx.Response":
        import httpx

        with httpx.Client(base_url=self.root_url, timeout=30, trust_env=False) as client:
            reply = client.get(path) if body is None else client.post(path, json=body)
        return reply.raise_for_status()
