"""An S3 server in a process of its own, so that runs and the test do not wait for each other's interpreter."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.moto import S3Server, s3_server

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Serve until stdin ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with s3_server() as server:
        print(server.endpoint, flush=True)
        sys.stdin.read()
    os._exit(0)  # its threads may still wait for clients


@contextmanager
def s3_apart() -> Iterator[S3Server]:
    """The server for as long as the context lasts."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.s3_process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        yield S3Server(child.stdout.readline().strip())
    finally:
        child.stdin.close()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


if __name__ == "__main__":
    main()
