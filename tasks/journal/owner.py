"""Who we are, and whether another owner's process provably runs no more.

A proof needs the same boot of the same kernel and the same process-id name space. Everything else (another machine,
another container) is left to the take-over time-out.
"""

import os
import secrets
import socket
import uuid
from functools import cache
from pathlib import Path

from tasks.journal.events import Owner

_PROC = Path("/proc")
_ended: set[str] = set()  # tokens of owners whose run is over, in a process that goes on


def this_process(run_id: str) -> Owner:
    """The calling process as the owner of partitions, on behalf of one run; another token with every call."""
    pid = os.getpid()
    return Owner(
        token=secrets.token_hex(8),
        run_id=run_id,
        host=socket.gethostname(),
        boot_id=_boot_id(),
        pid_ns=_pid_namespace(),
        pid=pid,
        started=_started(pid) or "",
    )


def has_ended(owner: Owner) -> None:
    """Say of an owner of this process that it makes no call any more; what it may still write, it is fenced from."""
    _ended.add(owner.token)


def provably_gone(owner: Owner) -> bool:
    """True only if ``owner`` ran under this very kernel and process-id name space, and its process is no more.

    Or if it has ended in this very process, which is the only one that its token was drawn for.
    """
    if owner.token in _ended:
        return True
    if (owner.boot_id, owner.pid_ns) != (_boot_id(), _pid_namespace()) or not owner.boot_id:
        return False
    if _no_such_process(owner.pid):
        return True
    started = _started(owner.pid)
    return started is not None and started != owner.started


@cache
def _boot_id() -> str:
    try:
        return _PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"node-{uuid.getnode():x}"  # no boot id on this system; a missing pid is a proof across boots too


@cache
def _pid_namespace() -> str:
    try:
        return str(_PROC.joinpath("self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """The start time of a process in kernel ticks since boot; "" of its unreaped remains; None if we may not know."""
    try:
        stat = _PROC.joinpath(str(pid), "stat").read_text()
    except OSError:  # not Linux, or the processes of other users are hidden from us
        return None
    values = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything; the state comes next
    state, threads, started = values[0], int(values[17]), values[19]
    return "" if state in "ZX" and threads <= 1 else started


def _no_such_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
