"""Temporary folders that do not outlive their process for long: those of killed ones are swept by the next.

A folder's owner holds a lock on a file in it, which the kernel lets go of however the process ends. A free lock is
therefore a proof; the age only spares a folder that is just being made. What must survive its process, answers in the
spool, is not kept here.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

PREFIX = "printroom-plan-"
OWNER = ".owner"
SWEPT_AFTER_S = 3_600.0
UNLOCKED_SWEPT_AFTER_S = 7 * 86_400.0  # without a file to lock: its process died at once, or is an older version


class Scratch:
    """A new folder of this process, readable by its user only; ``remove`` it when it is no longer needed."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock: int | None = os.open(self.path / OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """The folder with all that is in it; again does nothing."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def sweep() -> int:
    """Remove what killed processes of this user left in the temporary directory; how many folders."""
    with os.scandir(tempfile.gettempdir()) as entries:
        ours = [Path(entry.path) for entry in entries if entry.name.startswith(PREFIX)]
    return sum(_swept(folder) for folder in ours)


def _swept(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False  # its owner has just removed it
    age_s = time.time() - found.st_mtime
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or age_s < SWEPT_AFTER_S:
        return False
    try:
        lock = os.open(folder / OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return age_s > UNLOCKED_SWEPT_AFTER_S and _removed(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _removed(folder)
    except OSError:
        return False  # its owner lives
    finally:
        os.close(lock)


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
