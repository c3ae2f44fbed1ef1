"""The end of the process, with the exit code that was meant."""

import atexit
import os
import sys


class Exit:
    """Made before anything else, so that its hook runs after all others; ``code`` is set when it is known.

    obstore's threads may still hold Python objects when a request has just failed, and an interpreter that is taken
    down at that moment aborts (134) half of the time. So where obstore was used, nothing is taken down.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._leave)

    def _leave(self) -> None:
        if self.code is None or "obstore" not in sys.modules:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)
