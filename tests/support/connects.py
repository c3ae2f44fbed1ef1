"""Every connect of this process, as the interpreter itself reports it; none may leave the machine."""

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_listening: list[list[str]] = []
_hooked = False


class LeftTheMachine(ConnectionError):
    """A connect beyond loopback was stopped: tests have no network."""


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" or not _listening or not isinstance(arguments[1], tuple):
        return
    address = str(arguments[1][0])
    for record in _listening:
        record.append(address)
    if not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        raise LeftTheMachine(address)


@contextmanager
def recorded_connects() -> Iterator[list[str]]:
    """The addresses connected to (or tried) while the context lasts, in order; audit hooks see every socket."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    record: list[str] = []
    _listening.append(record)
    try:
        yield record
    finally:
        _listening[:] = [other for other in _listening if other is not record]
