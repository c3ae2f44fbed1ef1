"""The one place that reads the environment; everything else is handed values.

Plain ``os.environ`` and no settings library: it costs 0.3 s of import, more than ``printroom models`` may take in all.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from catalogs.providers import find_provider, with_base_url
from catalogs.types import Provider

# Here, since Arrow looks only once and this is imported before it: see tasks/engine/running/memory.py.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


class MissingKey(Exception):
    """No API key for the chosen provider, or none that can be sent; the message is the one clear line a user sees."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says: the gateway, its key, hosts that may be fetched although private, the spool."""

    provider: Provider
    api_key: str | None
    allow_hosts: tuple[str, ...]
    spool: Path
    key_block: str | None = None  # a Prefect Secret block that has the key; flows look it up, nobody else

    def require_key(self) -> str:
        """The key, or ``MissingKey`` naming the variable to set."""
        key = (self.api_key or "").strip()
        if key.isascii() and key.isprintable() and key:
            return key
        wrong = "the API key holds characters that cannot be sent (an ellipsis, a line break?)" if key else "no API key"
        raise MissingKey(
            f"{wrong}: set {self.provider.key_variable} (or PRINTROOM_API_KEY, or name a Prefect Secret block in "
            f"PRINTROOM_API_KEY_BLOCK) for provider {self.provider.name!r}, or rehearse with --provider sandbox"
        )

    def secrets(self) -> tuple[str, ...]:
        """Values that must never be shown."""
        named = (os.environ.get(name) for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PREFECT_API_KEY"))
        return tuple(value for value in (self.api_key, *named) if value)


def read_settings(provider: str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings for ``provider`` (default ``PRINTROOM_PROVIDER``, else ``apiyi``). ``KeyError`` if it is not known.

    ``ValueError``: the base URL is none, or a rehearsal would go to a machine that is neither this one nor allowed.
    """
    env = os.environ if environ is None else environ
    chosen = find_provider(provider or env.get("PRINTROOM_PROVIDER") or "apiyi")
    base_url = env.get("PRINTROOM_BASE_URL")
    if base_url:
        chosen = with_base_url(chosen, base_url)
    hosts = tuple(host.strip() for host in env.get("PRINTROOM_ALLOW_HOSTS", "").split(",") if host.strip())
    key = env.get("PRINTROOM_API_KEY") or env.get(chosen.key_variable)
    if chosen.name == "sandbox":
        _check_rehearsal(chosen.base_url, hosts)
        key = key or "sk-sandbox"
        hosts = (*hosts, "127.0.0.1")
    state = Path(env.get("XDG_STATE_HOME") or Path(env.get("HOME", "/tmp")) / ".local/state")  # noqa: S108 - no home
    spool = Path(env["PRINTROOM_SPOOL"]) if env.get("PRINTROOM_SPOOL") else state / "printroom" / "spool"
    return Settings(chosen, key, hosts, spool, env.get("PRINTROOM_API_KEY_BLOCK") or None)


def _check_rehearsal(base_url: str | None, hosts: tuple[str, ...]) -> None:
    """A base URL that is left over from another gateway would turn a rehearsal into paid calls."""
    host = urlsplit(base_url or "http://localhost").hostname or ""
    if host == "localhost" or host in {name.lower().strip("[]") for name in hosts}:
        return
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = False
    if not here:
        raise ValueError(
            f"{host!r} is not this machine, where a sandbox is: unset PRINTROOM_BASE_URL, or, if a sandbox does run "
            "there, name the host in PRINTROOM_ALLOW_HOSTS"
        )


def with_key(settings: Settings, api_key: str) -> Settings:
    """The same settings with a key from elsewhere (a Prefect Secret block)."""
    return replace(settings, api_key=api_key)


def at_address(settings: Settings, base_url: str) -> Settings:
    """The same settings with the gateway at ``base_url`` (a sandbox that was just started)."""
    return replace(settings, provider=with_base_url(settings.provider, base_url))


def approval_timeout_s() -> int:
    """How long a plan waits for approval (``PRINTROOM_APPROVAL_HOURS``, default 24), in seconds."""
    return max(1, round(3600 * float(os.environ.get("PRINTROOM_APPROVAL_HOURS") or 24)))
