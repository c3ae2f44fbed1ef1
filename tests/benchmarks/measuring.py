"""What a contender prints at its end: CPU of its process tree, wall time, peak memory."""

import json
import resource
import time


class Meter:
    """CPU and wall seconds from here on; ``report`` prints one JSON line."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()

    def report(self) -> None:
        """CPU of this process and its ended children since the process started, wall since the meter was made."""
        usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        found = {
            "cpu_s": sum(u.ru_utime + u.ru_stime for u in usage),
            "wall_s": time.monotonic() - self._began_s,
            "rss_mb": usage[0].ru_maxrss / 1024,
        }
        print(json.dumps(found))
