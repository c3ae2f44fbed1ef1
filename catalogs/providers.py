"""The gateways we know, and how a model's row differs at each: spelling, price, unit of the prompt limit."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import urlsplit

from catalogs.openai_list import OPENAI_PRICES, SAME_AT_OPENAI
from catalogs.types import Model, Provider

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        row.name: row
        for row in (
            Provider(
                name="apiyi",
                family="apiyi",
                base_url="https://api.apiyi.com/v1",
                key_variable="APIYI_API_KEY",
                source="docs.apiyi.com/api-reference/images (2025)",
            ),
            Provider(
                name="openai",
                family="openai",
                base_url="https://api.openai.com/v1",
                key_variable="OPENAI_API_KEY",
                source="openai/openai-openapi openapi.yaml (2026-08-21)",
            ),
            Provider(
                name="sandbox",
                family="sandbox",
                base_url=None,  # it is started when needed, on a port of its own
                key_variable="PRINTROOM_API_KEY",
                source="deployments/sandbox",
            ),
        )
    }
)


class UnknownProvider(KeyError):
    """No provider has this name; ``nearest`` is the most similar one, if any."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.nearest = next(iter(get_close_matches(name.casefold(), PROVIDERS, n=1)), None)

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"unknown provider {self.name!r}: known are {', '.join(PROVIDERS)}{hint}"


def find_provider(name: str) -> Provider:
    """The provider called ``name``, in any case. Raises UnknownProvider."""
    provider = PROVIDERS.get(name.strip().casefold())
    if provider is None:
        raise UnknownProvider(name)
    return provider


def with_base_url(provider: Provider, url: str) -> Provider:
    """The provider at another address, with or without the final ``/v1``; its name and result keys stay.

    Raises ValueError unless it is http(s) with a host, and without user, password, query or fragment: a key belongs
    into its variable, never into an address that is logged.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the base URL must look like https://host/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the base URL must not carry a user, a password, a query or a fragment")
    _ = parts.port  # raises ValueError for a port that is none
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return replace(provider, base_url=f"{parts.scheme}://{parts.netloc}{path}/v1")


@lru_cache(maxsize=1024)
def at_provider(model: Model, provider: Provider) -> Model:
    """The model's row as it is at ``provider``. At OpenAI itself, models of other makers have no known price."""
    if provider.family != "openai":
        return model
    price = OPENAI_PRICES.get(model.id, model.price if model.id in SAME_AT_OPENAI else None)
    return replace(model, price=price, prompt_unit="chars" if model.prompt_unit == "bytes" else model.prompt_unit)
