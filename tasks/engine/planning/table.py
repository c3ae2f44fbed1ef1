"""The model table as one run sees it: prices given on the command line, retired models replaced, lookups cached."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from catalogs import prices
from catalogs.answers import JSON_SCHEMA
from catalogs.keys import canonical_json
from catalogs.models import find_model
from catalogs.providers import at_provider
from catalogs.types import ByToken, Model, Provider
from tasks.engine.planning.request import VISION_MAX_TOKENS
from tasks.journal.events import Wanted
from tasks.protocols.prompting import vision_prompt


@dataclass(frozen=True, slots=True)
class ReadingPrice:
    """What one paid reading of a picture costs and can cost, in micro-dollars; None = nobody stated a price."""

    model: str
    estimate_micros: int | None
    cap_micros: int | None


class UnknownPrice(Exception):
    """A model whose price nobody stated; it is refused unless ``--price`` gives one."""


class ModelTable:
    """Models by id, with this run's own prices (``{"model": "0.02"}``).

    ``at_least``: prices stated by another name that rows may use for a model. Others call it by its own, so a lower one
    than the table's is not believed: less than it may cost would be reserved.
    """

    def __init__(
        self, provider: Provider, own_prices: Mapping[str, str] | None = None, at_least: Mapping[str, str] | None = None
    ) -> None:
        self._provider = provider
        self._models: dict[str, Model] = {}
        self._flat: dict[tuple[Any, ...], tuple[int | None, int | None]] = {}
        self._prices: dict[tuple[Any, ...], tuple[int | None, int | None]] = {}
        for name, usd in (own_prices or {}).items():
            model = self._at_provider(find_model(name))
            self._models[model.id] = prices.with_price(model, usd)
        for name, usd in (at_least or {}).items():
            model = self._at_provider(find_model(name))
            dearer = prices.with_price(model, usd)
            if model.id not in self._models and _picture_micros(dearer) > _picture_micros(model):
                self._models[model.id] = dearer

    def get(self, model_id: str) -> Model:
        """The model with this id or alias; ``KeyError`` if there is none."""
        model = self._models.get(model_id)
        if model is None:
            found = find_model(model_id)
            model = self._models.get(found.id) or self._at_provider(found)
            self._models[model_id] = self._models[found.id] = model
        return model

    def _at_provider(self, model: Model) -> Model:
        """The row at this run's provider. The sandbox sets no request limit, so a rehearsal is not paced by one."""
        model = at_provider(model, self._provider)
        return replace(model, rpm=None) if self._provider.family == "sandbox" else model

    def price(self, wanted: Wanted) -> tuple[int | None, int | None]:
        """(estimate, worst case) of one call in micro-dollars; None = nobody stated a price."""
        params = wanted.params
        size, quality, max_tokens = params.get("size"), params.get("quality"), params.get("max_tokens")
        inputs = len(wanted.input_sha256s) + (wanted.mask_sha256 is not None)
        shape = (wanted.model, wanted.operation, wanted.samples, size, quality, inputs, max_tokens)
        if (flat := self._flat.get(shape)) is not None:
            return flat
        model = self.get(wanted.model)
        by_token = model.price is not None and isinstance(model.price.rule, ByToken)
        asked: dict[str, Any] = {
            "operation": wanted.operation,
            "n": wanted.samples,
            "size": None if size is None else str(size),
            "quality": None if quality is None else str(quality),
            "input_images": inputs,
            "prompt_chars": _chars(wanted) if by_token else 0,
            "max_tokens": max_tokens,
        }
        what = (model.id, *asked.values())
        priced = self._prices.get(what)
        if priced is None:
            priced = self._prices[what] = (prices.estimate_micros(model, **asked), prices.cap_micros(model, **asked))
        if not by_token:
            self._flat[shape] = priced
        return priced

    def reading(self, ocr: str) -> ReadingPrice | None:
        """The price of a reading by ``--ocr``; None where it is free (local) or off."""
        if ocr in ("local", "off"):
            return None
        model = self.get(ocr)
        asked: dict[str, Any] = {
            "operation": "vision", "input_images": 1, "prompt_chars": len(vision_prompt("ocr", "")),
            "max_tokens": VISION_MAX_TOKENS,
        }  # fmt: skip
        return ReadingPrice(model.id, prices.estimate_micros(model, **asked), prices.cap_micros(model, **asked))

    def reading_cap(self, model: Model, max_tokens: int, prompt_chars: int) -> int:
        """The worst case of one paid reading; ``UnknownPrice`` if nobody stated the model's price."""
        cap = prices.cap_micros(
            model, operation="vision", input_images=1, prompt_chars=prompt_chars, max_tokens=max_tokens
        )
        if cap is None:
            raise UnknownPrice(model.id)
        return cap


def _chars(wanted: Wanted) -> int:
    """What is charged as text: the prompt, and an answer's schema, which goes beside it once more."""
    schema = wanted.params.get(JSON_SCHEMA)
    return len(wanted.prompt_sent) + (len(canonical_json(schema)) if schema is not None else 0)


def _picture_micros(model: Model) -> int:
    """What one picture costs; 0 where nobody stated it."""
    return prices.cap_micros(model, operation="generate", n=1) or 0
