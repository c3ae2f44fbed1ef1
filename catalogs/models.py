"""The model table: every model we know, found by id, alias, title or a provider's spelling, in any case.

Left out: Gemini's image models. Their prices are public, but no source states how they are called through the gateway.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType

from catalogs import models_flux, models_openai, models_reverse, models_vision
from catalogs.types import Model, Operation, Param

MODELS: Mapping[str, Model] = MappingProxyType(
    {row.id: row for row in (*models_reverse.ROWS, *models_openai.ROWS, *models_flux.ROWS, *models_vision.ROWS)}
)
MEANT_BY = MappingProxyType({"gpt-4o": "sora_image"})  # what a row that makes pictures means by a reader's name
WARN_DAYS_AHEAD = 90
_WIDTH_X_HEIGHT = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")


class UnknownModel(KeyError):
    """No model has this name; ``nearest`` is the most similar one, if any is similar at all."""

    def __init__(self, name: str, nearest: str | None) -> None:
        super().__init__(name)
        self.name = name
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f" (did you mean {self.nearest!r}?)" if self.nearest else ""
        return f"unknown model {self.name!r}{hint}"


def names_of(model: Model) -> tuple[str, ...]:
    """Every spelling the model is found by, its id first."""
    return tuple(dict.fromkeys((model.id, *model.aliases, *model.wire_ids.values(), model.title)))


_BY_NAME: Mapping[str, Model] = {name.casefold(): model for model in MODELS.values() for name in names_of(model)}


@lru_cache(maxsize=4096)
def _nearest(name: str) -> str | None:
    found = get_close_matches(name, _BY_NAME, n=1, cutoff=0.6)
    return _BY_NAME[found[0]].id if found else None


@lru_cache(maxsize=4096)
def find_model(name: str) -> Model:
    """The model called ``name``: an id, alias, title or wire id, in any case. Raises UnknownModel with the nearest."""
    folded = name.strip().casefold()
    model = _BY_NAME.get(folded)
    if model is None:
        raise UnknownModel(name, _nearest(folded))
    return model


@lru_cache(maxsize=4096)
def resolve(name: str, operation: Operation) -> tuple[Model, str | None]:
    """The model meant by ``name`` in a row of this operation, and a warning when that is another one than named.

    The seeds write ``gpt-4o`` for Sora Image; as a model that reads pictures it keeps its name. Whether the model can
    do the operation is for the reader to check (``model.formats``). Raises UnknownModel.
    """
    model = find_model(name)
    if model.id in MEANT_BY and operation != "vision":
        meant = MODELS[MEANT_BY[model.id]]
        return meant, f"{name!r} means {meant.id!r} for {operation}: {model.id} itself only reads pictures"
    return model, None


def wire_id(model: Model, provider: str) -> str:
    """How ``provider`` spells the model in a request."""
    return model.wire_ids.get(provider, model.id)


@lru_cache(maxsize=4096)
def retirement(model: Model, today: date) -> str | None:
    """One clause on a model retired by ``today`` or within 90 days, naming its replacement; None when it is neither."""
    if model.retired_on is None or (days := (model.retired_on - today).days) > WARN_DAYS_AHEAD:
        return None
    in_days = "in 1 day" if days == 1 else f"in {days} days"
    when = f"was retired on {model.retired_on}" if days <= 0 else f"retires on {model.retired_on}, {in_days}"
    instead = f"use {named_successors(model)}" if model.replacement else "no replacement is named"
    return f"{model.id} {when}; {instead}"


def named_successors(model: Model, mark: str = "") -> str:
    """The replacements that its maker names, ``mark`` around each; those that we cannot call yet are told apart."""
    return " or ".join(
        f"{mark}{name}{mark}" + ("" if name in MODELS else " (not in the table yet)") for name in model.replacement
    )


def first_living(models: Iterable[Model], today: date) -> Model | None:
    """The first of them that is not retired by ``today``."""
    return next((model for model in models if model.retired_on is None or model.retired_on > today), None)


@lru_cache(maxsize=1024)
def successor(model: Model, operation: Operation, today: date) -> Model | None:
    """The first named replacement that we know, that does the operation and lives; None when there is none."""
    known = (MODELS[name] for name in model.replacement if name in MODELS)
    return first_living((row for row in known if operation in row.formats), today)


@lru_cache(maxsize=1024)
def params_for(model: Model, operation: Operation) -> Mapping[str, Param]:
    """The request parameters the model accepts in this operation."""
    return {name: rule for name, rule in model.params.items() if not rule.operations or operation in rule.operations}


@lru_cache(maxsize=4096)
def accepts_size(model: Model, operation: Operation, size: str) -> bool:
    """Whether ``size`` ("1024x1024", "auto") may be sent. In chat none can, whatever the model's other route takes."""
    if model.formats.get(operation, "").startswith("chat"):
        return False
    return size in model.sizes or (model.free_sizes and _is_free_size(model, size))


def _is_free_size(model: Model, size: str) -> bool:
    match = _WIDTH_X_HEIGHT.fullmatch(size)
    if match is None:
        return False
    width_px, height_px = int(match[1]), int(match[2])
    short_px, long_px = sorted((width_px, height_px))
    in_shape = short_px % 16 == 0 and long_px % 16 == 0 and long_px <= 3 * short_px
    return in_shape and long_px <= model.max_side_px and width_px * height_px <= model.max_pixels


def prompt_length(model: Model, prompt: str) -> int:
    """The prompt's length in the unit of the model's limits; tokens are taken as a quarter of the UTF-8 bytes, up."""
    if model.prompt_unit == "chars":
        return len(prompt)
    in_bytes = len(prompt.encode("utf-8", "surrogatepass"))
    return in_bytes if model.prompt_unit == "bytes" else -(-in_bytes // 4)
