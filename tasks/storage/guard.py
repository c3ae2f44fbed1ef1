"""Which addresses may be reached on behalf of a URL that someone else wrote.

Only public unicast addresses, unless the user has allowed the host by name. The lists are explicit, after the IANA
special-purpose registries (as of 2026-11) and the metadata services of clouds that live on public addresses: Python
3.11's ``is_global`` lets through, among others, 192.0.0.0/24, 64:ff9b:1::/48 and 2002::/16.
"""

import asyncio
import functools
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

_NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and metadata of some clouds (100.100.100.200)
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host
        "169.254.0.0/16",  # link-local: metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments: Oracle's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # all that was ever handed out
_NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # how a network without IPv4 reaches it: judged by what it carries

_NUMBER = re.compile(r"(?:\d+|0x[0-9a-f]*)", re.IGNORECASE)


class Blocked(ValueError):
    """An address, or a name that leads to one, that must not be reached."""


@functools.lru_cache(maxsize=4096)
def is_public(address: str) -> bool:
    """Whether this is the text of an ordinary address on the internet (an IPv6 zone makes it local)."""
    try:
        return _is_public(ipaddress.ip_address(address))
    except ValueError:
        return False


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id:
        return False
    carried = address.ipv4_mapped or (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None)
    if carried:
        return _is_public(carried)
    return address in _PUBLIC_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


class Guard:
    """Says for a host which addresses may be connected to. ``allow_hosts`` are trusted wherever they lead."""

    def __init__(self, allow_hosts: Iterable[str] = (), *, resolve: Resolve | None = None) -> None:
        self._allowed = frozenset(_plain(host) for host in allow_hosts if host.strip())
        self._resolve = resolve or resolve_by_system

    def is_allowed(self, host: str) -> bool:
        """Whether the user has named this host."""
        return _plain(host) in self._allowed

    def check_host(self, host: str) -> None:
        """Refuse, with ``Blocked``, a host that is itself an address and not public, or one in disguise.

        ``2130706433``, ``127.1`` and ``0x7f000001`` are addresses to the C library, so no name may end in a number.
        """
        plain = _plain(host)
        if plain in self._allowed:
            return
        if ":" in plain or _NUMBER.fullmatch(plain.rpartition(".")[2]):
            if not is_public(plain):
                raise Blocked(f"{host} is not a public address")
        elif plain == "localhost" or plain.endswith(".localhost") or not plain:
            raise Blocked(f"{host!r} is this machine")

    def check_address(self, host: str, address: str) -> None:
        """Refuse, with ``Blocked``, this address of that host, unless the user has named the host."""
        if not is_public(address) and not self.is_allowed(host):
            raise Blocked(f"{host} leads to {address}, which is not a public address")

    async def addresses(self, host: str, port: int) -> list[str]:
        """All addresses of a host, resolved now; connect to these and do not resolve again.

        Raises ``Blocked`` if any one is not public, ``OSError`` if the name does not resolve.
        """
        self.check_host(host)
        found = await self._resolve(host, port)
        for address in found:
            self.check_address(host, address)
        if not found:
            raise OSError(f"{host} has no address")
        return found


async def resolve_by_system(host: str, port: int) -> list[str]:
    """The addresses of a name as the system knows them, in its order of preference."""
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(_with_zone(info[4]) for info in infos))


def _with_zone(place: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> str:
    address = str(place[0])
    zone = place[3] if len(place) == 4 else 0
    return f"{address}%{zone}" if zone and "%" not in address else address


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()
